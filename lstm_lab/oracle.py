"""The forward passes once more, in NumPy, gate by gate as the papers print them, and derivatives measured on them.

Nothing here knows a tape, a table of variants or a backward pass, so that agreement with lstm_lab.cells is evidence.
Every function is analytic, which lets a derivative be read off an imaginary step without cancellation:

    (1)  dE/dθ = Im E(θ + iε) / ε                    complex step, ε = 1e-30
    (2)  dE/dθ = (E(θ + ε) - E(θ - ε)) / 2ε          central difference, ε = 1e-5

Weights, inputs and states may carry one more axis in front, (P, ...): P copies of which each has another entry
moved, so that one forward pass measures the derivative by every entry of an array.

Source: Squire & Trapp 1998 for (1); the forward passes: see lstm_lab/cells.
Next: problems.py
"""

from collections.abc import Callable, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def complex_step(loss: Callable[[np.ndarray], np.ndarray], array: np.ndarray, step: float = 1e-30) -> np.ndarray:
    """The derivative of `loss` by every entry of `array`; `loss` maps copies (P, *shape) to losses (P,)."""
    measured = loss(array + 1j * _moves(array, step)).imag / step  # (1)
    return measured.reshape(array.shape)


def central_difference(loss: Callable[[np.ndarray], np.ndarray], array: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """As `complex_step`, with real steps to both sides: about 1e-9 of error, and no assumption but smoothness."""
    moves = _moves(array, step)
    measured = (loss(array + moves) - loss(array - moves)) / (2 * step)  # (2)
    return measured.reshape(array.shape)


def dense(weights: Arrays, x: np.ndarray, hidden: str) -> np.ndarray:
    """x (B, M) -> o (B, K) of the three-layer network; `hidden` is "tanh" or "sigmoid"."""
    activation = np.tanh if hidden == "tanh" else sigmoid
    h1 = activation(x @ weights["W1"] + row(weights["b1"]))
    h2 = activation(h1 @ weights["W2"] + row(weights["b2"]))
    return h2 @ weights["W3"] + row(weights["b3"])


def dense_loss(o: np.ndarray, target: np.ndarray, output: str) -> np.ndarray:
    """The loss of the output function, summed over batch and classes: (..., B, K) -> (...,)."""
    if output == "linear":
        terms = (o - target) ** 2 / 2
    elif output == "sigmoid":
        terms = -target * np.log(sigmoid(o)) - (1 - target) * np.log(1 - sigmoid(o))
    else:
        terms = -target * log_softmax(o)
    return terms.sum((-2, -1))


def rnn_step(weights: Arrays, x: np.ndarray, state: Arrays) -> dict[str, np.ndarray]:
    """One step of the simple RNN: x (B, M) and {"h": (B, N)} -> the next {"h": (B, N)}."""
    return {"h": np.tanh(row(weights["b"]) + state["h"] @ weights["W"] + x @ weights["U"])}


def lstm_step(
    variant: str, weights: Arrays, x: np.ndarray, state: Arrays, po_prev: bool = False
) -> dict[str, np.ndarray]:
    """One step of an LSTM variant: {"y", "c"} -> the next, each (B, N); FGR has "i", "f", "o" as well.

    With `po_prev` the output gate's peephole sees the previous cell.
    """

    def net(block, cell):
        a = x @ weights[f"W{block}"] + state["y"] @ weights[f"R{block}"] + row(weights[f"b{block}"])
        if block != "z" and variant != "NP":
            a = a + row(weights[f"p{block}"]) * cell
        if block != "z" and variant == "FGR":
            a = a + sum(state[gate] @ weights[f"R{gate}{block}"] for gate in "ifo")
        return a

    z = net("z", None) if variant == "NIAF" else np.tanh(net("z", None))
    i = 1.0 if variant == "NIG" else sigmoid(net("i", state["c"]))
    f = 1.0 if variant == "NFG" else 1 - i if variant == "CIFG" else sigmoid(net("f", state["c"]))
    c = z * i + state["c"] * f
    o = 1.0 if variant == "NOG" else sigmoid(net("o", state["c"] if po_prev else c))
    y = (c if variant == "NOAF" else np.tanh(c)) * o
    return {"y": y, "c": c, "i": i, "f": f, "o": o} if variant == "FGR" else {"y": y, "c": c}


def unroll(step: Callable, weights_at: Callable[[int], Arrays], x: np.ndarray, state: Arrays, mask: np.ndarray) -> list:
    """The states after each step of x (..., B, T, M); `weights_at(t)` gives the weights of step t = 0 .. T - 1."""
    states = []
    for t in range(x.shape[-2]):
        new, real = step(weights_at(t), x[..., t, :], state), mask[:, t, None]
        state = {name: np.where(real, new[name], state[name]) for name in new}
        states.append(state)
    return states


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-a)), analytic."""
    return 1 / (1 + np.exp(-a))


def log_softmax(o: np.ndarray) -> np.ndarray:
    """The logarithm of the softmax over the last axis. Without the customary maximum, which is not analytic."""
    return o - np.log(np.exp(o).sum(-1, keepdims=True))


def row(vector: np.ndarray) -> np.ndarray:
    """(..., N) -> (..., 1, N), to broadcast over the batch."""
    return vector[..., None, :]


def _moves(array: np.ndarray, step: float) -> np.ndarray:
    """(P, *shape): the k-th moves the k-th entry alone."""
    return step * np.eye(array.size).reshape(array.size, *array.shape)
