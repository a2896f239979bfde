"""Several processes train one model: what they tell each other between the steps.

The chief alone reads and writes what a training leaves behind. The others get from it where training stands. Everything
else is equal on all of them: batches, losses, weights, metrics.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from transformer_tutorial.runtime.checkpoints import Checkpoint
from transformer_tutorial.runtime.distributed_fit import is_chief, is_multi_worker
from transformer_tutorial.runtime.errors import Failure


class Workers:
    """The processes of a training; of a single one, which is its own chief, it asks nothing.

    Args:
        strategy: a `tf.distribute.Strategy`, or None.
    """

    def __init__(self, strategy: Any = None):
        self.strategy = strategy
        self.several = strategy is not None and is_multi_worker(strategy)
        self.chief = not self.several or is_chief(strategy)
        self._add = None

    def scope(self) -> AbstractContextManager:
        """Variables made in it are the strategy's."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """The chief runs the block before the others do, who may then find what it has left on a common disk."""
        if not self.chief:
            self.from_chief(None)
        yield
        if self.chief:
            self.from_chief(None)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another worker dies into a Failure."""
        import tensorflow as tf

        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            if not self.several:
                raise
            raise Failure(
                "Another worker is lost; what it said last tells why. Start the same command on all workers again: "
                "they go on from the newest checkpoint."
            ) from error

    def from_chief(self, value: Any) -> Any:
        """What the chief calls this with, something that JSON can hold; all workers call it."""
        if not self.several:
            return value
        return json.loads(self._bytes_from_chief(json.dumps(value).encode() if self.chief else b""))

    def arrays_from_chief(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The chief's arrays; all workers call it."""
        if not self.several:
            return arrays
        stream = io.BytesIO()
        if self.chief:
            np.savez(stream, **arrays)
        with np.load(io.BytesIO(self._bytes_from_chief(stream.getvalue())), allow_pickle=False) as sent:
            return {name: sent[name] for name in sent.files}

    def checkpoint_from_chief(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        """The checkpoint that the chief has found, if any; all workers call it."""
        if not self.several:
            return checkpoint
        found = self.from_chief(checkpoint and (checkpoint.step, checkpoint.state, str(checkpoint.folder)))
        if found is None:
            return None
        step, state, folder = found
        return Checkpoint(step, self.arrays_from_chief(checkpoint.arrays if self.chief else {}), state, Path(folder))

    def largest(self, number: int) -> int:
        """The largest of the numbers, 0 to 63, with which the workers call this; all of them call it."""
        if not self.several:
            return number
        return int(np.flatnonzero(self._sum(np.eye(64, dtype=np.int64)[number])).max())

    def check_equal(self, what: str, text: str) -> None:
        """All workers call it.

        Raises:
            Failure: `text` is not the same on all of them; raised on all.
        """
        if self.largest(int(self.from_chief(text) != text)):
            raise Failure(f"The workers do not have the same {what}. Start all of them with the same command and data.")

    def _bytes_from_chief(self, data: bytes) -> bytes:
        (size,) = self._sum(np.array([len(data)], np.int64))  # 0 from all others
        padded = np.frombuffer(data.ljust(-(-size // 8) * 8, b"\0"), np.int64)  # which the others fill with zeros, too
        return self._sum(padded).tobytes()[:size]

    def _sum(self, numbers: np.ndarray) -> np.ndarray:
        """The sum of what the workers call this with, int64."""
        import tensorflow as tf

        self._add = self._add or tf.function(self._add_on_replicas, reduce_retracing=True)
        return self.strategy.experimental_local_results(self._add(tf.constant(numbers)))[0].numpy()

    def _add_on_replicas(self, numbers):
        import tensorflow as tf

        def add(numbers):
            context = tf.distribute.get_replica_context()
            first = context.replica_id_in_sync_group % len(self.strategy.extended.worker_devices) == 0
            own = tf.where(first, numbers, tf.zeros_like(numbers))  # each worker counts once
            return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

        return self.strategy.run(add, args=(numbers,))


def digest(variables: Iterable) -> str:
    """SHA-256 of the values of some variables, in hexadecimal."""
    total = hashlib.sha256()
    for variable in variables:
        total.update(np.ascontiguousarray(variable).tobytes())
    return total.hexdigest()
