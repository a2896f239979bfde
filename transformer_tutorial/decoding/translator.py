"""Text in, text and attention out.

`Translator` is the notebook's class: called with one sentence it returns text, tokens and attention weights, also
inside a graph. `translate` and `translate_in_batches` are for many sentences; the command line uses the same two.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from transformer_tutorial.data.tokenizer_pair import encode
from transformer_tutorial.decoding.greedy import greedy_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.model import AttentionMaps
from transformer_tutorial.token_ids import PADDING_ID

MAX_TOKENS = 128


class Alignment(NamedTuple):
    """One translation, token by token.

    Attributes:
        text: the translation.
        source_tokens: S pieces of the source, from [START] to [END].
        target_tokens: T pieces of the translation, those that were predicted: without [START], with [END].
        maps: the attention weights while each of them was predicted; B is 1.
    """

    text: str
    source_tokens: list[str]
    target_tokens: list[str]
    maps: AttentionMaps


class Translator(tf.Module):
    """Translates text with a trained model.

    Args:
        tokenizers: a `TokenizerPair`, or the tutorial's converter: anything with a tokenizer for each language, as
            `source` and `target` or as `pt` and `en`.
        transformer: the model.
        max_tokens: longer sources are cut to so many tokens, the end token included.
    """

    def __init__(self, tokenizers, transformer, max_tokens: int = MAX_TOKENS):
        super().__init__()
        self.tokenizers, self.transformer, self.max_tokens = tokenizers, transformer, max_tokens
        self.source = getattr(tokenizers, "source", None) or tokenizers.pt
        self.target = getattr(tokenizers, "target", None) or tokenizers.en
        self.truncated = 0
        self._searches: dict[tuple[int, float], BatchSearch] = {}

    def __call__(self, sentence, max_length: int = MAX_TOKENS):
        """The notebook's call: one sentence, greedy search.

        Args:
            sentence: string scalar.
            max_length: most tokens of the translation, [START] and [END] included.

        Returns:
            The text, a string scalar; its tokens from [START] on, strings (T,); and the last decoder layer's
            cross-attention weights, float32, (1, H, T - 1, S).
        """
        source_ids = tf.cast(self.source.tokenize(tf.reshape(sentence, [1])).to_tensor(), tf.int32)
        step = PlainStep(self.transformer)
        ids = greedy_search(step, step.start(source_ids), tf.shape(source_ids)[0], max_length).ids
        ids = ids[:, : tf.reduce_max(tf.where(ids[0] != PADDING_ID)) + 1]
        maps = self.transformer.attention_maps((source_ids, ids[:, :-1]))
        text = self.target.detokenize(tf.cast(ids, tf.int64))[0]
        return text, self.target.lookup(tf.cast(ids, tf.int64))[0], maps.cross[-1]

    def translate(self, texts: Sequence[str], beam_size: int = 1, length_penalty: float = 1.0) -> list[str]:
        """Translates many sentences; a blank one gives an empty translation."""
        hypotheses = self._search(texts, beam_size, length_penalty)
        return self._detokenize(texts, hypotheses)

    def translate_in_batches(
        self, texts: Iterable[str], beam_size: int = 1, length_penalty: float = 1.0, batch_size: int = 256
    ) -> Iterator[list[str]]:
        """Translates a stream of sentences in order, `batch_size` at a time, in bounded memory."""
        texts = iter(texts)
        while batch := list(itertools.islice(texts, batch_size)):
            yield self.translate(batch, beam_size, length_penalty)

    def align(self, text: str, beam_size: int = 1, length_penalty: float = 1.0) -> Alignment:
        """Translates one sentence and returns the attention weights of every layer and head as well."""
        source = self._encode([text])
        (ids,) = self._search([text], beam_size, length_penalty)
        maps = self.transformer.attention_maps((np.array(source), ids[None, :-1]))
        tokens = [_pieces(self.source, source[0]), _pieces(self.target, ids[1:])]
        return Alignment(self._detokenize([text], [ids])[0], *tokens, AttentionMaps(*map(np.asarray, maps)))

    def _search(self, texts: Sequence[str], beam_size: int, length_penalty: float) -> list[np.ndarray]:
        key = beam_size, length_penalty
        if key not in self._searches:
            self._searches[key] = BatchSearch(self.transformer, beam_size, length_penalty, self.max_tokens + 1)
        source = self._encode(texts)
        return in_order(search_all(self._searches[key], source), len(source))

    def _encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        encoded = encode(self.source, texts, self.max_tokens)
        self.truncated += encoded.truncated
        return encoded.ids

    def _detokenize(self, texts: Sequence[str], hypotheses: Sequence[np.ndarray]) -> list[str]:
        if not texts:
            return []
        lines = self.target.detokenize(tf.ragged.constant([list(ids) for ids in hypotheses], tf.int64)).numpy()
        lines = [line.decode("utf-8", "replace").replace("\n", " ").strip() for line in lines]
        return [line if text.strip() else "" for text, line in zip(texts, lines, strict=True)]


class ExportTranslator(tf.Module):
    """The notebook's wrapper: a `tf.function` from one string to one string, for `tf.saved_model.save`.

    Args:
        translator: a `Translator`.
    """

    def __init__(self, translator: Translator):
        super().__init__()
        self.translator = translator

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, sentence):
        return self.translator(sentence, max_length=MAX_TOKENS)[0]


def print_translation(sentence: str, tokens, ground_truth: str) -> None:
    """The notebook's function: input, prediction and ground truth on a line each; `tokens` is the translation."""
    text = tokens.numpy().decode() if hasattr(tokens, "numpy") else tokens
    for label, line in (("Input", sentence), ("Prediction", text), ("Ground truth", ground_truth)):
        print(f"{label + ':':15s}: {line}")


def _pieces(tokenizer, ids) -> list[str]:
    return [piece.decode("utf-8", "replace") for piece in tokenizer.lookup(tf.constant(ids, tf.int64)).numpy()]
