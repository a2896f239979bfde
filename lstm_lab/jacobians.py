"""Exact Jacobians of one step, their products over time, and the bounds on them: how gradients vanish and explode.

Column vectors, as in the literature: J = d(next state) / d(previous state), so that a gradient travels back by Jᵀ. The
simple RNN, with W as printed in the book (the transpose of the code's):

    (1)  J = diag(1 - h²) W

The LSTM and its variants, state (c, y), everything at t unless marked c₋:

    (2)  s = o ⊙ h'(c) + h(c) ⊙ σ'(aₒ) ⊙ pₒ          the direct way from c to y
    (3)  J_cc = diag(f + c₋ ⊙ σ'(a_f) ⊙ p_f + z ⊙ σ'(aᵢ) ⊙ pᵢ)
    (4)  J_cy = diag(c₋ ⊙ σ'(a_f)) R_f + diag(z ⊙ σ'(aᵢ)) Rᵢ + diag(i ⊙ g'(a_z)) R_z
    (5)  J_yc = diag(s) J_cc
    (6)  J_yy = diag(s) J_cy + diag(h(c) ⊙ σ'(aₒ)) Rₒ

with z - c₋ for z in CIFG; with po_prev the summand of pₒ moves from (2) to (5). FGR's state also holds its gates; for
it, and for any cell, the rows of J can be read off the backward pass by hand: a unit vector in, a row of J out.

Over several steps the LATEST factor stands leftmost:

    (7)  d(state T) / d(state k) = J[T] J[T-1] ··· J[k+1]

The bound for the simple RNN, λ₁ the largest singular value of W (|tanh'| ≤ 1):

    (8)  ‖J[T] ··· J[k+1]‖ ≤ λ₁^(T-k)

The popular N×N form lets y₋ move with c₋. It is right for one step, and its product over several is not the total
derivative, because it misses the way y → o → y:

    (9)  dc / dc₋ = J_cc + J_cy diag(s₋)
    (10) dc[T] / dc[k] = Π_cc + Π_cy diag(s[k])          Π = J[T] ··· J[k+1]

Source: Pascanu, Mikolov & Bengio 2013 for (1), (7), (8); the others follow from cells/lstm.py.
Next: flow.py
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lstm_lab.cells import lstm, simple_rnn
from lstm_lab.cells.activation import SIGMOID
from transformer_tutorial.runtime.errors import UsageError


def rnn_jacobian(weights: simple_rnn.Weights, step: simple_rnn.Step) -> np.ndarray:
    """dh / dh₋ of each sequence: (B, N, N)."""
    h = step.state.h.numpy()
    return (1 - h**2)[:, :, None] * weights.W.numpy().T  # (1)


def lstm_jacobian(cell: lstm.LSTMCell, weights: lstm.Weights, step: lstm.Step) -> np.ndarray:
    """d(c, y) / d(c₋, y₋) of each sequence, with the error flow of the cell: (B, 2N, 2N).

    Raises:
        UsageError: the variant is FGR, whose state is (c, y, i, f, o).
    """
    row, flowing = cell.row, cell.flowing(weights)
    if row.gate_recurrence:
        raise UsageError(f"variant {cell.variant} has a state of 5N, not 2N; use jacobian_by_hand.")
    R, p = _recurrent_blocks(row, flowing), lstm.peephole_rows(row, flowing)
    slope_f, slope_i, slope_o = (SIGMOID.slope(gate) for gate in (step.f, step.i, step.o))
    c_previous = step.previous.c
    z = step.z - c_previous if row.coupled else step.z
    s = output_slope(cell, weights, step)
    d_cc = step.f + c_previous * slope_f * p["f"] + z * slope_i * p["i"]  # (3)
    d_z = step.i * row.input_activation.slope(step.z)
    d_cy = _diag(c_previous * slope_f) * R["f"] + _diag(z * slope_i) * R["i"] + _diag(d_z) * R["z"]  # (4)
    _, p_previous = lstm.output_peephole(row, flowing)
    d_yc = s * d_cc + step.squashed * slope_o * p_previous  # (5)
    d_yy = _diag(s) * d_cy + _diag(step.squashed * slope_o) * R["o"]  # (6)
    return np.block([[np.array(tf.linalg.diag(d_cc)), d_cy], [np.array(tf.linalg.diag(d_yc)), d_yy]])


def output_slope(cell: lstm.LSTMCell, weights: lstm.Weights, step: lstm.Step) -> tf.Tensor:
    """s = dy / dc within one step, by the output activation and by the output gate's peephole: (B, N)."""
    p_new, _ = lstm.output_peephole(cell.row, cell.flowing(weights))
    by_activation = step.o * cell.row.output_activation.slope(step.squashed)
    return by_activation + step.squashed * SIGMOID.slope(step.o) * p_new  # (2)


def jacobian_by_hand(cell, weights, step) -> np.ndarray:
    """d(state) / d(previous state) of any cell's step with a batch of one, from its backward pass: (S, S).

    Rows and columns hold the parts of the state in their order: (h), (y, c) or (y, c, i, f, o).

    Raises:
        UsageError: the step has a batch of several sequences.
    """
    parts = tf.nest.flatten(step.state)
    if parts[0].shape[0] != 1:
        raise UsageError(f"jacobian_by_hand needs a batch of 1, got {parts[0].shape[0]}.")
    widths = [part.shape[1] for part in parts]
    units = tf.split(tf.eye(sum(widths), dtype=parts[0].dtype), widths, axis=1)
    step = tf.nest.map_structure(lambda part: tf.repeat(part, sum(widths), axis=0), step)
    rows = cell.backward(weights, step, type(step.state)(*units)).state
    return tf.concat(tf.nest.flatten(rows), axis=1).numpy()


def products(jacobians: Sequence[np.ndarray]) -> np.ndarray:
    """J[1] .. J[T] -> the T + 1 products J[T] ··· J[k+1] for the lags T - k = 0 .. T, the identity first."""
    product = np.broadcast_to(np.eye(jacobians[0].shape[-1]), jacobians[0].shape)
    found = [product]
    for jacobian in reversed(jacobians):
        product = product @ jacobian  # (7)
        found.append(product)
    return np.stack(found)


def rnn_bound(weights: simple_rnn.Weights, lags: np.ndarray) -> np.ndarray:
    """The largest norm that the product over each lag can have."""
    return np.linalg.norm(weights.W.numpy(), 2) ** np.asarray(lags, float)  # (8)


def popular_form(jacobian: np.ndarray, s_previous: np.ndarray) -> np.ndarray:
    """The N×N derivative of c by c₋ over one step, from its (..., 2N, 2N) Jacobian and s of the step before."""
    N = jacobian.shape[-1] // 2
    return jacobian[..., :N, :N] + jacobian[..., :N, N:] * s_previous[..., None, :]  # (9)


def cell_derivative(product: np.ndarray, s_start: np.ndarray) -> np.ndarray:
    """The exact N×N derivative of c[T] by c[k], from the product (..., 2N, 2N) over the steps and s[k]."""
    N = product.shape[-1] // 2
    return product[..., :N, :N] + product[..., :N, N:] * s_start[..., None, :]  # (10)


def _recurrent_blocks(row: Any, weights: lstm.Weights) -> dict[str, np.ndarray]:
    """R of each block as printed, from column y₋ to row a; 0 for what the variant lacks."""
    parts = np.split(weights.R.numpy(), len(row.blocks), axis=1)
    absent = {block: np.zeros_like(parts[0]) for block in "ifzo"}
    return absent | {block: part.T for block, part in zip(row.blocks, parts, strict=True)}


def _diag(vector: tf.Tensor) -> np.ndarray:
    """(B, N) -> (B, N, 1): multiplied with a matrix, a diagonal matrix from the left."""
    return vector.numpy()[:, :, None]
