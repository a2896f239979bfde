"""From a prepared corpus to the batches of each epoch.

Next: schedule.py
"""

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from transformer_tutorial.config import Config
from transformer_tutorial.data.batches import PlainBatches, as_dataset
from transformer_tutorial.data.one_shape_batches import OneShapeBatches
from transformer_tutorial.data.prepared import EncodedSplit, PreparedCorpus
from transformer_tutorial.data.replica_batches import filled, replica_dataset, worker_dataset
from transformer_tutorial.data.shards import Shards
from transformer_tutorial.data.subword_sampling import SubwordSampler
from transformer_tutorial.fast.bucketed_batches import BucketedBatches, FewShapeBatches
from transformer_tutorial.fast.sharded_batches import ShardedBatches
from transformer_tutorial.runtime.distributed_fit import workers_of


class Feed:
    """The training batches of each epoch; equal for equal configs.

    Args:
        config: batching, accumulation, sampling and seed.
        prepared: the corpus.
    """

    def __init__(self, config: Config, prepared: PreparedCorpus):
        self.config, self.prepared = config, prepared
        self._sampler = None
        if config.subword_sampling:
            self._sampler = SubwordSampler(
                prepared.text["train"], prepared.tokenizers, config.subword_sampling, config.max_tokens, config.seed
            )
        self._of_epoch: tuple[int, PlainBatches | ShardedBatches] | None = None

    def updates(self, epoch: int) -> int:
        """Updates of the optimizer in an epoch."""
        return self.steps(epoch) // self.config.accumulate

    def steps(self, epoch: int) -> int:
        """Batches of an epoch. Those that would not fill an update are left out, others in each epoch."""
        return len(self._batches(epoch).plan(epoch)) // self.config.accumulate * self.config.accumulate

    def dataset(
        self, epoch: int, start: int, strategy: tf.distribute.Strategy | None = None, devices: int = 1
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """What `fit` trains on in an epoch, from batch `start` on.

        Args:
            epoch, start: as for `batches`.
            strategy: its replicas share each batch. Several workers read disjoint parts of a corpus in shards.
            devices: of Keras's own distribution; the number of rows is a multiple of it.
        """
        weighted = self.config.accumulate > 1
        of_worker = functools.partial(self.batches, epoch, start)
        if isinstance(self.prepared.train, Shards) and strategy is not None and workers_of(strategy) > 1:
            return worker_dataset(strategy, of_worker, weighted)
        return self.as_dataset(of_worker, strategy, devices, weighted)

    def as_dataset(
        self,
        batches: Callable[[], Iterator[tuple]],
        strategy: tf.distribute.Strategy | None = None,
        devices: int = 1,
        weighted: bool = False,
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Batches that every worker makes, in the form that `fit` takes them; arguments as for `dataset`."""
        config = self.config
        shape = (config.batch_size, config.max_tokens) if config.batching == "one_shape" else (None, None)
        make = as_dataset if strategy is None else functools.partial(replica_dataset, strategy)
        return make(lambda: filled(batches(), devices), weighted, shape=shape)

    def batches(self, epoch: int, start: int, worker: int = 0, workers: int = 1) -> Iterator[tuple]:
        """The padded batches of an epoch, from number `start` on, weighted if they are accumulated.

        Args:
            epoch: from 0.
            start: the first batch.
            worker, workers: of a corpus in shards, whose rows; then no shard of another worker is read.
        """
        batches = self._batches(epoch)
        if workers > 1:
            batches = batches.of_worker(worker, workers)
        if self.config.accumulate == 1:
            return batches.epoch(epoch, start)
        return weighted(batches, epoch, start, self.config.accumulate)

    def pairs(self, epoch: int, batch: int) -> np.ndarray:
        """Numbers of the training pairs in one batch of an epoch."""
        return self._batches(epoch).pairs(epoch, batch)

    def _batches(self, epoch: int) -> PlainBatches | ShardedBatches:
        if self._of_epoch is None or (self._sampler and self._of_epoch[0] != epoch):
            split = self._sampler.epoch(epoch) if self._sampler else self.prepared.train
            self._of_epoch = epoch, make_batches_for(self.config, split, self.config.seed)
        return self._of_epoch[1]


def make_batches_for(config: Config, split: EncodedSplit | Shards, seed: int | None) -> PlainBatches | ShardedBatches:
    """The batches that the config asks for; `seed` None keeps the order of the split."""
    if isinstance(split, Shards):
        return ShardedBatches(split, config.tokens_per_batch, seed)
    if config.batching == "one_shape":
        return OneShapeBatches(split.source, split.target, config.batch_size, seed, config.max_tokens)
    if config.batching == "plain":
        return PlainBatches(split.source, split.target, config.batch_size, seed)
    batches = FewShapeBatches if config.batching == "few_shapes" else BucketedBatches
    return batches(split.source, split.target, config.tokens_per_batch, seed)


def weighted(batches: PlainBatches | ShardedBatches, epoch: int, start: int, accumulate: int) -> Iterator[tuple]:
    """Batches with a third element, floats (B, 1): the weight with which accumulation equals one large batch.

        weight = its real target tokens · accumulate / real target tokens of the batches that make the update

    Keras takes the plain mean of the accumulated gradients, each of which is a mean over its own batch's tokens.
    """
    done = start % accumulate  # batches of the first update that are left out
    padded = batches.epoch(epoch, start - done)
    if isinstance(batches, ShardedBatches):  # of which a worker has only its own rows
        counted = zip(padded, batches.target_tokens(epoch, start - done), strict=True)
    else:
        counted = ((batch, np.count_nonzero(batch[1])) for batch in padded)
    while update := list(itertools.islice(counted, accumulate)):
        total = sum(tokens for _, tokens in update)
        for (inputs, labels), tokens in update[done:]:
            yield inputs, labels, np.full((len(labels), 1), tokens * accumulate / total, "float32")
        done = 0
