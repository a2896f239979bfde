import numpy as np
import pytest

from transformer_tutorial.data.batches import PlainBatches
from transformer_tutorial.data.replica_batches import filled, part, parts


@pytest.fixture
def batches():
    draw = np.random.default_rng(0)
    source, target = ([np.array([2, *draw.integers(4, 99, draw.integers(1, 9)), 3]) for _ in range(23)] for _ in "st")
    return PlainBatches(source, target, 7, 3)


def together(of_replicas: list[np.ndarray]) -> list[tuple]:
    """The rows of a batch from its parts, in their order, without rows of padding."""
    rows = (row for across in zip(*of_replicas, strict=True) for row in across)
    return [tuple(row) for row in rows if row.any()]


@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_replicas_together_have_the_batches_of_one_device_in_the_same_order(batches, replicas):
    split = list(parts(batches.epoch(1), range(replicas), replicas))
    whole = list(batches.epoch(1))
    assert len(split) == replicas * len(whole) == replicas * 4
    for number, (_, labels) in enumerate(whole):
        found = [labels for _, labels in split[replicas * number :][:replicas]]
        assert len({rows.shape for rows in found}) == 1, "equal parts"
        assert together(found) == [tuple(row) for row in labels]


@pytest.mark.parametrize("replicas", [2, 4])
def test_workers_have_disjoint_parts_that_make_the_whole(batches, replicas):
    local = replicas // 2
    workers = [list(parts(batches.epoch(0), range(local * n, local * (n + 1)), replicas)) for n in range(2)]
    everything = list(parts(batches.epoch(0), range(replicas), replicas))
    for number, batch in enumerate(zip(*[iter(everything)] * replicas, strict=True)):
        found = [part for worker in workers for part in worker[local * number :][:local]]
        for (_, expected), (_, labels) in zip(batch, found, strict=True):
            np.testing.assert_array_equal(labels, expected)


def test_each_epoch_has_another_order(batches):
    first, second = ([labels.tolist() for _, labels in parts(batches.epoch(e), range(2), 2)] for e in (0, 1))
    assert first != second


@pytest.mark.parametrize(("replicas", "rows"), [(1, 5), (2, 6), (4, 8), (5, 5)])
def test_a_filled_batch_has_a_multiple_of_rows_and_the_new_ones_are_padding(replicas, rows):
    batch = (np.full((5, 3), 7), np.full((5, 2), 8)), np.full((5, 2), 9)
    (((source, target), labels),) = filled(iter([batch]), replicas)
    assert len(source) == len(target) == len(labels) == rows
    assert (source[:5] == 7).all() and (labels[:5] == 9).all() and not source[5:].any() and not target[5:].any()


def test_a_batch_of_fewer_rows_than_replicas_is_filled_with_padding():
    rows = np.array([[5, 6], [7, 8]])
    assert [part(rows, number, 4).tolist() for number in range(4)] == [[[5, 6]], [[7, 8]], [[0, 0]], [[0, 0]]]
