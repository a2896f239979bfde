"""What happens between the steps of `fit`: keep, report, and leave cleanly.

Next: training.py
"""

import math
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from transformer_tutorial.learning.checkpoints import Checkpoint, save_checkpoint
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.devices import peak_memory_mb
from transformer_tutorial.runtime.errors import Failure


class Position(keras.callbacks.Callback):
    """Where training stands: `batch` batches of `epoch` are done, after `seconds` of training steps in that epoch.

    The first callback of `fit`: those behind it see the batch that has just ended. `KeepCheckpoints`, the last one,
    turns to the next epoch.
    """

    def __init__(self, epoch: int = 0, batch: int = 0, seconds: float = 0.0):
        super().__init__()
        self.epoch, self.batch, self.seconds = epoch, batch, seconds

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.batch += 1
        self.seconds += time.monotonic() - self._began


def all_arrays(trainer: keras.Model) -> dict[str, np.ndarray]:
    """Every variable that training changes, by place and path: weights, random states, metric sums, optimizer."""
    variables = [*trainer.variables, *trainer.metrics_variables, *trainer.optimizer.variables]
    return {f"{number:05d}|{variable.path}": np.asarray(variable) for number, variable in enumerate(variables)}


def restore_arrays(trainer: keras.Model, checkpoint: Checkpoint) -> None:
    """The inverse of `all_arrays`.

    Raises:
        Failure: the stored arrays are not this model's.
    """
    variables = [*trainer.variables, *trainer.metrics_variables, *trainer.optimizer.variables]
    shapes = [tuple(array.shape) for array in checkpoint.arrays.values()]
    if shapes != [tuple(variable.shape) for variable in variables]:
        raise Failure(f"{checkpoint.folder} belongs to another model: its arrays have other shapes.")
    for variable, array in zip(variables, checkpoint.arrays.values(), strict=True):
        variable.assign(array)


class StopAtNaN(keras.callbacks.Callback):
    """Ends training with a Failure before anything is written that is not finite. Stands right behind `Position`.

    The loss shows it one step late, so the arrays themselves are looked at before they are kept.
    """

    def __init__(self, run: RunFolder, position: Position):
        super().__init__()
        self.run, self.position = run, position

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self._stop("The loss is")

    def on_epoch_end(self, epoch, logs=None):
        self.finite_arrays()

    def finite_arrays(self) -> dict[str, np.ndarray]:
        """`all_arrays` of the model, if they are finite."""
        arrays = all_arrays(self.model)
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                self._stop(f"Values of {name.partition('|')[2]} are")
        return arrays

    def _stop(self, what: str):
        step = int(self.model.optimizer.iterations.numpy())
        raise Failure(
            f"{what} not finite at step {step} (epoch {self.position.epoch + 1}, batch {self.position.batch}). "
            f"Nothing was saved since; the last good checkpoint is in {self.run.checkpoints}. Train anew in another "
            "--run-dir with more --warmup-steps (a lower peak rate) or with --precision float32."
        )


class KeepCheckpoints(keras.callbacks.Callback):
    """Saves after each epoch, every few minutes, and when asked to stop; never saves what is not finite.

    On SIGINT (Ctrl-C) or SIGTERM the running step is finished and saved, then KeyboardInterrupt or SystemExit(143)
    leaves `fit`. After the last step of an epoch its validation is finished, too. A second signal leaves at once.

    Args:
        run: where to save.
        position: what is saved beside the arrays.
        stop_at_nan: looks at the arrays first.
        batches: batches of an epoch.
        save_every_minutes: at least one checkpoint in this time.
    """

    def __init__(
        self, run: RunFolder, position: Position, stop_at_nan: StopAtNaN, batches: int, save_every_minutes: float
    ):
        super().__init__()
        self.run, self.position, self.stop_at_nan, self.batches = run, position, stop_at_nan, batches
        self.save_every_seconds = 60 * save_every_minutes
        self.signal: int | None = None
        self._restored_metrics: list[np.ndarray] | None = None
        self._replaced: dict[int, Any] = {}

    def keep_metrics(self) -> None:
        """`fit` resets the metrics when an epoch begins; those of a resumed epoch are put back then."""
        self._restored_metrics = [np.asarray(variable) for variable in self.model.metrics_variables]

    def on_train_begin(self, logs=None):
        self._saved = time.monotonic()
        try:
            self._replaced = {
                number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
            }
        except ValueError:  # not in the main thread: signals stay as they are
            self._replaced = {}

    def on_train_end(self, logs=None):
        self.restore_signals()

    def restore_signals(self) -> None:
        """Signals do again what they did before `fit`, which calls this only when nothing interrupts it."""
        for number, handler in self._replaced.items():
            signal.signal(number, handler)
        self._replaced = {}

    def on_epoch_begin(self, epoch, logs=None):
        if self._restored_metrics is not None:
            for variable, value in zip(self.model.metrics_variables, self._restored_metrics, strict=True):
                variable.assign(value)
            self._restored_metrics = None

    def on_train_batch_end(self, batch, logs=None):
        if self.position.batch == self.batches:
            return  # the end of the epoch follows and saves; a checkpoint from here would have no step left to resume
        if self.signal is not None:
            self.save()
            self._leave()
        if time.monotonic() - self._saved > self.save_every_seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self.position.epoch, self.position.batch, self.position.seconds = epoch + 1, 0, 0.0
        self.save()
        if self.signal is not None:
            self._leave()

    def save(self) -> None:
        """Writes a checkpoint of the present step."""
        state = {key: getattr(self.position, key) for key in ("epoch", "batch", "seconds")}
        step = int(self.model.optimizer.iterations.numpy())
        save_checkpoint(self.run.checkpoints, step, self.stop_at_nan.finite_arrays(), state)
        self._saved = time.monotonic()

    def _on_signal(self, number, frame):
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        os.write(2, b"\nFinishing the step and saving; once more to leave at once.\n")

    def _leave(self):
        print(f"Saved in {self.run.path}. The same command goes on from here.", file=sys.stderr)
        if self.signal == signal.SIGTERM:
            raise SystemExit(143)
        raise KeyboardInterrupt


class Report(keras.callbacks.Callback):
    """One line an epoch on stderr, in metrics.jsonl and in TensorBoard; a progress bar in between.

    Args:
        run: where to write.
        position: its `seconds` is the time spent in the epoch's training steps.
        epochs: the last epoch's number.
        batches: batches of an epoch.
        examples: called after each epoch; returns lines to print, translations of the same few sentences.
    """

    def __init__(
        self, run: RunFolder, position: Position, epochs: int, batches: int, examples: Callable[[], list[str]]
    ):
        super().__init__()
        self.run, self.position, self.epochs, self.batches, self.examples = run, position, epochs, batches, examples
        self._next_line = 0.0
        self._events = tf.summary.create_file_writer(str(run.tensorboard))

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = tqdm(
            total=self.batches,
            initial=self.position.batch,
            desc=f"Epoch {epoch + 1}/{self.epochs}",
            unit="step",
            file=sys.stderr,
            leave=False,
            disable=not sys.stderr.isatty(),
        )
        self._next_line = time.monotonic() + 30

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update()
        if self._bar.disable and time.monotonic() < self._next_line:
            return
        text = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  {self._speed(logs):,.0f} tokens/s"
        self._bar.set_postfix_str(text, refresh=False)
        if self._bar.disable:
            left = self.position.seconds / self.position.batch * (self.batches - self.position.batch)
            where = f"epoch {self.position.epoch + 1}/{self.epochs} step {self.position.batch}/{self.batches}"
            print(f"{where}  {text}  rate {self._rate():.2e}  {left:.0f} s left", file=sys.stderr, flush=True)
            self._next_line = time.monotonic() + 30

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()
        record = self._record(epoch, logs)
        earlier = [old["val_loss"] for old in self.run.read_metrics() if old["epoch"] < record["epoch"]]
        best = not earlier or record["val_loss"] < min(earlier)
        self.run.append_metrics(record)
        self._write_events(record)
        print(
            f"Epoch {epoch + 1}/{self.epochs}: loss {record['loss']:.4f}, accuracy {record['accuracy']:.4f}, "
            f"validation loss {record['val_loss']:.4f}, accuracy {record['val_accuracy']:.4f}, "
            f"{record['target_tokens_per_second']:,.0f} target tokens/s, {record['seconds']:.0f} s"
            + ("  * best so far" if best else ""),
            *self.examples(),
            sep="\n    ",
            file=sys.stderr,
            flush=True,
        )

    def _record(self, epoch: int, logs) -> dict[str, Any]:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        return {
            "epoch": epoch + 1,
            "step": int(self.model.optimizer.iterations.numpy()),
            **{name: float(logs[name]) for name in names},
            "learning_rate": self._rate(),
            "target_tokens": int(logs["tokens"]),
            "target_tokens_per_second": round(self._speed(logs), 1),
            "seconds": round(self.position.seconds, 2),
            "peak_memory_mb": peak_memory_mb(),
        }

    def _speed(self, logs) -> float:
        return float(logs["tokens"]) / max(self.position.seconds, 1e-9)

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _write_events(self, record) -> None:
        with self._events.as_default(step=record["step"]):
            for name, value in record.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self._events.flush()
