"""Many sentences at once: grouped by length, searched in batches, put back in order.

A sentence is padded to the next multiple of 8, and may become about twice as long. Both depend on itself alone, so its
translation does not depend on its neighbours.

Next: translator.py
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from transformer_tutorial.decoding.beam import beam_search
from transformer_tutorial.decoding.greedy import Hypotheses, greedy_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.model import Transformer
from transformer_tutorial.token_ids import END_ID

WIDTH_STEP = 8


def padded_width(length: int) -> int:
    """`length` rounded up to the next multiple of 8."""
    return -(-length // WIDTH_STEP) * WIDTH_STEP


class BatchSearch:
    """Translates batches of ids with one compiled search.

    Args:
        model: the Transformer.
        beam_size: 1 is greedy search.
        length_penalty: see `beam_search`.
        max_length: most tokens of a translation, [START] and [END] included; at most the model's 2,048.
    """

    def __init__(self, model: Transformer, beam_size: int = 1, length_penalty: float = 1.0, max_length: int = 129):
        self.model, self.beam_size, self.length_penalty, self.max_length = model, beam_size, length_penalty, max_length
        self.search = self._search
        if keras.backend.backend() == "tensorflow":
            ids = tf.TensorSpec((None, None), tf.int32)
            self.search = tf.function(self._search, input_signature=[ids, tf.TensorSpec((), tf.int32)])

    def _search(self, source_ids, max_length) -> Hypotheses:
        step = PlainStep(self.model)
        state, batch_size = step.start(source_ids), keras.ops.shape(source_ids)[0]
        if self.beam_size == 1:
            return greedy_search(step, state, batch_size, max_length)
        return beam_search(step, state, batch_size, max_length, self.beam_size, self.length_penalty)

    def length_limit(self, width: int) -> int:
        """Most tokens of the translation of a source padded to `width`: twice as many, some more, or `max_length`."""
        return min(self.max_length, 2 * width + 16)

    def __call__(self, source: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Translates a batch of sentences of the same padded width; ids from [START] to [END], without padding."""
        width = padded_width(max(map(len, source)))
        padded = np.zeros((len(source), width), np.int32)
        for row, ids in zip(padded, source, strict=True):
            row[: len(ids)] = ids
        limit = self.length_limit(width)
        found = self.search(padded, np.int32(limit) if keras.backend.backend() == "tensorflow" else limit)
        return [_trim(row) for row in keras.ops.convert_to_numpy(found.ids)]


def _trim(ids: np.ndarray) -> np.ndarray:
    ends = np.flatnonzero(ids == END_ID)
    return ids[: ends[0] + 1] if len(ends) else np.trim_zeros(ids, "b")


def search_all(
    search: Callable[[Sequence[np.ndarray]], list[np.ndarray]], source: Sequence[np.ndarray], batch_size: int = 64
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Searches all sentences, shortest first; yields (their numbers, their translations) batch by batch."""
    order = sorted(range(len(source)), key=lambda i: len(source[i]))
    for _, group in itertools.groupby(order, key=lambda i: padded_width(len(source[i]))):
        numbers = list(group)
        for start in range(0, len(numbers), batch_size):
            chosen = numbers[start : start + batch_size]
            yield chosen, search([source[i] for i in chosen])


def in_order(batches: Iterator[tuple[list[int], list]], count: int) -> list:
    """Puts what `search_all` yields back into the order of the sources."""
    results: list = [None] * count
    for numbers, found in batches:
        for number, result in zip(numbers, found, strict=True):
            results[number] = result
    return results
