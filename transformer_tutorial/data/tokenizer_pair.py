"""The two tokenizers of a translation, kept and stored together.

A stored pair is a folder: `tokenizers.json` (kind, languages, case) and one vocabulary file a language.

Next: prepared.py
"""

import functools
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from transformer_tutorial.data.tokenizers import KINDS, Tokenizer
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID


class EncodedTexts(NamedTuple):
    """Sentences as ids.

    Attributes:
        ids: one int32 array a sentence, from [START] to [END].
        truncated: number of sentences that were longer than allowed.
    """

    ids: list[np.ndarray]
    truncated: int


class TokenizerPair(tf.Module):
    """A tokenizer for the source language and one for the target language.

    They are `pair.source` and `pair.target`, and carry the languages' names too: `pair.pt`, `pair.en`, as in the
    tutorial.

    Args:
        source: tokenizer of the source language.
        target: tokenizer of the target language.
        source_language: for example "pt".
        target_language: for example "en"; differs from `source_language`.
    """

    def __init__(self, source: Tokenizer, target: Tokenizer, source_language: str = "pt", target_language: str = "en"):
        super().__init__()
        self.source, self.target = source, target
        self.source_language, self.target_language = source_language, target_language

    def __getattr__(self, name: str) -> Tokenizer:
        # Only asked when ordinary look-up fails, so `source` and `target` are never language names here.
        for side in ("source", "target"):
            if name == self.__dict__.get(f"{side}_language"):
                return self.__dict__[side]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @classmethod
    def train(
        cls,
        source_texts: Iterable[str],
        target_texts: Iterable[str],
        *,
        kind: str,
        vocab_size: int,
        lower_case: bool,
        joint: bool = False,
        source_language: str = "pt",
        target_language: str = "en",
        **options,
    ) -> "TokenizerPair":
        """Learns one vocabulary of about `vocab_size` pieces from each side of the training text, or from both sides.

        Args:
            source_texts, target_texts: sentences.
            kind: "wordpiece" or "sentencepiece".
            vocab_size: largest number of pieces of a vocabulary.
            lower_case: fold case and strip accents.
            joint: one vocabulary, learnt from both sides, serves both languages.
            source_language, target_language: names.
            **options: of the tokenizer's own `train`.
        """
        learn = functools.partial(KINDS[kind].train, vocab_size=vocab_size, lower_case=lower_case, **options)
        if joint:
            source = target = learn(itertools.chain(source_texts, target_texts))
        else:
            source, target = learn(source_texts), learn(target_texts)
        return cls(source, target, source_language, target_language)

    def save(self, folder: Path) -> None:
        """Writes the pair into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for language, tokenizer in self._by_language().items():
            (folder / f"{language}.{tokenizer.file_ending}").write_bytes(tokenizer.to_bytes())
        about = {
            "kind": self.source.kind,
            "lower_case": getattr(self.source, "lower_case", False),
            "source_language": self.source_language,
            "target_language": self.target_language,
        }
        (folder / "tokenizers.json").write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "TokenizerPair":
        """Reads what `save` wrote.

        Raises:
            UsageError: the folder holds no tokenizers, or damaged ones.
        """
        if not (folder / "tokenizers.json").is_file():
            raise UsageError(f"{folder} holds no tokenizers (tokenizers.json is missing). Was the run trained here?")
        try:
            about = json.loads((folder / "tokenizers.json").read_text())
            kind = KINDS[about["kind"]]
            languages = about["source_language"], about["target_language"]
            files = (folder / f"{language}.{kind.file_ending}" for language in languages)
            return cls(*(kind.from_bytes(file.read_bytes(), about["lower_case"]) for file in files), *languages)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"The tokenizers in {folder} are damaged ({type(error).__name__}: {error}). Restore the folder from a "
                "copy, or train in another --run-dir."
            ) from error

    def _by_language(self) -> dict[str, Tokenizer]:
        return {self.source_language: self.source, self.target_language: self.target}


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int, batch_size: int = 2048) -> EncodedTexts:
    """Tokenises `texts`; a sentence of more than `max_tokens` ids is cut and still ends with [END]."""
    ids: list[np.ndarray] = []
    for start in range(0, len(texts), batch_size):
        # Half a surrogate pair, which a Python string may hold, has no UTF-8: it becomes a question mark.
        batch = [text.encode("utf-8", "replace") for text in texts[start : start + batch_size]]
        ragged = tokenizer.tokenize(tf.constant(batch))
        ids.extend(np.split(ragged.flat_values.numpy().astype("int32"), ragged.row_splits.numpy()[1:-1]))
    return cut(ids, max_tokens)


def cut(ids: list[np.ndarray], max_tokens: int) -> EncodedTexts:
    """Shortens rows of more than `max_tokens` ids, in place; they still end with [END]."""
    over = [i for i, row in enumerate(ids) if len(row) > max_tokens]
    for i in over:
        ids[i] = np.append(ids[i][: max_tokens - 1], np.int32(END_ID))
    return EncodedTexts(ids, len(over))
