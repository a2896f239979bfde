"""Twin of fast/bucketed_batches.py for a corpus in shards: the same kind of batches, in bounded memory.

A round is L shards, one of each lane. They are read side by side, shuffled and grouped as a whole, while the next round
is being read. Each batch takes as many rows from one lane as from another, so W workers read W disjoint parts of the
corpus and still make, together, the very batches that one process makes; of more than L workers some share a lane and
divide its rows. Which shards are a round is fixed. The order of rounds, which sentences share a batch and the order of
batches inside a round are functions of (seed, epoch); the number of batches is the same in every epoch.

Cost: sentences only meet those of their round, and a few per cent more rows are padding, where lanes differ.
"""

import copy
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from transformer_tutorial.data.batches import BatchPlan, PlainBatches
from transformer_tutorial.data.shards import Shards
from transformer_tutorial.fast.bucketed_batches import bucket_widths
from transformer_tutorial.token_ids import PADDING_ID


class ShardedPlan(NamedTuple):
    """One batch before anything is read.

    Attributes:
        round: where its sentences are.
        chunk: which of the batches with this target width in this round.
        chunks: how many those are.
        rows: B, of all lanes together.
        source_width: S, in tokens.
        target_width: T, in tokens.
    """

    round: int
    chunk: int
    chunks: int
    rows: int
    source_width: int
    target_width: int


class LaneOrder:
    """The sentences of one shard in the order of an epoch, grouped by target width. Their lengths are enough for it.

    Args:
        widths: source and target width of each, int, (pairs, 2).
        order: of all sentences.
    """

    def __init__(self, widths: np.ndarray, order: np.ndarray):
        source, target = widths[order].T
        order = order[np.lexsort((source, target))]
        first = np.searchsorted(np.sort(target), np.unique(target)[1:])
        self.groups = dict(zip(np.unique(target).tolist(), np.split(order, first), strict=True))

    def members(self, plan: ShardedPlan) -> np.ndarray:
        """Which of this lane's sentences are in a batch."""
        group = self.groups.get(plan.target_width, np.arange(0))
        first, end = boundaries(len(group), plan.chunks)[plan.chunk :][:2]
        return group[first:end]


class Lane(NamedTuple):
    """One shard of a round in memory.

    Attributes:
        pairs: the sentences.
        numbers: of the pairs in the corpus.
        order: which of them a batch has.
    """

    pairs: PlainBatches
    numbers: np.ndarray
    order: LaneOrder

    def pad(self, plan: ShardedPlan, rows: int) -> tuple:
        """This lane's `rows` rows of a batch."""
        return self.pairs.pad(BatchPlan(self.order.members(plan), rows, plan.source_width, plan.target_width))


class ShardedBatches:
    """Batches of about equal numbers of target positions, from few shapes, read from shards.

    Every sentence occurs once an epoch.

    Args:
        shards: the corpus.
        tokens_per_batch: target positions of a batch, padding included; at least L times the longest sentence of
            either side, or a batch has more.
        seed: with the epoch's number it decides the order. None keeps that of the shards.

    Attributes:
        lanes: those that are read.
        share: which part of their rows, from 0, of how many equal ones.
    """

    def __init__(self, shards: Shards, tokens_per_batch: int, seed: int | None):
        self.shards, self.tokens_per_batch, self.seed = shards, tokens_per_batch, seed
        self.lanes, self.share = list(range(shards.lanes)), (0, 1)
        self.rounds = len(shards) // shards.lanes
        self.widths = bucket_widths(max(int(shards.lengths(number).max()) for number in range(len(shards))))
        self.counts = np.stack([self._count(shards.lengths(number)) for number in range(len(shards))])

    def of_worker(self, worker: int, workers: int) -> "ShardedBatches":
        """The same batches, of which `epoch` yields one worker's rows and reads no other lanes.

        Args:
            worker: which part of each batch, from 0.
            workers: W; the parts are equal where W divides L. Of more than L workers some read the same lane.
        """
        own, lanes = copy.copy(self), np.arange(self.shards.lanes)
        if workers <= len(lanes):
            own.lanes = np.array_split(lanes, workers)[worker].tolist()
            return own
        for lane, sharing in zip(lanes.tolist(), np.array_split(np.arange(workers), len(lanes)), strict=True):
            if worker in sharing:
                own.lanes, own.share = [lane], (worker - int(sharing[0]), len(sharing))
        return own

    def plan(self, epoch: int) -> list[ShardedPlan]:
        """The batches of one epoch, in order; as many in every epoch."""
        return [plan for number in self.order(epoch) for plan in self.plan_round(epoch, number)]

    def order(self, epoch: int) -> list[int]:
        """The rounds in the order of this epoch."""
        if self.seed is None:
            return list(range(self.rounds))
        return np.random.default_rng((self.seed, epoch)).permutation(self.rounds).tolist()

    def plan_round(self, epoch: int, number: int) -> list[ShardedPlan]:
        """The batches of one round, in order."""
        counts = self.counts[number * self.shards.lanes :][: self.shards.lanes]  # (L, source widths, target widths)
        plans = []
        for column, width in enumerate(self.widths.tolist()):
            up_to = np.cumsum(counts[:, :, column], axis=1)  # sentences of each lane up to each source width
            chunks = -(-int(up_to[:, -1].max()) // self._rows_of_lane(width))
            ends = np.stack([boundaries(int(total), chunks)[1:] for total in up_to[:, -1]])
            longest = [np.searchsorted(sums, lane) for sums, lane in zip(up_to, ends, strict=True)]
            rows = self._rows_of_lane(width) * self.shards.lanes
            for chunk, source_width in enumerate(self.widths[np.max(longest, axis=0)].tolist()):
                plans.append(ShardedPlan(number, chunk, chunks, rows, source_width, width))
        if self.seed is None:
            return plans
        return [plans[i] for i in np.random.default_rng((self.seed, epoch, 1, number)).permutation(len(plans))]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple]:
        """This worker's rows of the padded batches of one epoch, from number `start` on; reads no earlier round."""
        todo = self._rounds(epoch, start)
        with ThreadPoolExecutor(len(self.lanes)) as pool:
            reading = self._begin(pool, epoch, todo[:1])
            for position, plans in enumerate(todo):
                lanes = [lane.result() for lane in reading]
                reading = self._begin(pool, epoch, todo[position + 1 : position + 2])
                for plan in plans:
                    yield self._pad(plan, lanes)

    def target_tokens(self, epoch: int, start: int = 0) -> Iterator[int]:
        """Real target tokens in each batch of an epoch from number `start` on, all workers' rows together.

        Known from the lengths; nothing is read.
        """
        for plans in self._rounds(epoch, start):
            places = [self._place(plans[0].round, lane) for lane in range(self.shards.lanes)]
            lanes = [(self.shards.lengths(place)[:, 1], self._lane_order(epoch, place)) for place in places]
            for plan in plans:
                yield sum(int(lengths[order.members(plan)].sum()) for lengths, order in lanes)

    def _rounds(self, epoch: int, start: int) -> list[list[ShardedPlan]]:
        """The batches of an epoch from number `start` on, round by round."""
        todo = []
        for number in self.order(epoch):
            plans = self.plan_round(epoch, number)
            if start < len(plans):
                todo.append(plans[start:])
            start = max(0, start - len(plans))
        return todo

    def _begin(self, pool: ThreadPoolExecutor, epoch: int, rounds: list[list[ShardedPlan]]) -> list[Future]:
        """Begins to read this worker's lanes of these rounds, one round or none."""
        return [pool.submit(self.read_lane, epoch, plans[0].round, lane) for plans in rounds for lane in self.lanes]

    def read_lane(self, epoch: int, number: int, lane: int) -> Lane:
        """One lane's shard of a round, in the order of this epoch."""
        place = self._place(number, lane)
        shard = self.shards.read(place)
        pairs = PlainBatches(shard.source, shard.target, len(shard.source), None)
        return Lane(pairs, shard.numbers, self._lane_order(epoch, place))

    def _place(self, number: int, lane: int) -> int:
        """Which shard is this lane's of a round."""
        return number * self.shards.lanes + lane

    def _lane_order(self, epoch: int, place: int) -> LaneOrder:
        lengths = self.shards.lengths(place)
        order = np.arange(len(lengths))
        if self.seed is not None:
            order = np.random.default_rng((self.seed, epoch, 2, place)).permutation(len(lengths))
        return LaneOrder(self.widths[np.searchsorted(self.widths, lengths)], order)

    def pairs(self, epoch: int, batch: int) -> np.ndarray:
        """Numbers, in the corpus, of the pairs in one batch of an epoch, all workers' together."""
        plan = self.plan(epoch)[batch]
        lanes = (self.read_lane(epoch, plan.round, lane) for lane in range(self.shards.lanes))
        return np.concatenate([lane.numbers[lane.order.members(plan)] for lane in lanes])

    def real_token_share(self) -> float:
        """Share of target positions that are not padding, in (0, 1]."""
        real = sum(int(self.shards.lengths(number)[:, 1].sum()) for number in range(len(self.shards)))
        return real / sum(plan.rows * plan.target_width for plan in self.plan(0))

    def _pad(self, plan: ShardedPlan, lanes: list[Lane]) -> tuple:
        rows = plan.rows // self.shards.lanes
        parts = [((source, inputs), labels) for (source, inputs), labels in (lane.pad(plan, rows) for lane in lanes)]
        source, inputs = (self._own_rows([part[0][side] for part in parts]) for side in range(2))
        return (source, inputs), self._own_rows([labels for _, labels in parts])

    def _own_rows(self, parts: list[np.ndarray]) -> np.ndarray:
        """The lanes' rows one under the other; of a lane that is shared this worker's, or one of padding."""
        rows, (number, sharing) = np.concatenate(parts), self.share
        first, end = boundaries(len(rows), sharing)[number:][:2]
        return rows[first:end] if end > first else np.full_like(rows[:1], PADDING_ID)

    def _rows_of_lane(self, width: int) -> int:
        return max(1, self.tokens_per_batch // width // self.shards.lanes)

    def _count(self, lengths: np.ndarray) -> np.ndarray:
        """Sentences of one shard by the places of their source and target widths, int, (widths, widths)."""
        source, target = np.searchsorted(self.widths, lengths).T
        size = len(self.widths)
        return np.bincount(source * size + target, minlength=size * size).reshape(size, size)


def boundaries(total: int, chunks: int) -> np.ndarray:
    """Where `total` rows are cut into chunks whose sizes differ by one at most, int, (chunks + 1,)."""
    return total * np.arange(chunks + 1) // max(chunks, 1)
