"""Twin of batches.py for a TPU: every batch has the same shape, known before anything runs.

A TPU compiles the training step for each shape and takes no other. Three quarters of such batches are padding; on
anything else than a TPU the other kinds of batches are faster.

Next: replica_batches.py
"""

from collections.abc import Sequence

import numpy as np

from transformer_tutorial.data.batches import BatchPlan, PlainBatches
from transformer_tutorial.runtime.errors import UsageError


class OneShapeBatches(PlainBatches):
    """`batch_size` random sentences at a time, padded to `width`.

    The sentences that do not fill a batch are left out, others in each epoch; with `seed` None, for validation, none
    is, and the last batch has rows of padding.

    Args:
        source, target, batch_size, seed: as for `PlainBatches`.
        width: S and T, in tokens; at least that of the longest sentence.

    Raises:
        UsageError: the sentences do not fill a single batch.
    """

    def __init__(
        self,
        source: Sequence[np.ndarray],
        target: Sequence[np.ndarray],
        batch_size: int,
        seed: int | None,
        width: int,
    ):
        super().__init__(source, target, batch_size, seed)
        self.width = width
        if seed is not None and len(source) < batch_size:
            raise UsageError(
                f"batches of one shape leave out the remainder, and {len(source)} sentences do not fill one of "
                f"{batch_size}. Take a smaller --batch-size."
            )

    def plan(self, epoch: int) -> list[BatchPlan]:
        order = self.shuffled(epoch)
        end = len(order) if self.seed is None else len(order) // self.batch_size * self.batch_size
        chunks = (order[i : i + self.batch_size] for i in range(0, end, self.batch_size))
        return [BatchPlan(chunk, self.batch_size, self.width, self.width) for chunk in chunks]
