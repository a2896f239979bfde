"""With several workers: validation by the chief's weights, and one end of training for all.

Next: training.py
"""

import keras
import numpy as np

from transformer_tutorial.runtime.workers import Workers


class FollowChief(keras.callbacks.Callback):
    """Validates with the chief's weights, which may be averages, and ends training where the chief ends it.

    Stands behind the chief's `AverageWeights`, on all workers.

    Args:
        workers: those that train.
        averaging: whether the weights of validation are not those of the last step.
    """

    def __init__(self, workers: Workers, averaging: bool):
        super().__init__()
        self.workers, self.averaging = workers, averaging and workers.several
        self._own: list[np.ndarray] | None = None

    def on_test_begin(self, logs=None):
        if not self.averaging:
            return
        variables = self.model.trainable_variables
        own = [np.array(variable) for variable in variables]
        sent = self.workers.arrays_from_chief({f"{number:05d}": array for number, array in enumerate(own)})
        if not self.workers.chief:
            self._own = own
            self._assign(list(sent.values()))

    def on_epoch_end(self, epoch, logs=None):
        if self._own is not None:
            self._assign(self._own)
            self._own = None
        self.model.stop_training = self.workers.from_chief(bool(self.model.stop_training))

    def _assign(self, arrays: list[np.ndarray]) -> None:
        for variable, array in zip(self.model.trainable_variables, arrays, strict=True):
            variable.assign(array)
