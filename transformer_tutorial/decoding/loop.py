"""The loop that all searches share: extend every translation by a token until all have ended. Works with any step.

A step is `step(token_ids, state, position) -> (logits, state)`. The progress of a search is a NamedTuple with at least
`position` (int32 scalar, index of the last known token) and `state` (of the step). All its other tensors, and those of
the state, have one row for each sentence, or K.

Next: greedy.py
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from transformer_tutorial.token_ids import START_ID


class Hypotheses(NamedTuple):
    """Translations as ids.

    Attributes:
        ids: int32, (B, T), or (B, N, T), best first, where N are wanted; [START], tokens, [END], then 0.
        scores: float32, (B,) or (B, N).
    """

    ids: object
    scores: object

    def best(self) -> "Hypotheses":
        """The first of each sentence's N."""
        return Hypotheses(self.ids[:, 0], self.scores[:, 0])


class Search:
    """What every search has.

    begin(state, batch_size, max_length, *inputs) -> progress
        With [START] alone known, for B sentences.
    extend(step, progress) -> progress
        One position further.
    done(progress) -> bool, (B,)
        Sentences to which nothing can be added.
    hypotheses(progress) -> Hypotheses
        What it has found, ids (B, N, T).
    """

    def inputs(self, source: Sequence[np.ndarray], max_length: int) -> tuple[np.ndarray, ...]:
        """What `begin` needs beside the step's state: arrays with a row for each sentence. Most searches: nothing."""
        return ()


def run_search(search, step, state, batch_size, max_length, *inputs) -> Hypotheses:
    """Searches B sentences from beginning to end; `inputs` are the search's own. Ids are (B, N, T)."""
    progress = search.begin(state, batch_size, max_length, *inputs)
    return search.hypotheses(extend_until(search, step, progress, max_length - 1))


def extend_until(search, step, progress, position):
    """Extends all translations up to `position`, at most T - 1, or until all sentences are done."""
    kind = type(progress)

    def unfinished(*fields):
        progress = kind(*fields)
        return ops.logical_and(progress.position < position, ops.logical_not(ops.all(search.done(progress))))

    def extend(*fields):
        return tuple(search.extend(step, kind(*fields)))

    return kind(*ops.while_loop(unfinished, extend, tuple(progress)))


def started_ids(shape):
    """int32 of `shape`, [START] at the first place of the last axis and 0 behind it."""
    first = ops.where(ops.arange(shape[-1]) == 0, START_ID, 0)
    return ops.broadcast_to(ops.cast(first, "int32"), shape)


def write_token(ids, token, position):
    """`ids`, (..., T), with `token`, (...), at `position`."""
    return ops.where(ops.arange(ops.shape(ids)[-1]) == position, token[..., None], ids)


def take_rows(state, rows):
    """The rows `rows`, int, of every tensor of a step's state; a state that shares some tensors has its own method."""
    if hasattr(state, "take_rows"):
        return state.take_rows(rows)
    return keras.tree.map_structure(lambda tensor: ops.take(tensor, rows, axis=0), state)


def lengthen(state, length):
    """A step's state with room for `length` tokens; one that keeps nothing of the tokens stays as it is."""
    return state.lengthen(length) if hasattr(state, "lengthen") else state


def take_each(ids, order):
    """For each sentence those of its N translations, (B, N, T), that `order`, int, (B, M), names: (B, M, T)."""
    row = order + ops.shape(ids)[1] * ops.arange(ops.shape(order)[0], dtype=order.dtype)[:, None]
    return ops.take(ops.reshape(ids, (-1, ops.shape(ids)[-1])), row, axis=0)


def take_sentences(search, progress, sentences):
    """The part of a progress that belongs to the sentences `sentences`, int32, (B',), whatever it holds for each."""
    count = ops.shape(search.done(progress))[0]

    def take(tensor):
        if not len(tensor.shape):  # the position is everybody's
            return tensor
        each = ops.shape(tensor)[0] // count
        rows = sentences[:, None] * each + ops.arange(each, dtype="int32")
        return ops.take(tensor, ops.reshape(rows, (-1,)), axis=0)

    return keras.tree.map_structure(take, progress)
