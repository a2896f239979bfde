"""One batch, split over replicas: each takes its rows, and together they train on the batch that one device has.

The batches are made before they are split, so their order and their sentences do not depend on the number of replicas.

Next: ../layers/positions.py
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.token_ids import PADDING_ID


def replica_dataset(
    strategy: tf.distribute.Strategy,
    next_batches: Callable[[], Iterator[tuple]],
    weighted: bool = False,
    shape: tuple[int | None, int | None] = (None, None),
) -> tf.distribute.DistributedDataset:
    """The batches of `next_batches()`, split over the replicas of `strategy`, again and again without end.

    An end would have to be agreed upon by all workers at each step; give `fit` the number of steps instead.

    Args:
        strategy: every worker makes all batches and keeps its rows of them.
        next_batches: as for `as_dataset`.
        weighted: as for `as_dataset`.
        shape: of the whole batch, as for `as_dataset`.
    """

    def rows_of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = context.num_replicas_in_sync
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local
        own = shape if shape[0] is None else (-(-shape[0] // replicas), shape[1])
        numbers = range(first, first + local)
        return as_dataset(lambda: parts(next_batches(), numbers, replicas), weighted, shape=own).repeat()

    return strategy.distribute_datasets_from_function(rows_of_worker)


def worker_dataset(
    strategy: tf.distribute.Strategy, batches_of_worker: Callable[[int, int], Iterator[tuple]], weighted: bool = False
) -> tf.distribute.DistributedDataset:
    """As `replica_dataset`, where each worker makes its own rows of each batch and no others.

    Args:
        strategy: each of its workers splits its rows over its own replicas.
        batches_of_worker: from the number of a worker and that of all workers to that worker's rows of the batches.
        weighted: as for `as_dataset`.
    """

    def rows_of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        local = context.num_replicas_in_sync // workers
        own = functools.partial(batches_of_worker, context.input_pipeline_id, workers)
        return as_dataset(lambda: parts(own(), range(local), local), weighted).repeat()

    return strategy.distribute_datasets_from_function(rows_of_worker)


def filled(batches: Iterator[tuple], replicas: int) -> Iterator[tuple]:
    """Batches with rows of padding at their ends, so that the number of rows is a multiple of `replicas`."""
    for batch in batches:
        yield tf.nest.map_structure(lambda rows: _with_more_rows(rows, -len(rows) % replicas), batch)


def parts(batches: Iterator[tuple], numbers: range, replicas: int) -> Iterator[tuple]:
    """The parts with these numbers of each batch, one after the other."""
    for batch in batches:
        for number in numbers:
            yield tf.nest.map_structure(lambda rows, number=number: part(rows, number, replicas), batch)


def part(rows: np.ndarray, number: int, replicas: int) -> np.ndarray:
    """Every `replicas`-th row from `number` on; where others have one row more, a row of padding makes it equal."""
    own = rows[number::replicas]
    return _with_more_rows(own, -(-len(rows) // replicas) - len(own))


def _with_more_rows(rows: np.ndarray, missing: int) -> np.ndarray:
    return np.pad(rows, ((0, missing), (0, 0)), constant_values=PADDING_ID) if missing else rows
