"""A part of `fit` that was done before: its batches are read, its steps do nothing.

`fit` looks its step functions up on the model, so that is where they are replaced.
"""

import functools
import itertools
from typing import Any

import keras

from transformer_tutorial.runtime.errors import UsageError


class Replay:
    """What a resumed `fit` goes through until it comes to the place where it was broken off.

    Args:
        model: what is fitted.
        epoch: in which training was broken off, from 0.
        batch: how many of its batches were done; 0 means that an epoch was just beginning.
        logs: what the last of these steps returned.
    """

    def __init__(self, model: keras.Model, epoch: int, batch: int, logs: dict[str, float]):
        if keras.backend.backend() not in ("tensorflow", "jax"):
            raise UsageError(f"a `fit` can be resumed on TensorFlow and JAX, got {keras.backend.backend()}.")
        self.model, self.epoch, self.batch, self.logs = model, epoch, batch, logs
        self._own: tuple[Any, Any] | None = None

    def is_over(self, epoch: int, batch: int) -> bool:
        """Whether `fit` has come so far when so many batches of an epoch are done."""
        return (epoch, batch) >= (self.epoch, self.batch)

    def skip(self) -> None:
        """From here on steps of training and of validation read their batches and do nothing else."""
        if self._own is None:
            self._own = self.model.train_function, self.model.test_function
            self.model.train_function = functools.partial(self._read, self.logs)
            self.model.test_function = functools.partial(self._read, {})

    def end(self) -> None:
        """From here on steps are real again."""
        if self._own is not None:
            self.model.train_function, self.model.test_function = self._own
            self._own = None

    def _read(self, logs, *arguments):
        *state, batches = arguments  # JAX hands the model's state in and out
        if not list(itertools.islice(batches, self.model.steps_per_execution)):
            raise StopIteration  # as a step that finds no data does
        return (logs, *state) if state else logs
