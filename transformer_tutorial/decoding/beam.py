"""Beam search: keep the k best unfinished sentences at each position. Works with any step.

    (1)  log p(token) = logit - log Σ exp(logit)                  the sum over the vocabulary
    (2)  score of an unfinished sentence  =  Σ log p(token)
    (3)  score of a finished sentence     =  Σ log p(token) / length^length_penalty

At each position the 2k best extensions of the k sentences of a beam are ranked. Those among the first k that end are
finished; the k best of the others go on. A sentence is done when k translations of it have finished.

Source: Sutskever et al. 2014, section 3.2; length normalisation as in Wu et al. 2016, section 7, with the simple power.
Next: sampling.py
"""

import dataclasses
from typing import NamedTuple

from keras import ops

from transformer_tutorial.decoding.loop import (
    Hypotheses,
    Search,
    run_search,
    started_ids,
    take_each,
    take_rows,
    write_token,
)
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID

IMPOSSIBLE = -1e9


class Beams(NamedTuple):
    """The search at one position. K = beams of a sentence.

    Attributes:
        position: int32 scalar, index of the last known token.
        ids: unfinished sentences, int32, (B, K, T).
        scores: equation (2), float32, (B, K).
        finished_ids: int32, (B, K, T).
        finished_scores: equation (3), float32, (B, K), falling; IMPOSSIBLE where there is none yet.
        state: of the step, for B·K translations.
    """

    position: object
    ids: object
    scores: object
    finished_ids: object
    finished_scores: object
    state: object


class Extensions(NamedTuple):
    """The 2K best extensions of a sentence's beams, best first; each field is (B, 2K).

    Attributes:
        scores: equation (2), float32.
        token: int32.
        parent: row of the beam that is extended, int32, among the B·K of all sentences.
    """

    scores: object
    token: object
    parent: object


@dataclasses.dataclass(frozen=True)
class BeamSearch(Search):
    """Pursues `beam_size` translations of each sentence side by side.

    Args:
        beam_size: K, at least 1; 1 is greedy search.
        length_penalty: 0 ranks finished sentences by their log probability alone, 1 by its mean a token.

    Raises:
        UsageError: `beam_size` is below 1.
    """

    beam_size: int = 4
    length_penalty: float = 1.0

    def __post_init__(self):
        if self.beam_size < 1:
            raise UsageError(f"beam_size must be at least 1, got {self.beam_size}.")

    def begin(self, state, batch_size, max_length) -> Beams:
        """[START], K times for each of `batch_size` sentences."""
        ids = started_ids((batch_size, self.beam_size, max_length))
        # All beams of a sentence begin alike, so only the first may be extended.
        first = ops.where(ops.arange(self.beam_size) == 0, 0.0, IMPOSSIBLE)
        scores = ops.broadcast_to(ops.cast(first, "float32"), (batch_size, self.beam_size))
        state = take_rows(state, ops.repeat(ops.arange(batch_size), self.beam_size))
        none = ops.full_like(scores, IMPOSSIBLE)
        return Beams(ops.convert_to_tensor(0, "int32"), ids, scores, ops.zeros_like(ids), none, state)

    def extend(self, step, beams: Beams) -> Beams:
        """One token more for each beam."""
        ids = ops.reshape(beams.ids, (-1, ops.shape(beams.ids)[-1]))
        logits, state = step(ids, beams.state, beams.position)
        best = _best_extensions(beams.scores, logits, self.beam_size)
        beams = beams._replace(position=beams.position + 1, state=state)
        return self._go_on(ids, self._finish(ids, beams, best), best)

    def _finish(self, ids, beams: Beams, best: Extensions) -> Beams:
        """Moves those of the first K extensions that end to the finished ones."""
        scores, token, parent = (field[:, : self.beam_size] for field in best)
        # With more beams than tokens some beams are still extensions of the impossible ones; none of them may finish.
        finishes = (token == END_ID) & (scores > IMPOSSIBLE / 2) & ~self.done(beams)[:, None]
        finishing_scores = ops.where(finishes, self._normalised(scores, beams.position), IMPOSSIBLE)
        finishing_ids = write_token(ops.take(ids, parent, axis=0), token, beams.position)
        all_scores = ops.concatenate([beams.finished_scores, finishing_scores], axis=1)
        all_ids = ops.concatenate([beams.finished_ids, finishing_ids], axis=1)
        finished_scores, order = ops.top_k(all_scores, self.beam_size)
        return beams._replace(finished_ids=take_each(all_ids, order), finished_scores=finished_scores)

    def _go_on(self, ids, beams: Beams, best: Extensions) -> Beams:
        """Goes on with the K best extensions that do not end."""
        scores, order = ops.top_k(ops.where(best.token == END_ID, 2 * IMPOSSIBLE, best.scores), self.beam_size)
        token, parent = (ops.take_along_axis(field, order, axis=1) for field in (best.token, best.parent))
        ids = write_token(ops.take(ids, parent, axis=0), token, beams.position)
        return beams._replace(ids=ids, scores=scores, state=take_rows(beams.state, ops.reshape(parent, (-1,))))

    def _normalised(self, scores, position):
        # At least 1: with room for [START] alone there is no token, and 0 / 0 is not a number.
        length = ops.cast(ops.maximum(position, 1), "float32")
        return scores / length**self.length_penalty  # (3)

    def done(self, beams: Beams):
        """bool, (B,): as many translations have finished as there are beams."""
        return beams.finished_scores[:, -1] > IMPOSSIBLE

    def hypotheses(self, beams: Beams) -> Hypotheses:
        """K for each sentence, ids (B, K, T), scored by equation (3): finished ones before unfinished ones."""
        unfinished = self._normalised(beams.scores, beams.position)
        possible = ops.concatenate([beams.finished_scores > IMPOSSIBLE, beams.scores > IMPOSSIBLE / 2], axis=1)
        rank = ops.arange(2 * self.beam_size) + ops.where(possible, 0, 2 * self.beam_size)
        scores = ops.concatenate([beams.finished_scores, unfinished], axis=1)
        ids = ops.concatenate([beams.finished_ids, beams.ids], axis=1)
        order = ops.top_k(-rank, self.beam_size)[1]
        return Hypotheses(take_each(ids, order), ops.take_along_axis(scores, order, axis=1))


def _best_extensions(scores, logits, beam_size: int) -> Extensions:
    """Of B·K beams with scores (B, K), from the logits of their next tokens, (B·K, V)."""
    # What is not among the 2K best of its own beam is not among the 2K best of all.
    each = min(2 * beam_size, logits.shape[-1])
    best, token = ops.top_k(logits, each)
    log_sum = best[:, :1] + ops.log(ops.sum(ops.exp(logits - best[:, :1]), axis=-1, keepdims=True))
    log_probabilities = best - log_sum  # (1)
    totals = ops.reshape(scores, (-1, 1)) + log_probabilities  # (2)
    scores, order = ops.top_k(ops.reshape(totals, (-1, beam_size * each)), 2 * beam_size)
    row = order + beam_size * each * ops.arange(ops.shape(order)[0], dtype=order.dtype)[:, None]
    return Extensions(scores, ops.take(ops.cast(token, "int32"), row), ops.cast(row // each, "int32"))


def beam_search(step, state, batch_size, max_length, beam_size: int = 4, length_penalty: float = 1.0) -> Hypotheses:
    """The best translation of each sentence found with `beam_size` beams.

    Args:
        step: `step(token_ids, state, position) -> (logits, state)`.
        state: of the step, for B sentences; any structure of tensors whose first axis is B.
        batch_size: B.
        max_length: T, most tokens of a translation, [START] and [END] included; at least 1.
        beam_size: K, at least 1; 1 is greedy search.
        length_penalty: 0 ranks finished sentences by their log probability alone, 1 by its mean a token.

    Returns:
        The translations, ids (B, T), with their scores by equation (3). Where nothing finished before `max_length`,
        the best unfinished sentence, scored in the same way.
    """
    return run_search(BeamSearch(beam_size, length_penalty), step, state, batch_size, max_length).best()
