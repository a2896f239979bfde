"""A Keras callback with which nothing of a `model.fit` is lost, whenever its process dies.

    model.fit(data, epochs=20, callbacks=[SafeCheckpoint("runs/mine")])

Killed at any moment, the same program goes on from the last saved step, not epoch, and ends with the weights that it
would have had, on a CPU bit by bit. What is saved and how is in checkpoints.py; this file makes `fit` go on from it.

A callback cannot tell `fit` to begin in the middle of the data. So the data are *replayed*: `fit` begins again with
its first epoch and reads every batch in its order, but the steps that were done once do nothing, and the other
callbacks see the logs that they saw then. Then everything is restored, and the next step is a real one. That way
shuffled data are met again as they would have been, in whatever way they are shuffled, if the program sets its seeds;
and `EarlyStopping`, `ReduceLROnPlateau` and `History` know what they knew.

What Keras's own callbacks do in the same places (measured on Keras 3.15): `BackupAndRestore` repeats the batches of a
broken epoch and reads a damaged file as if it were whole; `ModelCheckpoint` destroys the old file when the disk is
full, stores weights that are not finite, and forgets the best value when it starts again.
"""

import contextlib
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from transformer_tutorial.runtime.checkpoints import KEEP, Checkpoint, load_best, load_newest, save_checkpoint
from transformer_tutorial.runtime.disk_trial import try_disk
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.interrupts import Interrupts
from transformer_tutorial.runtime.model_arrays import (
    GROUPS,
    OPTIMIZER,
    WEIGHTS,
    all_arrays,
    infinite_names,
    name_of_infinite,
    restore_arrays,
)
from transformer_tutorial.runtime.replay import Replay
from transformer_tutorial.runtime.run_lock import hold_lock
from transformer_tutorial.runtime.workers import Workers

HIGHER_IS_BETTER = {"acc", "accuracy", "auc", "bleu", "f1", "precision", "recall"}
STATE = ("epoch", "batch", "logs", "step_logs", "best")  # attributes that are stored beside the arrays
SAVE = 1  # what a worker says instead of the number of a signal when it is time to save


class SafeCheckpoint(keras.callbacks.Callback):
    """Saves a `fit` so that nothing is lost, and resumes it when the same program runs again. Stands first in the list.

    It saves every few minutes and after every epoch; on Ctrl-C and SIGTERM the step is finished and saved first. The
    disk is tried before the first step. Checkpoints carry a checksum; a damaged one is left aside for the one before. A
    loss or a weight that is not finite ends the training and is never saved. A second process on the folder is refused.

    Args:
        folder: for the checkpoints, one training's own; made if absent.
        save_every_minutes: at least one checkpoint in this time, beside those after each epoch.
        keep: so many of the newest checkpoints stay, at least 2, and the best.
        monitor: name in the logs by which an epoch is the best, such as "val_loss"; None has no best.
        mode: what is better in `monitor`, "min" or "max"; "auto" decides by its name.
        replay_epochs: False begins at once with the epoch that was broken off. It saves the time for reading the
            earlier ones, and is right where an epoch's data do not depend on them: not shuffled, or by a `PyDataset`
            that orders by epoch. Other callbacks do not see the earlier epochs then.

    Attributes:
        best: {"step", "epoch" (from 1), "value"} of the best epoch so far, or None.

    Raises (from `fit`):
        UsageError: `monitor` is not in the logs, or the model is not built and nothing is replayed that would build it.
        Failure: something is not finite, the disk does not take a checkpoint, the folder is in use or belongs to
            another model, all checkpoints are damaged, or the data are fewer than they were.

    With several workers (`tf.distribute`) each of them has one; the chief alone uses its folder. Callbacks that keep
    weights of their own, as `ModelCheckpoint` and `EarlyStopping(restore_best_weights=True)` do, would keep the resumed
    ones for those of a replayed epoch: take `keep`, `monitor` and `load_best` instead.
    """

    def __init__(
        self,
        folder: str | Path,
        save_every_minutes: float = 5.0,
        keep: int = KEEP,
        monitor: str | None = None,
        mode: Literal["auto", "min", "max"] = "auto",
        replay_epochs: bool = True,
    ):
        super().__init__()
        if keep < 2:
            raise UsageError(f"at least 2 checkpoints must be kept, in case the newest is damaged, got {keep}.")
        if mode not in ("auto", "min", "max"):
            raise UsageError(f"mode must be auto, min or max, got {mode!r}.")
        self.folder, self.save_every_seconds, self.keep = Path(folder), 60 * save_every_minutes, keep
        self.monitor, self.replay_epochs = monitor, replay_epochs
        by_name = monitor is not None and bool(HIGHER_IS_BETTER & set(monitor.lower().split("_")))
        self.sign = 1 if (by_name if mode == "auto" else mode == "max") else -1
        self.best: dict[str, Any] | None = None

    def on_train_begin(self, logs=None):
        self.workers = Workers(getattr(self.model, "distribute_strategy", None))
        self.interrupts = Interrupts(self.workers)
        self.epoch = self.batch = self.step = 0
        self.logs: dict[str, dict[str, float]] = {}  # of each epoch that is done, by its number
        self.step_logs: dict[str, float] = {}
        self.best, self.replay, self.unsaved, self.saved_at = None, None, False, time.monotonic()
        if self.workers.chief:
            _take_lock(self.folder)
        with self._letting_go():
            self._resume(self.workers.checkpoint_from_chief(load_newest(self.folder) if self.workers.chief else None))
            if self.model.built:
                self._build_optimizer()
            arrays = all_arrays(self.model)
            self.constants = infinite_names(arrays)
            if self.workers.chief:
                try_disk(self.folder, sum(array.nbytes for array in arrays.values()))
        self.interrupts.listen(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        if self.unsaved:  # the end of the epoch before, which all other callbacks have seen by now
            self._save()
            self._leave_if_asked(self.interrupts.asked())
        self.epoch, self.batch = epoch, 0
        self._end_replay_at(epoch, 0)

    def on_train_batch_end(self, batch, logs=None):
        done, self.batch = self.batch, batch + 1
        if self.replay is not None:
            self._leave_if_asked(self.interrupts.asked(batch))
            self.replay.skip()  # the first step was a real one, and has built what was not built yet
            self._end_replay_at(self.epoch, self.batch)
            return
        self.step, self.step_logs = self.step + self.batch - done, _floats(logs)
        if not math.isfinite(self.step_logs.get("loss", 0.0)):
            self._fail("The loss is")
        due = time.monotonic() - self.saved_at > self.save_every_seconds
        number = self.interrupts.asked(self.step, SAVE if due and self.workers.chief else 0)
        if number:
            self._save()
            self._leave_if_asked(number)

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        if self.replay is not None:
            if epoch == self.replay.epoch:
                with self._letting_go():
                    raise Failure(f"Epoch {epoch + 1} has fewer batches than {self.folder} says it had. {SAME_DATA}")
            logs.clear()
            logs.update(self.logs[str(epoch)])
            return
        self.logs[str(epoch)] = _floats(logs)
        self.epoch, self.batch, self.unsaved = epoch + 1, 0, True
        with self._letting_go():
            self._compare(logs)
        if self.epoch == self.params.get("epochs"):
            self._save()  # before `fit` puts a moving average in the weights' place

    def on_train_end(self, logs=None):
        if self.unsaved:  # another callback has ended the training
            self._save()
        self._end_replay_at(self.epoch + 1, 0)
        self.model._initial_epoch = None
        number = self.interrupts.asked()
        self._let_go()
        self._leave_if_asked(number)

    def load_best(self) -> Checkpoint:
        """Puts the weights of the best epoch, or of the newest checkpoint if there is no best, into the model.

        Raises:
            Failure: there is no checkpoint, all are damaged, or they are another model's.
        """
        checkpoint = load_best(self.folder)
        if checkpoint is None:
            raise Failure(f"{self.folder} has no checkpoint yet.")
        restore_arrays(self.model, checkpoint.arrays, checkpoint.folder, [WEIGHTS])
        return checkpoint

    def _resume(self, checkpoint: Checkpoint | None) -> None:
        self.model._initial_epoch = None
        if checkpoint is None:
            return
        self.checkpoint, state = checkpoint, checkpoint.state
        if not state.keys() >= set(STATE):
            raise Failure(f"{checkpoint.folder} belongs to another training. Train in another folder.")
        self.step, self.best, self.logs = checkpoint.step, state["best"], state["logs"]
        epoch, batch, finished = state["epoch"], state["batch"], state["epoch"] >= self.params["epochs"]
        replayed = batch > 0 or (self.replay_epochs and not finished)
        if not replayed and not self.model.built:
            raise UsageError("The model must be built before `fit`, for its weights to be restored: call it once.")
        if self.model.built:  # the optimizer's rate is one that other callbacks may change in the replay
            self._restore(*((WEIGHTS,) if replayed and self.replay_epochs else (WEIGHTS, OPTIMIZER)))
        if finished or not self.replay_epochs:
            self.model._initial_epoch = epoch
        if replayed:
            self.replay = Replay(self.model, epoch, batch, state["step_logs"])
        where = f"epoch {epoch + 1}" + (f", batch {batch}" if batch else "")
        print("All epochs are done." if finished else f"Resuming from step {self.step} ({where}).", file=sys.stderr)

    def _build_optimizer(self) -> None:
        if self.model.optimizer is not None and not self.model.optimizer.built:
            with self.workers.scope():
                self.model.optimizer.build(self.model.trainable_variables)

    def _restore(self, *groups: str) -> None:
        self._build_optimizer()
        restore_arrays(self.model, self.checkpoint.arrays, self.checkpoint.folder, groups)

    def _end_replay_at(self, epoch: int, batch: int) -> None:
        """Ends the replay if this is where the training was broken off: from here on steps are real."""
        if self.replay is None or not self.replay.is_over(epoch, batch):
            return
        self.replay.end()
        self.replay = None
        self._restore(*(GROUPS if batch else (WEIGHTS, OPTIMIZER)))
        self.saved_at = time.monotonic()

    def _compare(self, logs: dict[str, float]) -> None:
        without = self.monitor and self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs)
        if self.monitor is None or without:  # with validation_freq an epoch may have no validation
            return
        if self.monitor not in logs:
            raise UsageError(f"monitor must be one of {', '.join(logs)}, got {self.monitor!r}.")
        value = float(logs[self.monitor])
        if math.isfinite(value) and (self.best is None or self.sign * (value - self.best["value"]) > 0):
            self.best = {"step": self.step, "epoch": self.epoch, "value": value}

    def _save(self) -> None:
        arrays = all_arrays(self.model)  # on all workers, because they may have to exchange what they hold
        if name := name_of_infinite(arrays, but=self.constants):
            self._fail(f"Values of {name} are")
        if self.workers.chief:
            with self._letting_go():
                state = {name: getattr(self, name) for name in STATE}
                save_checkpoint(self.folder, self.step, arrays, state, keep=self.keep)
        self.unsaved, self.saved_at = False, time.monotonic()

    def _fail(self, what: str) -> None:
        where = f"epoch {self.epoch + 1}, batch {self.batch}" if self.batch else f"the end of epoch {self.epoch}"
        with self._letting_go():
            raise Failure(
                f"{what} not finite at step {self.step} ({where}). Nothing was saved since; the last good checkpoint "
                f"is in {self.folder}. Train anew in another folder with a lower rate."
            )

    def _leave_if_asked(self, number: int) -> None:
        if number > SAVE:
            self._let_go()
            print(f"Saved in {self.folder}. The same program goes on from here.", file=sys.stderr)
            self.interrupts.leave(number)

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        """What fails in the block ends the training: others may have the folder, the model and the signals again."""
        try:
            yield
        except (UsageError, Failure):
            self._let_go()
            raise

    def _let_go(self) -> None:
        if self.replay is not None:
            self.replay.end()
        self.interrupts.restore()
        if self.workers.chief:
            _release_lock(self.folder)


def _floats(logs: dict[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}


SAME_DATA = "Give `fit` the same data, or train in another folder."

_LOCKS: dict[Path, contextlib.ExitStack] = {}


def _take_lock(folder: Path) -> None:
    """Keeps other processes out; one of this process that an exception has ended may still be in."""
    _release_lock(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder} cannot be made: {error.strerror}. Choose another folder.") from error
    held = _LOCKS[folder.resolve()] = contextlib.ExitStack()
    held.enter_context(hold_lock(folder / "lock"))


def _release_lock(folder: Path) -> None:
    if held := _LOCKS.pop(folder.resolve(), None):
        held.close()
