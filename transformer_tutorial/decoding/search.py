"""Many sentences at once: grouped by length, searched in batches, put back in order.

A sentence is padded to the next multiple of 8, and may become about twice as long. Both depend on itself alone, so its
translation does not depend on its neighbours.

A batch is searched in rounds of 16 positions. After each, the sentences that are done leave, and the step's buffers
get room for the next round: a finished sentence costs at most 15 positions more, and no buffer is much too long.

Next: translator.py
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from transformer_tutorial.decoding.compiled import compiled
from transformer_tutorial.decoding.greedy import GreedySearch
from transformer_tutorial.decoding.loop import Hypotheses, Search, extend_until, lengthen, take_sentences
from transformer_tutorial.fast.cached_step import CachedStep
from transformer_tutorial.model import Transformer
from transformer_tutorial.token_ids import END_ID

WIDTH_STEP = 8
ROUND = 16


class Translation(NamedTuple):
    """One translation of one sentence.

    Attributes:
        ids: from [START] to [END], or to the length limit, without padding; int32, (T,).
        score: of the search that found it.
    """

    ids: np.ndarray
    score: float

    @property
    def cut(self) -> bool:
        """Whether the length limit came before [END]."""
        return bool(self.ids[-1] != END_ID)


def padded_width(length: int) -> int:
    """`length` rounded up to the next multiple of 8."""
    return -(-length // WIDTH_STEP) * WIDTH_STEP


class BatchSearch:
    """Translates batches of ids with one compiled search.

    Args:
        model: the Transformer.
        search: a `BeamSearch` or a `SamplingSearch`; None is greedy search.
        max_length: most tokens of a translation, [START] and [END] included; at least 1, at most the model's 2,048.
        make_step: `CachedStep`, or `PlainStep`, the definition.
        jit_compile: compile with XLA in TensorFlow, too. It takes seconds for each padded width and each number of
            sentences, and pays where the same come again and again. JAX always compiles so.
    """

    def __init__(
        self,
        model: Transformer,
        search: Search | None = None,
        max_length: int = 129,
        make_step: Callable = CachedStep,
        jit_compile: bool = False,
    ):
        self.model, self.search, self.max_length = model, search or GreedySearch(), max_length
        self.make_step = make_step
        self.fixed_shapes = jit_compile or keras.backend.backend() == "jax"
        self._begin = compiled(self._begin_search, model, jit_compile)
        self._advance = compiled(self._advance_search, model, jit_compile)

    def length_limit(self, width: int) -> int:
        """Most tokens of the translation of a source padded to `width`: twice as many, some more, or `max_length`."""
        return min(self.max_length, 2 * width + 16)

    def __call__(self, source: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The ids of the best translation of each sentence of a batch, from [START] to [END], without padding.

        Args:
            source: one int array a sentence, from [START] to [END]; all of the same padded width.
        """
        return [translations[0].ids for translations in self.translations(source)]

    def translations(self, source: Sequence[np.ndarray]) -> list[list[Translation]]:
        """All that the search finds for each sentence of such a batch, best first."""
        # Compiled for each shape: few numbers of rows, and one round. The rows that fill up are done with the first.
        rows = 1 << (len(source) - 1).bit_length() if self.fixed_shapes else len(source)
        filled = [*source, *([source[0]] * (rows - len(source)))]
        padded = _pad(filled)
        limit = self.length_limit(padded.shape[1])
        length = step = limit if self.fixed_shapes else ROUND
        progress = self._begin(padded, *self.search.inputs(filled, limit), max_length=limit, length=min(length, limit))
        found, numbers, going_on = {}, np.arange(rows), np.arange(rows, dtype=np.int32)
        while len(numbers):
            progress = self._advance(progress, going_on, length=min(length, limit))
            done = ops.convert_to_numpy(self.search.done(progress)) | (length >= limit)
            found |= zip(numbers[done], _translations(self.search.hypotheses(progress), done), strict=True)
            going_on, numbers = np.flatnonzero(~done).astype(np.int32), numbers[~done]
            length += step
        return [found[number] for number in range(len(source))]

    def _begin_search(self, source_ids, *inputs, max_length, length):
        state = self.make_step(self.model, length).start(source_ids)
        return self.search.begin(state, ops.shape(source_ids)[0], max_length, *inputs)

    def _advance_search(self, progress, sentences, length):
        progress = take_sentences(self.search, progress, sentences)
        progress = progress._replace(state=lengthen(progress.state, length))
        return extend_until(self.search, self.make_step(self.model, length), progress, length - 1)


def _pad(source: Sequence[np.ndarray]) -> np.ndarray:
    padded = np.zeros((len(source), padded_width(max(map(len, source)))), np.int32)
    for row, ids in zip(padded, source, strict=True):
        row[: len(ids)] = ids
    return padded


def _translations(hypotheses: Hypotheses, chosen: np.ndarray) -> list[list[Translation]]:
    """Those of the chosen sentences, bool, (B,)."""
    ids, scores = (ops.convert_to_numpy(field)[chosen] for field in hypotheses)
    return [
        [Translation(_trim(row), float(score)) for row, score in zip(*sentence, strict=True)]
        for sentence in zip(ids, scores, strict=True)
    ]


def _trim(ids: np.ndarray) -> np.ndarray:
    ends = np.flatnonzero(ids == END_ID)
    return ids[: ends[0] + 1] if len(ends) else ids


def search_all(
    search: Callable[[Sequence[np.ndarray]], list], source: Sequence[np.ndarray], batch_size: int = 64
) -> Iterator[tuple[list[int], list]]:
    """Searches all sentences, shortest first; yields (their numbers, their results) batch by batch."""
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
