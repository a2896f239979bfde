"""The weights that are validated and stored: those of the last step, or a mean over time.

    (1)  ema:           w̄ ← d w̄ + (1 - d) w                after each update, with d the config's `ema`
    (2)  average_last:  w̄ = (w₁ + … + wₖ) / k              over the ends of the last k epochs

A mean lies closer to the middle of the valley in whose walls the steps jump about. Training itself goes on from the
last step's weights.

Source: Polyak & Juditsky 1992 for (1); Vaswani et al. 2017, section 6.1, for (2).
Next: selection.py
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np

from transformer_tutorial.config import Config
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.runtime.checkpoints import KEEP, is_whole_archive, sync
from transformer_tutorial.runtime.distributed_fit import without_loss_scaling
from transformer_tutorial.runtime.errors import Failure


class AverageWeights(keras.callbacks.Callback):
    """Puts the mean in place when validation begins; `restore` takes it out again, before a checkpoint is written.

    Args:
        folder: where the weights of the last epochs lie; made when it is needed.
        position: its `epoch` names them.
        config: `ema` and `average_last`.
    """

    def __init__(self, folder: Path, position: Position, config: Config):
        super().__init__()
        self.folder, self.position, self.ema, self.last = folder, position, config.ema, config.average_last
        self._own: list[np.ndarray] | None = None

    def on_test_begin(self, logs=None):
        if self.last > 1:
            self._store(self.position.epoch + 1)
        self.place(self.position.epoch + 1)

    def place(self, epoch: int) -> None:
        """The mean is in place, until `restore`.

        Args:
            epoch: at whose end the weights in place were, from 1.
        """
        if not self.ema and self.last == 1:
            return
        self._own = self._weights()
        if self.ema:
            without_loss_scaling(self.model.optimizer).place_average(self.model.trainable_variables)  # (1)
        elif files := self._files_up_to(epoch):
            self._assign(mean_of_files(files))  # (2)

    def restore(self) -> None:
        """The weights of the last step are in place again."""
        if self._own is not None:
            self._assign(self._own)
            self._own = None

    def _weights(self) -> list[np.ndarray]:
        return [np.array(variable) for variable in self.model.trainable_variables]

    def _assign(self, arrays: list[np.ndarray]) -> None:
        for variable, array in zip(self.model.trainable_variables, arrays, strict=True):
            variable.assign(array)

    def _store(self, epoch: int) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob("tmp-*.npz"):  # by a process that was killed
                left.unlink()
            beside = self.folder / f"tmp-{os.getpid()}.npz"
            np.savez(beside, *self._weights())
            sync(beside)
            os.replace(beside, self._file(epoch))
        except OSError as error:
            raise Failure(
                f"The weights of epoch {epoch} could not be written to {self.folder}: {error.strerror or error}. Make "
                "room and run the same command again."
            ) from error
        # Some older ones stay, for a training that goes on from an earlier checkpoint because the newest are damaged.
        for old in self.folder.glob("epoch-????.npz"):
            if not epoch - self.last - KEEP < _number(old) <= epoch:  # too old, or of a later epoch that is done again
                old.unlink()

    def _files_up_to(self, epoch: int) -> list[Path]:
        """Those of the last k epochs, with a warning if some are lost."""
        wanted = [self._file(number) for number in range(max(1, epoch - self.last + 1), epoch + 1)]
        files = [file for file in wanted if is_whole_archive(file)]
        if len(files) < len(wanted):
            print(
                f"Warning: {len(wanted) - len(files)} of the last {len(wanted)} epochs' weights in {self.folder} are "
                f"damaged or missing; the mean at epoch {epoch} is over {len(files) or 'none: the last step counts'}.",
                file=sys.stderr,
            )
        return files

    def _file(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.npz"


def mean_of_files(files: list[Path]) -> list[np.ndarray]:
    """Equation (2), float32: the mean of the arrays of several .npz files, one by one."""
    sums: list[np.ndarray] = []
    for file in files:
        with np.load(file, allow_pickle=False) as stored:
            arrays = [stored[name].astype("float64") for name in stored.files]
        sums = [total + array for total, array in zip(sums, arrays, strict=True)] if sums else arrays
    return [(total / len(files)).astype("float32") for total in sums]


def _number(file: Path) -> int:
    return int(file.stem.removeprefix("epoch-"))
