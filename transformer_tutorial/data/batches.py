"""Ids -> padded teacher-forcing batches ((source, target[:-1]), target[1:]).

The order of the batches is a pure function of (seed, epoch): a run that is resumed in the middle of an epoch sees the
batches it would have seen. `PlainBatches` is the definition, random sentences padded to the longest, as in the
tutorial; its twin in fast/bucketed_batches.py puts sentences of similar length together.

Next: ../layers/positions.py
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from transformer_tutorial.runtime.untuned import untuned
from transformer_tutorial.token_ids import PADDING_ID


class BatchPlan(NamedTuple):
    """One batch before it is padded.

    Attributes:
        indices: which sentences, int, (at most rows,).
        rows: B; rows beyond `indices` are padding only.
        source_width: S, in tokens.
        target_width: T, in tokens, [START] or [END] included, not both.
    """

    indices: np.ndarray
    rows: int
    source_width: int
    target_width: int


class PlainBatches:
    """`batch_size` random sentences at a time, padded to the longest of them.

    Args:
        source: one int array a sentence, from [START] to [END].
        target: likewise, as many.
        batch_size: B, in sentences.
        seed: with the epoch's number it decides the order. None keeps the given order, for validation.
    """

    def __init__(self, source: Sequence[np.ndarray], target: Sequence[np.ndarray], batch_size: int, seed: int | None):
        self.source, self.target, self.batch_size, self.seed = source, target, batch_size, seed
        self.source_lengths = np.array([len(ids) for ids in source])
        self.target_lengths = np.array([len(ids) - 1 for ids in target])

    def plan(self, epoch: int) -> list[BatchPlan]:
        """The batches of one epoch, in order; as many in every epoch."""
        order = self.shuffled(epoch)
        chunks = (order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size))
        return [self.plan_for(chunk) for chunk in chunks]

    def plan_for(self, indices: np.ndarray) -> BatchPlan:
        """The smallest batch that holds these sentences."""
        longest = self.source_lengths[indices].max(), self.target_lengths[indices].max()
        return BatchPlan(indices, len(indices), *map(int, longest))

    def shuffled(self, epoch: int) -> np.ndarray:
        """The numbers of all sentences in the order of this epoch."""
        if self.seed is None:
            return np.arange(len(self.source))
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.source))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple]:
        """The padded batches of one epoch, from number `start` on."""
        for plan in self.plan(epoch)[start:]:
            yield self.pad(plan)

    def pairs(self, epoch: int, batch: int) -> np.ndarray:
        """Numbers of the sentence pairs in one batch of an epoch."""
        return self.plan(epoch)[batch].indices

    def pad(self, plan: BatchPlan) -> tuple:
        """((source, target input), labels), int32: (B, S), (B, T) and (B, T)."""
        source = _pad([self.source[i] for i in plan.indices], plan.rows, plan.source_width)
        inputs = _pad([self.target[i][:-1] for i in plan.indices], plan.rows, plan.target_width)
        labels = _pad([self.target[i][1:] for i in plan.indices], plan.rows, plan.target_width)
        return (source, inputs), labels

    def real_token_share(self) -> float:
        """Share of target positions that are not padding, in (0, 1]."""
        return self.target_lengths.sum() / sum(plan.rows * plan.target_width for plan in self.plan(0))


def _pad(rows: list[np.ndarray], count: int, width: int) -> np.ndarray:
    padded = np.full((count, width), PADDING_ID, np.int32)
    for row, ids in zip(padded, rows, strict=False):
        row[: len(ids)] = ids
    return padded


def as_dataset(
    next_batches: Callable[[], Iterator[tuple]],
    weighted: bool = False,
    prefetch: int = 4,
    shape: tuple[int | None, int | None] = (None, None),
) -> tf.data.Dataset:
    """A dataset that asks `next_batches()` for the padded batches each time it is iterated.

    Args:
        next_batches: gives ((source, target input), labels), with `weighted` a third element, floats, (B, 1).
        weighted: whether there is a third element.
        prefetch: batches made ahead.
        shape: rows and tokens of every batch, where they are all alike.
    """
    ids = tf.TensorSpec(shape, tf.int32)
    signature = ((ids, ids), ids, *([tf.TensorSpec((shape[0], 1), tf.float32)] if weighted else []))
    return untuned(tf.data.Dataset.from_generator(next_batches, output_signature=signature).prefetch(prefetch))


def prepare_batch(source_text, target_text, tokenizers, max_tokens: int = 128):
    """The notebook's function: two batches of text -> ((source, target[:-1]), target[1:]), int64, padded with 0.

    Unlike there, a sentence that is cut keeps its [END].

    Args:
        source_text: strings, (B,).
        target_text: strings, (B,).
        tokenizers: a `TokenizerPair`.
        max_tokens: most tokens of a source; a target may have one more, because it is shifted.
    """
    source = _cut(tokenizers.source.tokenize(source_text), max_tokens).to_tensor()
    target = _cut(tokenizers.target.tokenize(target_text), max_tokens + 1).to_tensor()
    # Shorter sentences lose padding here, the longest loses [END]; as an input [END] predicts nothing but padding.
    return (source, target[:, :-1]), target[:, 1:]


def _cut(ids: tf.RaggedTensor, max_tokens: int) -> tf.RaggedTensor:
    return tf.concat([ids[:, : max_tokens - 1], ids[:, max_tokens - 1 :][:, -1:]], axis=1)


def make_batches(
    pairs: tf.data.Dataset, tokenizers, *, batch_size: int = 64, buffer_size: int = 20000, max_tokens: int = 128
) -> tf.data.Dataset:
    """The notebook's function: a dataset of (source, target) strings -> shuffled, padded batches for `fit`."""
    return (
        pairs.shuffle(buffer_size)
        .batch(batch_size)
        .map(lambda source, target: prepare_batch(source, target, tokenizers, max_tokens), tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
