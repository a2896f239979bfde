from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer_tutorial.data.batches import PlainBatches
from transformer_tutorial.fast.bucketed_batches import BucketedBatches, FewShapeBatches, bucket_widths, few_widths


def ted_like(count: int = 6000, longest: int = 128) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pairs with lengths like TED's, log-normal with a median of 20 tokens, and random ids."""
    generator = np.random.default_rng(0)
    lengths = np.exp(generator.normal(np.log(20), 0.65, count))
    sides = []
    for noise in generator.normal(1, 0.12, (2, count)):
        clipped = np.clip(lengths * noise, 3, longest + len(sides)).astype(int)
        sides.append([np.array([2, *generator.integers(4, 500, n - 2), 3]) for n in clipped])
    return sides[0], sides[1]


SOURCE, TARGET = ted_like()


@pytest.fixture(scope="module")
def batches():
    return BucketedBatches(SOURCE, TARGET, 1568, seed=3)


def rows_of(batches, epoch: int = 0) -> Counter:
    """How often each (source, target, label) row occurs, without its padding and without rows of padding only."""
    rows = Counter()
    for (source, inputs), labels in batches.epoch(epoch):
        for row in zip(source, inputs, labels, strict=True):
            rows[tuple(tuple(ids[ids > 0].tolist()) for ids in row)] += 1
    del rows[((), (), ())]
    return rows


def test_the_twin_has_the_same_rows_as_plain_batches(batches):
    plain = rows_of(PlainBatches(SOURCE, TARGET, 64, seed=3))
    assert rows_of(batches, 0) == rows_of(batches, 7) == plain
    assert sum(plain.values()) == len(SOURCE)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=40),
    tokens_per_batch=st.integers(62, 400),
    seed=st.one_of(st.none(), st.integers(0, 5)),
)
def test_the_twin_has_the_same_rows_whatever_the_lengths(lengths, tokens_per_batch, seed):
    source, target = (
        [np.array([2, *[4 + i] * n, 3]) for i, n in enumerate(side)] for side in zip(*lengths, strict=True)
    )
    twin = BucketedBatches(source, target, tokens_per_batch, seed)
    assert rows_of(twin) == rows_of(PlainBatches(source, target, 8, seed))
    assert all(plan.rows * plan.target_width <= tokens_per_batch for plan in twin.plan(0))


def test_the_widths_are_a_small_fixed_set():
    expected = [*range(8, 32, 4), *range(32, 64, 8), *range(64, 128, 16), 128]
    assert bucket_widths(128).tolist() == expected
    assert bucket_widths(100).tolist() == [*expected[:-3], 96, 100]
    assert bucket_widths(5).tolist() == [5] and bucket_widths(8).tolist() == [8]
    assert bucket_widths(2048)[-4:].tolist() == [1280, 1536, 1792, 2048]


def test_few_shapes_are_as_many_as_widths_and_hold_the_same_rows():
    batches = FewShapeBatches(SOURCE, TARGET, 1568, seed=3)
    assert few_widths(128).tolist() == [16, 24, 32, 48, 64, 96, 128] and few_widths(100).tolist()[-2:] == [96, 100]
    shapes = {(plan.rows, plan.source_width, plan.target_width) for epoch in (0, 5) for plan in batches.plan(epoch)}
    assert shapes == {(1568 // width, width, width) for width in few_widths(128).tolist()}
    assert rows_of(batches) == rows_of(PlainBatches(SOURCE, TARGET, 64, seed=3))
    assert 0.65 < batches.real_token_share() < BucketedBatches(SOURCE, TARGET, 1568, seed=3).real_token_share()


def test_at_most_a_fifth_of_a_row_above_16_tokens_is_padding():
    widths = bucket_widths(2048)
    for length in range(17, 2049):
        width = widths[np.searchsorted(widths, length)]
        assert length <= width and (width - length) / width <= 0.2


def test_shapes_come_from_the_fixed_set(batches):
    allowed = set(bucket_widths(128).tolist())
    rows = {}
    for epoch in range(3):
        for (source, inputs), labels in batches.epoch(epoch):
            assert source.shape[1] in allowed and inputs.shape[1] in allowed and inputs.shape == labels.shape
            rows.setdefault(inputs.shape[1], set()).add(len(inputs))
    assert all(len(counts) == 1 for counts in rows.values())


def test_a_batch_has_about_as_many_target_positions_as_asked_for(batches):
    for plan in batches.plan(0):
        assert plan.rows * plan.target_width <= 1568 < (plan.rows + 1) * plan.target_width


def test_most_target_positions_are_real_tokens(batches):
    plain = PlainBatches(SOURCE, TARGET, 64, seed=3)
    assert batches.real_token_share() >= 0.82
    assert plain.real_token_share() < 0.5


def test_the_order_of_the_batches_is_not_sorted_by_width(batches):
    widths = [plan.target_width for plan in batches.plan(0)]
    assert widths != sorted(widths) and widths != [plan.target_width for plan in batches.plan(1)]
    unshuffled = [plan.target_width for plan in BucketedBatches(SOURCE, TARGET, 1568, seed=None).plan(0)]
    assert unshuffled == sorted(widths)


def test_inside_a_target_width_sentences_of_similar_source_width_are_together():
    plans = BucketedBatches(SOURCE, TARGET, 1568, seed=None).plan(0)
    shapes = [(plan.target_width, plan.source_width) for plan in plans]
    assert shapes == sorted(shapes) and len(set(shapes)) > len({target for target, _ in shapes})


def test_without_seed_every_epoch_is_the_same():
    twin = BucketedBatches(SOURCE[:200], TARGET[:200], 400, seed=None)
    for first, second in zip(twin.plan(0), twin.plan(1), strict=True):
        assert first.indices.tolist() == second.indices.tolist()
