"""What happens between the steps of `fit`: count, watch, save, and leave cleanly.

Next: averages.py
"""

import math
import sys
import time
from collections.abc import Callable

import keras
import numpy as np

from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.checkpoints import save_checkpoint
from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.runtime.interrupts import Interrupts
from transformer_tutorial.runtime.model_arrays import all_arrays, name_of_infinite
from transformer_tutorial.runtime.workers import Workers


class Position(keras.callbacks.Callback):
    """Where training stands: `batch` of the `batches` of `epoch` are done, in `seconds` of training steps.

    The first callback of `fit`: those behind it see the batch that has just ended. `KeepCheckpoints`, the last one,
    turns to the next epoch.
    """

    def __init__(self, epoch: int = 0, batch: int = 0, seconds: float = 0.0):
        super().__init__()
        self.epoch, self.batch, self.seconds = epoch, batch, seconds
        self.batches = 0

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.batch += 1
        self.seconds += time.monotonic() - self._began


class StopAtNaN(keras.callbacks.Callback):
    """Ends training with a Failure before anything is written that is not finite. Stands right behind `Position`.

    The loss shows it one step late, so the arrays themselves are looked at before they are kept.

    Args:
        run: where the last good checkpoint is.
        position: where training stands.
        origin: from (epoch, batch), both from 0, a sentence on the text that the batch comes from.
    """

    def __init__(self, run: RunFolder, position: Position, origin: Callable[[int, int], str]):
        super().__init__()
        self.run, self.position, self.origin = run, position, origin

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self._stop("The loss is")

    def on_epoch_end(self, epoch, logs=None):
        self.finite_arrays()

    def finite_arrays(self) -> dict[str, np.ndarray]:
        """`all_arrays` of the model, if they are finite."""
        arrays = all_arrays(self.model)
        if name := name_of_infinite(arrays):
            self._stop(f"Values of {name} are")
        return arrays

    def _stop(self, what: str):
        step = int(self.model.optimizer.iterations.numpy())
        origin = self.origin(self.position.epoch, self.position.batch - 1)
        raise Failure(
            f"{what} not finite at step {step} (epoch {self.position.epoch + 1}, batch {self.position.batch}). "
            f"{origin} Nothing was saved since; the last good checkpoint is in {self.run.checkpoints}. Train anew in "
            "another --run-dir with more --warmup-steps (a lower peak rate) or with --precision float32."
        )


class KeepCheckpoints(keras.callbacks.Callback):
    """Saves after each epoch, every few minutes, and when asked to stop; never saves what is not finite.

    On SIGINT (Ctrl-C) or SIGTERM the running step is finished and saved, then KeyboardInterrupt or SystemExit(143)
    leaves `fit`. After the last step of an epoch its validation is finished, too. A second signal leaves at once.

    Args:
        run: where to save.
        position: what is saved beside the arrays.
        stop_at_nan: looks at the arrays first.
        save_every_minutes: at least one checkpoint in this time.
        best: from the number of epochs that are done to the best of them, {"step": S, "epoch": E}, whose checkpoint is
            never removed, or None.
        workers: the chief saves; all of them leave after the same step when one of them is asked to.
    """

    def __init__(
        self,
        run: RunFolder,
        position: Position,
        stop_at_nan: StopAtNaN,
        save_every_minutes: float,
        best: Callable[[int], dict[str, int] | None] = lambda epochs: None,
        workers: Workers | None = None,
    ):
        super().__init__()
        self.run, self.position, self.stop_at_nan, self.best = run, position, stop_at_nan, best
        self.workers = workers or Workers()
        self.interrupts = Interrupts(self.workers)
        self.save_every_seconds = 60 * save_every_minutes
        self._restored_metrics: list[np.ndarray] | None = None

    def keep_metrics(self) -> None:
        """`fit` resets the metrics when an epoch begins; those of a resumed epoch are put back then."""
        self._restored_metrics = [np.asarray(variable) for variable in self.model.metrics_variables]

    def on_train_begin(self, logs=None):
        self._saved = time.monotonic()
        self.interrupts.listen()

    def on_train_end(self, logs=None):
        self.interrupts.restore()

    def on_epoch_begin(self, epoch, logs=None):
        if self._restored_metrics is not None:
            for variable, value in zip(self.model.metrics_variables, self._restored_metrics, strict=True):
                variable.assign(value)
            self._restored_metrics = None

    def on_train_batch_end(self, batch, logs=None):
        if self.position.batch == self.position.batches:
            return  # the end of the epoch follows and saves; a checkpoint from here would have no step left to resume
        if number := self.interrupts.asked(self.position.batch):
            self.save()
            self._leave(number)
        if time.monotonic() - self._saved > self.save_every_seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self.position.epoch, self.position.batch, self.position.seconds = epoch + 1, 0, 0.0
        self.save()
        if number := self.interrupts.asked():
            self._leave(number)

    def save(self) -> None:
        """Writes a checkpoint of the present step, on the chief."""
        if not self.workers.chief:
            return
        state = {key: getattr(self.position, key) for key in ("epoch", "batch", "seconds")}
        state["best"] = self.best(self.position.epoch)
        step = int(self.model.optimizer.iterations.numpy())
        save_checkpoint(self.run.checkpoints, step, self.stop_at_nan.finite_arrays(), state)
        self._saved = time.monotonic()

    def _leave(self, number: int):
        print(f"Saved in {self.run.path}. The same command goes on from here.", file=sys.stderr)
        self.interrupts.leave(number)
