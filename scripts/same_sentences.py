"""The same sentences batched in two ways, so that ways of feeding a model can be compared.

A part of one epoch is drawn: some of our batches. Their sentences, shuffled, are then batched as the tutorial does.
Both are cut into turns.
"""

import numpy as np

from transformer_tutorial.config import Config
from transformer_tutorial.data.batches import PlainBatches
from transformer_tutorial.data.prepared import EncodedSplit
from transformer_tutorial.learning.feed import make_batches_for
from transformer_tutorial.runtime.errors import UsageError

OURS, TUTORIALS = "our batches", "tutorial's batches"


def draw_turns(config: Config, split: EncodedSplit, batches: int, rounds: int) -> dict[str, list[list[tuple]]]:
    """The same sentences, batched in both ways: for each way the padded batches of each turn, from turn 0 on.

    Our warm-up holds each shape once; the tutorial's holds batches of the next epoch, because its shapes hardly repeat.

    Raises:
        UsageError: the corpus has too few batches.
    """
    bucketed = make_batches_for(config, split, config.seed)
    plans = bucketed.plan(0)[: batches * rounds]
    numbers = np.random.default_rng(config.seed).permutation(np.concatenate([plan.indices for plan in plans]))
    drawn = [[sentences[i] for i in numbers] for sentences in (split.source, split.target)]
    plain = PlainBatches(*drawn, config.batch_size, None)
    if len(plans) < batches * rounds or len(plain.plan(0)) < rounds:
        raise UsageError(
            f"{rounds} rounds of {batches} batches are more than the corpus holds, {len(plans)} of ours and "
            f"{len(plain.plan(0))} of the tutorial's. Ask for fewer with --rounds and --batches."
        )
    each_shape = {(plan.rows, plan.source_width, plan.target_width): plan for plan in plans}.values()
    next_epoch = PlainBatches(split.source, split.target, config.batch_size, config.seed)
    ours = [list(each_shape), *(plans[i : i + batches] for i in range(0, len(plans), batches))]
    tutorials = [list(plain.epoch(0))[i::rounds] for i in range(rounds)]
    return {
        OURS: [[bucketed.pad(plan) for plan in turn] for turn in ours],
        TUTORIALS: [[next_epoch.pad(plan) for plan in next_epoch.plan(1)[:2]], *tutorials],
    }


def real_tokens(batches: list[tuple]) -> int:
    """Target tokens that are predicted, without padding."""
    return sum(int(np.count_nonzero(labels)) for _, labels in batches)
