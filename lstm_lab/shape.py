"""Checks of what a caller hands in: names, shapes and values, each answered in one sentence."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from transformer_tutorial.runtime.errors import UsageError


def check_shape(name: str, array: tf.Tensor, expected: Sequence[int | None]) -> None:
    """Raises UsageError unless `array` has the shape `expected`, in which None stands for any size."""
    shape = getattr(array, "shape", None)
    if shape is None or not tf.TensorShape(expected).is_compatible_with(shape):
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        came = "nothing" if shape is None else f"({', '.join(map(str, shape))})"
        raise UsageError(f"{name} must have the shape ({wanted}), got {came}.")


def check_finite(name: str, array: tf.Tensor) -> None:
    """Raises UsageError if a (B, T, M) array holds NaN or infinity, and says at which time step the first one is.

    Works where values can be read, that is outside a `tf.function`.
    """
    if not tf.executing_eagerly():
        return
    bad = np.argwhere(~np.isfinite(np.asarray(array)))
    if len(bad):
        b, t, m = min(bad.tolist(), key=lambda index: index[1])
        value, steps = np.asarray(array)[b, t, m], array.shape[1]
        raise UsageError(
            f"{name} holds {value} first at time step {t + 1} of {steps} (sequence {b}, feature {m}, both counted "
            "from 0). Replace it, or mask that step."
        )
