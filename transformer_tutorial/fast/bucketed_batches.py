"""Twin of data/batches.py: sentences of similar length together, in a small fixed set of shapes.

Random batches padded to their longest sentence are three quarters padding, and nearly every batch has a shape of its
own, for which the kernels are prepared anew. Here sentences are grouped by target width, sorted by source width inside
a group, and cut into batches of about `tokens_per_batch` target positions. Cost: one sort an epoch.
"""

from collections.abc import Sequence

import numpy as np

from transformer_tutorial.data.batches import BatchPlan, PlainBatches


def bucket_widths(longest: int) -> np.ndarray:
    """The widths that batches are padded to, in tokens: 8, 12, 16 ... 32, 40 ... 64, 80 ... and at last `longest`.

    Steps of 4, doubled with each doubling from 32 on: at most a fifth of a row above 16 tokens is padding.
    """
    octaves = (32 << doubling for doubling in range(16))
    widths = [*range(8, 32, 4), *(width for octave in octaves for width in range(octave, 2 * octave, octave // 4))]
    return np.array([*(width for width in widths if width < longest), longest])


def few_widths(longest: int) -> np.ndarray:
    """As `bucket_widths`, fewer: 16, 24, 32, 48, 64, 96 ... and at last `longest`."""
    octaves = (16 << doubling for doubling in range(16))
    widths = [width for octave in octaves for width in (octave, octave * 3 // 2)]
    return np.array([*(width for width in widths if width < longest), longest])


class BucketedBatches(PlainBatches):
    """Batches of about equal numbers of target positions, from few shapes.

    Every sentence occurs once an epoch. The last batch of a group is filled with rows of padding, so that all batches
    of one width have the same number of rows.

    Args:
        source: one int array a sentence, from [START] to [END].
        target: likewise, as many.
        tokens_per_batch: target positions of a batch, padding included; at least the longest sentence of either side.
        seed: with the epoch's number it decides which sentences share a batch, and the order of the batches. None
            keeps the given order inside a width.
    """

    def __init__(
        self, source: Sequence[np.ndarray], target: Sequence[np.ndarray], tokens_per_batch: int, seed: int | None
    ):
        super().__init__(source, target, tokens_per_batch, seed)
        self.tokens_per_batch = tokens_per_batch
        longest = max(self.source_lengths.max(), self.target_lengths.max())
        self.widths = self.widths_up_to(int(longest))
        self.source_widths = self._round_up(self.source_lengths)
        self.target_widths = self._round_up(self.target_lengths)

    def widths_up_to(self, longest: int) -> np.ndarray:
        """The widths that batches are padded to, in tokens, rising."""
        return bucket_widths(longest)

    def plan(self, epoch: int) -> list[BatchPlan]:
        order = self.shuffled(epoch)
        order = order[np.lexsort((self.source_widths[order], self.target_widths[order]))]
        plans = []
        for width in self.widths:
            group = order[self.target_widths[order] == width]
            rows = max(1, self.tokens_per_batch // int(width))
            plans += [self._plan_rows(group[i : i + rows], rows) for i in range(0, len(group), rows)]
        if self.seed is None:
            return plans
        return [plans[i] for i in np.random.default_rng((self.seed, epoch, 1)).permutation(len(plans))]

    def _plan_rows(self, indices: np.ndarray, rows: int) -> BatchPlan:
        return BatchPlan(indices, rows, int(self.source_widths[indices].max()), int(self.target_widths[indices[0]]))

    def _round_up(self, lengths: np.ndarray) -> np.ndarray:
        return self.widths[np.searchsorted(self.widths, lengths)]


class FewShapeBatches(BucketedBatches):
    """`BucketedBatches` of fewer shapes: source and target of a batch have the same width, one of `few_widths`.

    For XLA, which takes seconds to compile a training step for each shape. More is padding. Arguments: there.
    """

    def __init__(
        self, source: Sequence[np.ndarray], target: Sequence[np.ndarray], tokens_per_batch: int, seed: int | None
    ):
        super().__init__(source, target, tokens_per_batch, seed)
        self.source_widths = self.target_widths = np.maximum(self.source_widths, self.target_widths)

    def widths_up_to(self, longest: int) -> np.ndarray:
        return few_widths(longest)
