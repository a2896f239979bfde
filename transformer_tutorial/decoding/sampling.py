"""Sampling: draw each token by its probability instead of taking the best.

    (1)  p = exp((logit - best logit) / temperature)         the probability but for a common factor
    (2)  token = the first whose cumulated p reaches u Σ p       over the tokens that stay; u uniform in [0, 1)

Tokens are ranked by their logits. With `top_k` the k best stay. With `top_p` the best ones stay whose probabilities add
up to at least p: those before which less than p is reached.

One number u decides one token. The numbers of a sentence come from the seed and its own source ids, so its sample is
the same in every batch, at every place of a file and on every backend; the same sentence twice gets the same sample.

Source: Fan et al. 2018, section 5.4 (top-k); Holtzman et al. 2020, section 3.1 (top-p, "nucleus").
Next: search.py
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from transformer_tutorial.decoding.greedy import GreedySearch, append
from transformer_tutorial.decoding.loop import Hypotheses, Search, take_each, take_rows
from transformer_tutorial.runtime.errors import UsageError


class SampleProgress(NamedTuple):
    """The search at one position. N = samples of a sentence.

    Attributes:
        position: int32 scalar, index of the last known token.
        ids: int32, (B·N, T).
        ended: bool, (B·N,).
        scores: sums of the tokens' log probabilities under the model, at temperature 1, float32, (B·N,).
        uniforms: the number u that decides each token, float32, (B·N, T).
        state: of the step, for B·N translations.
    """

    position: object
    ids: object
    ended: object
    scores: object
    uniforms: object
    state: object


@dataclasses.dataclass(frozen=True)
class SamplingSearch(Search):
    """Draws translations of each sentence.

    Args:
        temperature: above 0; small values approach greedy search, 1 is the model's own distribution.
        top_k: only so many of the best tokens, at least 1; None keeps all.
        top_p: only the best tokens that together reach this share, in (0, 1]; None keeps all.
        seed: 0 or more; another seed gives other translations.
        samples: N, translations drawn of each sentence, at least 1.

    Raises:
        UsageError: a value out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    samples: int = 1

    def __post_init__(self):
        if not self.temperature > 0:
            raise UsageError(f"temperature must be above 0, got {self.temperature}.")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k must be at least 1, got {self.top_k}.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be in (0, 1], got {self.top_p}.")
        if self.seed < 0:
            raise UsageError(f"seed must be 0 or more, got {self.seed}.")
        if self.samples < 1:
            raise UsageError(f"samples must be at least 1, got {self.samples}.")

    def inputs(self, source: Sequence[np.ndarray], max_length: int) -> tuple[np.ndarray]:
        """The numbers that decide the translations of `source`, ids without padding: one float32 (B, N, T)."""
        shape = self.samples, max_length
        return (np.stack([np.random.default_rng([self.seed, *ids]).random(shape, np.float32) for ids in source]),)

    def begin(self, state, batch_size, max_length, uniforms) -> SampleProgress:
        """[START], N times for each of `batch_size` sentences; `uniforms` are from `inputs`."""
        state = take_rows(state, ops.repeat(ops.arange(batch_size), self.samples))
        *start, state = GreedySearch().begin(state, batch_size * self.samples, max_length)
        return SampleProgress(*start, ops.reshape(uniforms, (-1, max_length)), state)

    def extend(self, step, progress: SampleProgress) -> SampleProgress:
        """One token more for each sentence that has not ended."""
        logits, state = step(progress.ids, progress.state, progress.position)
        ranked, tokens = ops.top_k(logits, min(self.top_k or logits.shape[-1], logits.shape[-1]))
        place = self._draw(ranked, ops.take(progress.uniforms, progress.position, axis=1))[:, None]
        chosen = ops.take_along_axis(ranked, place, axis=1)
        best = ranked[:, :1]  # the largest logit of all, so that no power overflows
        log_probability = chosen - best - ops.log(ops.sum(ops.exp(logits - best), axis=-1, keepdims=True))
        token = ops.take_along_axis(tokens, place, axis=1)
        return append(progress._replace(state=state), token[:, 0], log_probability[:, 0])

    def _draw(self, ranked, uniform):
        """The places, int, (B,), drawn from falling logits, (B, N), by numbers in [0, 1), (B,)."""
        p = ops.exp((ranked - ranked[:, :1]) / self.temperature)  # (1)
        cumulated = ops.cumsum(p, axis=-1)
        if self.top_p is not None:
            p = ops.where(cumulated - p < self.top_p * cumulated[:, -1:], p, 0.0)
            cumulated = ops.cumsum(p, axis=-1)
        below = cumulated < uniform[:, None] * cumulated[:, -1:]
        return ops.sum(ops.cast(below, "int32"), axis=-1)  # (2)

    def done(self, progress: SampleProgress):
        """bool, (B,)"""
        return ops.all(ops.reshape(progress.ended, (-1, self.samples)), axis=1)

    def hypotheses(self, progress: SampleProgress) -> Hypotheses:
        """N for each sentence, ids (B, N, T), the most probable first."""
        scores, order = ops.top_k(ops.reshape(progress.scores, (-1, self.samples)), self.samples)
        ids = ops.reshape(progress.ids, (-1, self.samples, ops.shape(progress.ids)[-1]))
        return Hypotheses(take_each(ids, order), scores)
