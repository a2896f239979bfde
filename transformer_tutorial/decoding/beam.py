"""Beam search: keep the k best unfinished sentences at each position. Works with any step.

    (1)  score of an unfinished sentence  =  Σ log p(token)
    (2)  score of a finished sentence     =  Σ log p(token) / length^length_penalty

At each position the 2k best extensions of the k sentences of a beam are ranked. Those among the first k that end are
finished; the k best of the others go on. A sentence is done when k translations of it have finished.

Source: Sutskever et al. 2014, section 3.2; length normalisation as in Wu et al. 2016, section 7, with the simple power.
Next: translator.py
"""

from typing import NamedTuple

import keras
from keras import ops

from transformer_tutorial.decoding.greedy import Hypotheses
from transformer_tutorial.token_ids import END_ID, START_ID

IMPOSSIBLE = -1e9


class _Beams(NamedTuple):
    """The search at one position. K = beams of a sentence.

    Attributes:
        position: int32 scalar, index of the last known token.
        ids: unfinished sentences, int32, (B, K, T).
        scores: equation (1), float32, (B, K).
        finished_ids: int32, (B, K, T).
        finished_scores: equation (2), float32, (B, K); IMPOSSIBLE where there is none yet.
        state: of the step, its tensors (B·K, ...).
    """

    position: object
    ids: object
    scores: object
    finished_ids: object
    finished_scores: object
    state: object


def beam_search(step, state, batch_size, max_length, beam_size: int = 4, length_penalty: float = 1.0) -> Hypotheses:
    """The best translation of each sentence found with `beam_size` beams.

    Args:
        step: `step(token_ids, state, position) -> (logits, state)`.
        state: of the step, for B sentences; any structure of tensors whose first axis is B.
        batch_size: B.
        max_length: T, most tokens of a translation, [START] and [END] included.
        beam_size: k, at least 1; 1 is greedy search.
        length_penalty: 0 ranks finished sentences by their log probability alone, 1 by its mean a token.

    Returns:
        The translations with their scores by equation (2). Where nothing finished before `max_length`, the best
        unfinished sentence, scored in the same way.
    """
    beams = _first(state, batch_size, max_length, beam_size)

    def unfinished(*beams):
        beams = _Beams(*beams)
        return ops.logical_and(beams.position < max_length - 1, ops.logical_not(ops.all(_done(beams))))

    def extend(*beams):
        return tuple(_extend(step, _Beams(*beams), max_length, beam_size, length_penalty))

    beams = _Beams(*ops.while_loop(unfinished, extend, tuple(beams)))
    none_finished = beams.finished_scores[:, 0] <= IMPOSSIBLE
    length = ops.cast(beams.position, "float32")
    ids = ops.where(none_finished[:, None], beams.ids[:, 0], beams.finished_ids[:, 0])
    scores = ops.where(none_finished, beams.scores[:, 0] / length**length_penalty, beams.finished_scores[:, 0])
    return Hypotheses(ids, scores)


def _first(state, batch_size, max_length, beam_size: int) -> _Beams:
    start = ops.cast(ops.where(ops.arange(max_length) == 0, START_ID, 0), "int32")
    ids = ops.broadcast_to(start[None, None], (batch_size, beam_size, max_length))
    # All beams of a sentence begin alike, so only the first may be extended.
    first_beam = ops.where(ops.arange(beam_size) == 0, 0.0, IMPOSSIBLE)
    scores = ops.broadcast_to(ops.cast(first_beam, "float32")[None], (batch_size, beam_size))
    finished_scores = ops.full_like(scores, IMPOSSIBLE)
    state = keras.tree.map_structure(lambda tensor: ops.repeat(tensor, beam_size, axis=0), state)
    return _Beams(ops.convert_to_tensor(0, "int32"), ids, scores, ops.zeros_like(ids), finished_scores, state)


def _done(beams: _Beams):
    """bool, (B,): as many translations have finished as there are beams."""
    return beams.finished_scores[:, -1] > IMPOSSIBLE


def _extend(step, beams: _Beams, max_length, beam_size: int, length_penalty: float) -> _Beams:
    logits, state = step(ops.reshape(beams.ids, (-1, max_length)), beams.state, beams.position)
    vocab_size = logits.shape[-1]
    log_probabilities = ops.reshape(ops.log_softmax(ops.cast(logits, "float32")), (-1, beam_size, vocab_size))
    totals = ops.reshape(beams.scores[..., None] + log_probabilities, (-1, beam_size * vocab_size))  # (1)
    scores, flat = ops.top_k(totals, 2 * beam_size)
    parent, token = flat // vocab_size, ops.cast(flat % vocab_size, "int32")
    ids = ops.take_along_axis(beams.ids, parent[..., None], axis=1)
    ids = ops.where(ops.arange(max_length) == beams.position + 1, token[..., None], ids)

    ended = token == END_ID
    # With more beams than tokens some beams are still extensions of the impossible ones; none of them may finish.
    possible = scores > IMPOSSIBLE / 2
    finishes = ended & possible & (ops.arange(2 * beam_size) < beam_size) & ~_done(beams)[:, None]
    length = ops.cast(beams.position + 1, "float32")
    finishing_scores = ops.where(finishes, scores / length**length_penalty, IMPOSSIBLE)  # (2)
    finished_scores, finished_ids = _best(
        ops.concatenate([beams.finished_scores, finishing_scores], axis=1),
        ops.concatenate([beams.finished_ids, ids], axis=1),
        beam_size,
    )
    scores, order = ops.top_k(ops.where(ended, 2 * IMPOSSIBLE, scores), beam_size)
    parent = ops.take_along_axis(parent, order, axis=1)
    ids = ops.take_along_axis(ids, order[..., None], axis=1)
    rows = ops.reshape(parent + beam_size * ops.arange(ops.shape(parent)[0], dtype=parent.dtype)[:, None], (-1,))
    state = keras.tree.map_structure(lambda tensor: ops.take(tensor, rows, axis=0), state)
    return _Beams(beams.position + 1, ids, scores, finished_ids, finished_scores, state)


def _best(scores, ids, count: int):
    scores, order = ops.top_k(scores, count)
    return scores, ops.take_along_axis(ids, order[..., None], axis=1)
