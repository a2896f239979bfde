"""Gradient clipping, and the cliff that it is for.

Three ways to clip, under the argument names of Keras's optimizers; v is the threshold:

    (1)  global_clipnorm   n = √(Σ over all variables of ‖G‖²);  G min(1, v / n)     keeps the direction
    (2)  clipnorm          G min(1, v / ‖G‖), each variable for itself               changes the joint direction
    (3)  clipvalue         min(max(G, -v), v), each entry for itself                 changes the direction

The cliff is that of an RNN of one unit without inputs, its loss a function of two parameters:

    (4)  x[t] = w σ(x[t-1]) + b          x[0] = 0.5, t = 1 .. T
    (5)  E(w, b) = (σ(x[T]) - 0.7)²

and its gradient by back-propagation through time, with δ = dE/dx[t] for t = T .. 1:

    (6)  δ = 2 (σ(x[T]) - 0.7) σ'(x[T])
    (7)  δw gains δ σ(x[t-1])
    (8)  δb gains δ
    (9)  δ becomes δ w σ'(x[t-1])

Where x[0] is a fixed point, on the line b = x[0] - w σ(x[0]), every factor of (9) is λ = w σ'(x[0]). For λ > 1, that
is w > 4.2553, it is unstable: the line is the border between two basins, the loss jumps across it, and ‖∇E‖ on it
grows like λ^T. All of this is exact, with no fitting.

Source: Pascanu, Mikolov & Bengio 2013, figure 6 and algorithm 1; Mikolov 2012 for (3).
Next: cliff.py
"""

from collections.abc import Sequence

import numpy as np

from lstm_lab.oracle import sigmoid
from transformer_tutorial.runtime.errors import UsageError

START, TARGET, STEPS = 0.5, 0.7, 50


def global_norm(gradients: Sequence[np.ndarray]) -> float:
    """The length of all gradients together."""
    return float(np.sqrt(sum(np.sum(np.square(gradient)) for gradient in gradients)))


def global_clipnorm(gradients: Sequence[np.ndarray], v: float) -> list[np.ndarray]:
    """Shortens all gradients by one factor, so that their joint length is at most `v`.

    Like Keras's and PyTorch's, one infinite or NaN entry spoils all of them. Raises UsageError unless v > 0.
    """
    norm = global_norm(gradients)
    factor = 1.0 if norm <= _threshold(v) else v / norm if np.isfinite(norm) else np.nan
    return [gradient * factor for gradient in gradients]  # (1)


def clipnorm(gradients: Sequence[np.ndarray], v: float) -> list[np.ndarray]:
    """Shortens each gradient by itself to the length `v` at most. Raises UsageError unless v > 0."""
    return [global_clipnorm([gradient], v)[0] for gradient in gradients]  # (2)


def clipvalue(gradients: Sequence[np.ndarray], v: float) -> list[np.ndarray]:
    """Moves each entry into [-v, v]. Raises UsageError unless v > 0."""
    return [np.clip(gradient, -_threshold(v), v) for gradient in gradients]  # (3)


CLIPPINGS = {"global_clipnorm": global_clipnorm, "clipnorm": clipnorm, "clipvalue": clipvalue}


def loss_and_gradient(w: np.ndarray, b: np.ndarray, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E, dE/dw and dE/db of the one-unit RNN; `w` and `b` are of one shape, and so are the results.

    Raises:
        UsageError: `steps` is below 1.
    """
    if steps < 1:
        raise UsageError(f"steps must be at least 1, got {steps}.")
    w, b = np.asarray(w, float), np.asarray(b, float)
    outputs = [np.full(w.shape, sigmoid(START))]
    for _ in range(steps):
        x = w * outputs[-1] + b  # (4)
        with np.errstate(over="ignore"):  # exp(-x) may be infinite, and σ(x) is 0 then
            outputs.append(sigmoid(x))
    last = outputs[-1]
    loss = (last - TARGET) ** 2  # (5)
    d_x = 2 * (last - TARGET) * last * (1 - last)  # (6)
    d_w, d_b = np.zeros(w.shape), np.zeros(w.shape)
    for previous in reversed(outputs[:-1]):
        d_w = d_w + d_x * previous  # (7)
        d_b = d_b + d_x  # (8)
        d_x = d_x * w * previous * (1 - previous)  # (9)
    return loss, d_w, d_b


def cliff_line(w: np.ndarray) -> np.ndarray:
    """The b for which x[0] is a fixed point of the one-unit RNN."""
    return START - np.asarray(w, float) * sigmoid(START)


def cliff_factor(w: np.ndarray) -> np.ndarray:
    """λ, by which a gradient grows at each step on the line; the cliff is where it is above 1."""
    return np.asarray(w, float) * sigmoid(START) * (1 - sigmoid(START))


def cliff_gradient_norm(w: float, steps: int = STEPS) -> float:
    """‖∇E‖ on the line in closed form: the sum of a geometric series in λ, λ not 1."""
    output, factor = sigmoid(START), cliff_factor(w)
    d_x = 2 * (output - TARGET) * output * (1 - output)
    return float(abs(d_x * (factor**steps - 1) / (factor - 1)) * np.hypot(output, 1))


def _threshold(v: float) -> float:
    if not v > 0:
        raise UsageError(f"a clipping threshold must be above 0, got {v}.")
    return v
