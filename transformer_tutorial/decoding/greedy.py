"""Greedy search: keep the best token at each position. Works with any step.

Next: beam.py
"""

from typing import NamedTuple

from keras import ops

from transformer_tutorial.token_ids import END_ID, START_ID


class Hypotheses(NamedTuple):
    """Translations as ids.

    Attributes:
        ids: int32, (B, T); [START], tokens, [END], then 0.
        scores: float32, (B,); sum of the log probabilities of the tokens, [END] included.
    """

    ids: object
    scores: object


def greedy_search(step, state, batch_size, max_length) -> Hypotheses:
    """Extends every sentence by its most probable token until all have ended.

    Args:
        step: `step(token_ids, state, position) -> (logits, state)`.
        state: of the step; any structure of tensors.
        batch_size: B.
        max_length: T, most tokens of a translation, [START] and [END] included.

    Returns:
        The translations. One that reaches `max_length` without [END] stays as it is.
    """
    first = ops.where(ops.arange(max_length) == 0, START_ID, 0)
    ids = ops.broadcast_to(ops.cast(first, "int32")[None], (batch_size, max_length))
    done = ops.zeros((batch_size,), "bool")
    scores = ops.zeros((batch_size,), "float32")

    def unfinished(position, ids, done, scores, state):
        return ops.logical_and(position < max_length - 1, ops.logical_not(ops.all(done)))

    def extend(position, ids, done, scores, state):
        logits, state = step(ids, state, position)
        log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        token = ops.cast(ops.argmax(log_probabilities, axis=-1), "int32")
        scores = scores + ops.where(done, 0.0, ops.max(log_probabilities, axis=-1))
        token = ops.where(done, 0, token)
        ids = ops.where(ops.arange(max_length)[None] == position + 1, token[:, None], ids)
        return position + 1, ids, ops.logical_or(done, token == END_ID), scores, state

    start = (ops.convert_to_tensor(0, "int32"), ids, done, scores, state)
    _, ids, _, scores, _ = ops.while_loop(unfinished, extend, start)
    return Hypotheses(ids, scores)
