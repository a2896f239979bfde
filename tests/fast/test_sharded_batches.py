import functools
from collections import Counter

import numpy as np
import pytest

from transformer_tutorial.data.shards import Shards, write_shards
from transformer_tutorial.fast.bucketed_batches import BucketedBatches, bucket_widths
from transformer_tutorial.fast.sharded_batches import ShardedBatches, boundaries

TOKENS = 1024


def ted_like(count: int, longest: int = 100) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pairs with lengths like TED's, log-normal with a median of 20 tokens; the second id is the pair's number."""
    generator = np.random.default_rng(0)
    lengths = np.exp(generator.normal(np.log(20), 0.6, count))
    sides = []
    for noise in generator.normal(1, 0.12, (2, count)):
        clipped = np.clip(lengths * noise, 3, longest + len(sides)).astype(int)
        sides.append([np.array([2, i + 4, *[9] * (n - 3), 3], np.int32) for i, n in enumerate(clipped)])
    return sides[0], sides[1]


SOURCE, TARGET = ted_like(6000)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """6,000 pairs in 3 rounds of 4 lanes."""
    folder = tmp_path_factory.mktemp("corpus") / "shards"
    write_shards(folder, zip(SOURCE, TARGET, strict=True), 6000, lanes=4, pairs_at_once=2048)
    shards = Shards(folder)
    shards.read = functools.cache(shards.read)
    return shards


@pytest.fixture(scope="module")
def batches(shards):
    return ShardedBatches(shards, TOKENS, seed=3)


def rows_of(batches) -> Counter:
    """How often each (source, target, label) row occurs, without padding and rows of padding only."""
    rows = Counter()
    for (source, inputs), labels in batches:
        for row in zip(source, inputs, labels, strict=True):
            rows[tuple(tuple(ids[ids > 0].tolist()) for ids in row)] += 1
    del rows[((), (), ())]
    return rows


def numbers_of(batches) -> list[list[int]]:
    """The numbers of the pairs of each batch."""
    return [[int(n) - 4 for n in source[:, 1] if n] for (source, _), _ in batches]


class Watched(Shards):
    """Remembers which shards it has read."""

    def __init__(self, folder):
        super().__init__(folder)
        self.numbers = []

    def read(self, number):
        self.numbers.append(number)
        return super().read(number)


def joined(parts) -> tuple:
    """The workers' parts of one batch, one under the other."""
    (sources, inputs), labels = zip(*(part[0] for part in parts), strict=True), [part[1] for part in parts]
    return (np.concatenate(sources), np.concatenate(inputs)), np.concatenate(labels)


def assert_equal_batches(found, expected) -> None:
    for one, other in zip(found, expected, strict=True):
        for here, there in zip((*one[0], one[1]), (*other[0], other[1]), strict=True):
            np.testing.assert_array_equal(here, there)


def test_the_twin_has_the_same_rows_as_bucketed_batches_in_every_epoch(batches):
    twin = rows_of(BucketedBatches(SOURCE, TARGET, TOKENS, seed=3).epoch(0))
    assert rows_of(batches.epoch(0)) == rows_of(batches.epoch(5)) == twin
    assert sum(twin.values()) == 6000


def test_batches_have_the_shapes_of_the_plan(batches):
    allowed = set(bucket_widths(100).tolist())
    for plan, ((source, inputs), labels) in zip(batches.plan(1), batches.epoch(1), strict=True):
        assert source.shape == (plan.rows, plan.source_width) and inputs.shape == (plan.rows, plan.target_width)
        assert labels.shape == inputs.shape and {plan.source_width, plan.target_width} <= allowed
        assert plan.rows * plan.target_width <= TOKENS


def test_the_source_width_is_the_smallest_that_fits(batches):
    widths = batches.widths
    for (source, _), _ in batches.epoch(0):
        longest = int((source > 0).sum(axis=1).max())
        assert source.shape[1] == widths[np.searchsorted(widths, longest)]


def test_every_epoch_has_as_many_batches_and_another_order(batches):
    orders = [numbers_of(batches.epoch(epoch)) for epoch in (0, 1)]
    assert len(orders[0]) == len(orders[1]) == len(batches.plan(0)) == len(batches.plan(7))
    assert orders[0] != orders[1] and sorted(map(sorted, orders[0])) != sorted(map(sorted, orders[1]))
    assert [batches.order(epoch) for epoch in range(9)] != [batches.order(0)] * 9


def test_the_order_depends_on_the_seed_alone(shards, batches):
    again = ShardedBatches(shards, TOKENS, seed=3)
    assert_equal_batches(again.epoch(2), batches.epoch(2))
    assert numbers_of(ShardedBatches(shards, TOKENS, seed=4).epoch(2)) != numbers_of(batches.epoch(2))


@pytest.mark.parametrize("start", [0, 1, 60, 200, -1])
def test_an_epoch_goes_on_from_any_batch(batches, start):
    expected = list(batches.epoch(1))
    assert_equal_batches(batches.epoch(1, start % len(expected)), expected[start:])
    assert list(batches.epoch(1, len(expected))) == []


def test_an_epoch_that_goes_on_reads_no_earlier_round(shards, monkeypatch):
    batches, read = ShardedBatches(shards, TOKENS, seed=3), []
    monkeypatch.setattr(batches, "read_lane", lambda epoch, number, lane: read.append(number) or 1 / 0)
    first, second, _ = batches.order(0)
    start = len(batches.plan_round(0, first)) + 1
    with pytest.raises(ZeroDivisionError):
        next(batches.epoch(0, start))
    assert first not in read and second in read


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_workers_read_disjoint_parts_and_make_the_same_batches_together(shards, batches, workers):
    """3 workers have unequal parts: 2, 1 and 1 lanes of 4."""
    watched = [Watched(shards.folder) for _ in range(workers)]
    streams = [ShardedBatches(one, TOKENS, 3).of_worker(n, workers).epoch(1) for n, one in enumerate(watched)]
    assert_equal_batches([joined(parts) for parts in zip(*streams, strict=True)], list(batches.epoch(1)))
    assert sorted(number for one in watched for number in one.numbers) == list(range(len(shards)))
    assert all(one.numbers for one in watched)


@pytest.mark.parametrize("batch", [0, 77, -1])
def test_the_pairs_of_a_batch_are_known_by_their_numbers(batches, batch):
    expected = numbers_of(batches.epoch(1))[batch]
    assert batches.pairs(1, batch).tolist() == expected and expected
    assert batches.of_worker(1, 2).pairs(1, batch).tolist() == expected, "of all workers"


@pytest.mark.parametrize("start", [0, 1, 77])
def test_the_target_tokens_of_all_workers_are_known_without_reading(batches, shards, start, monkeypatch):
    expected = [np.count_nonzero(labels) for _, labels in batches.epoch(1, start)]
    monkeypatch.setattr(shards, "read", lambda number: 1 / 0)
    assert list(batches.of_worker(0, 4).target_tokens(1, start)) == expected


@pytest.mark.parametrize("workers", [5, 9])
def test_of_more_workers_than_lanes_some_share_the_rows_of_one(shards, batches, workers):
    watched = [Watched(shards.folder) for _ in range(workers)]
    streams = [ShardedBatches(one, TOKENS, 3).of_worker(n, workers).epoch(1) for n, one in enumerate(watched)]
    for parts, expected in zip(zip(*streams, strict=True), batches.epoch(1), strict=True):
        assert rows_of([joined(parts)]) == rows_of([expected])
        assert all(len(labels) for _, labels in parts)
    assert {len(one.numbers) for one in watched} == {len(shards) // 4}, "each reads one lane"


def test_little_more_is_padding_than_in_the_twin(batches):
    twin = BucketedBatches(SOURCE, TARGET, TOKENS, seed=3)
    assert twin.real_token_share() * 0.75 < batches.real_token_share() < twin.real_token_share()


def test_the_share_of_real_tokens_is_that_of_the_batches(batches):
    labels = [labels for _, labels in batches.epoch(0)]
    share = sum(int((one > 0).sum()) for one in labels) / sum(one.size for one in labels)
    assert batches.real_token_share() == pytest.approx(share)


def test_without_seed_every_epoch_is_the_same(shards):
    batches = ShardedBatches(shards, TOKENS, seed=None)
    assert_equal_batches(batches.epoch(0), batches.epoch(1))
    widths = [plan.target_width for plan in batches.plan_round(0, 0)]
    assert widths == sorted(widths)


def test_consecutive_batches_are_of_different_widths(batches):
    widths = [plan.target_width for plan in batches.plan(0)]
    assert sum(a != b for a, b in zip(widths, widths[1:], strict=False)) > len(widths) / 2


def test_chunks_differ_by_one_row_at_most():
    for total in range(30):
        for chunks in range(1, 8):
            sizes = np.diff(boundaries(total, chunks))
            assert sizes.sum() == total and sizes.max() - sizes.min() <= 1 and len(sizes) == chunks
    assert boundaries(0, 0).tolist() == [0]
