"""A corpus, read and tokenised once, kept on disk and read from there afterwards.

The folder's name is a digest of the text and of the settings that matter, so another corpus or another vocabulary size
makes another folder. How it survives is in kept_folder.py.

Next: batches.py
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import Corpus, Split
from transformer_tutorial.data.kept_folder import load_or_write
from transformer_tutorial.data.tokenizer_pair import TokenizerPair, encode

if TYPE_CHECKING:
    from transformer_tutorial.data.shards import Shards

VERSION = 1  # of the layout; part of the digest


class EncodedSplit(NamedTuple):
    """One split as ids.

    Attributes:
        source: one int32 array a sentence, from [START] to [END].
        target: likewise, as many.
        skipped: pairs left out because a side was blank.
        truncated: sentences of either side that were cut to `max_tokens`.
    """

    source: list[np.ndarray]
    target: list[np.ndarray]
    skipped: int
    truncated: int

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.source)


class PreparedCorpus(NamedTuple):
    """What training needs of a corpus.

    Attributes:
        digest: names the text and the settings it was prepared with.
        tokenizers: learnt from the training split.
        train: the training split, in memory or on disk.
        validation: the validation split.
        text: the sentences of the splits that are in memory, by name.
        folder: where it is kept.
        corpus: what it was made from.
    """

    digest: str
    tokenizers: TokenizerPair
    train: "EncodedSplit | Shards"
    validation: EncodedSplit
    text: dict[str, Split]
    folder: Path
    corpus: Corpus


def prepare(corpus: Corpus, config: Config, cache_dir: Path) -> PreparedCorpus:
    """Reads the training and validation splits of `corpus`, learns the tokenizers, and keeps the result.

    Args:
        corpus: opened with the config's data and languages.
        config: its tokenizer settings are used.
        cache_dir: the result goes to a folder in here, or is found there.

    Raises:
        Failure: it can be neither found there nor written.
    """
    text = {name: corpus.read(name) for name in ("train", "validation")}
    digest = corpus_digest(tuple(text.values()), config)
    folder = cache_dir / digest[:16]
    tokenizers, *splits = load_or_write(folder, _load, partial(_prepare, text=text, config=config))
    return PreparedCorpus(digest, tokenizers, *splits, text, folder, corpus)


def default_cache_dir(data_dir: Path | None) -> Path:
    """Where prepared corpora are kept: in `data_dir`, or in the user's cache folder."""
    if data_dir is not None:
        return data_dir / "prepared"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "transformer_tutorial" / "prepared"


def _load(folder: Path) -> tuple[TokenizerPair, EncodedSplit, EncodedSplit]:
    report = json.loads((folder / "report.json").read_text())
    splits = (load_split(folder / f"{name}.npz", report[name]) for name in ("train", "validation"))
    return TokenizerPair.load(folder / "tokenizers"), *splits


def _prepare(folder: Path, text: dict[str, Split], config: Config) -> None:
    tokenizers = learn_tokenizers(text["train"], config)
    tokenizers.save(folder / "tokenizers")
    report = {
        name: store_split(folder / f"{name}.npz", split, tokenizers, config.max_tokens) for name, split in text.items()
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")


def learn_tokenizers(train: Split, config: Config) -> TokenizerPair:
    """The vocabularies of a training text, as the config wants them."""
    print(f"Learning a {config.tokenizer} vocabulary from {len(train.source):,} pairs ...", file=sys.stderr)
    return TokenizerPair.train(
        train.source,
        train.target,
        kind=config.tokenizer,
        vocab_size=config.vocab_size,
        lower_case=config.lower_case,
        joint=config.joint_vocab,
        **({"model_type": config.sentencepiece_model} if config.tokenizer == "sentencepiece" else {}),
        source_language=config.source_language,
        target_language=config.target_language,
    )


def encode_split(split: Split, tokenizers: TokenizerPair, max_tokens: int) -> EncodedSplit:
    """Tokenises one split. A target may have one token more than a source, because it is shifted by one."""
    source = encode(tokenizers.source, split.source, max_tokens)
    target = encode(tokenizers.target, split.target, max_tokens + 1)
    return EncodedSplit(source.ids, target.ids, split.skipped, source.truncated + target.truncated)


def store_split(file: Path, split: Split, tokenizers: TokenizerPair, max_tokens: int) -> dict[str, int]:
    """Tokenises one split and writes it as .npz; returns its counts, for `load_split`."""
    encoded = encode_split(split, tokenizers, max_tokens)
    sides = {"source": encoded.source, "target": encoded.target}
    lengths = {f"{side}_lengths": np.array([len(row) for row in ids]) for side, ids in sides.items()}
    np.savez(file, **{side: np.concatenate(ids) for side, ids in sides.items()}, **lengths)
    return {"pairs": len(encoded.source), "skipped": encoded.skipped, "truncated": encoded.truncated}


def load_split(file: Path, report: dict[str, int]) -> EncodedSplit:
    """What `store_split` wrote, with the counts that it returned."""
    with np.load(file, allow_pickle=False) as stored:
        source, target = (
            np.split(stored[side], np.cumsum(stored[f"{side}_lengths"])[:-1]) for side in ("source", "target")
        )
    return EncodedSplit(source, target, report["skipped"], report["truncated"])


def corpus_digest(splits: Sequence[Split], config: Config) -> str:
    """SHA-256, in hexadecimal, of some splits and of the settings that decide how they are tokenised."""
    digest = hashlib.sha256()
    names = ("source_language", "target_language", "tokenizer", "vocab_size", "lower_case", "max_tokens")
    names += ("joint_vocab", "sentencepiece_model")
    digest.update(repr((VERSION, *(getattr(config, name) for name in names))).encode())
    for split in splits:
        for side in (split.source, split.target):
            digest.update("\n".join([str(len(side)), *side]).encode())
    return digest.hexdigest()
