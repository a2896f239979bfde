"""The cells' backward passes in two parts: factors for all steps at once, and the little that waits for the next step.

A backward pass is linear in what arrives, and its coefficients are made of kept values alone. So they are computed
before the loop over time, and the loop multiplies. For the LSTM, with q and s as on the diagonals of J_cc and J_yc in
../jacobians.py:

    (1)  Kₒ = h(c) ⊙ σ'(aₒ)
    (2)  K_f = c₋ ⊙ σ'(a_f)
    (3)  Kᵢ = z ⊙ σ'(aᵢ)                      with z - c₋ for z in CIFG
    (4)  K_z = i ⊙ g'(a_z)
    (5)  s = o ⊙ h'(c) + pₒ ⊙ Kₒ
    (6)  q = f + pᵢ ⊙ Kᵢ + p_f ⊙ K_f

In the loop, from δy and δc₊:

    (7)  δc = δc₊ + δy ⊙ s
    (8)  δa = [δc δc δc δy] ⊙ [Kᵢ K_f K_z Kₒ]
    (9)  δy₋ = δa Rᵀ
    (10) δc₋ = δc ⊙ q

With po_prev the summand of pₒ moves from (5) to (10), as pₒ ⊙ δo. FGR adds what arrives at the gates from the
next step, δs, in three places; S holds the three σ':

    (11) r = δs ⊙ S
    (12) δc gains pₒ ⊙ rₒ
    (13) [δi δf δo] gains r
    (14) δc₋ gains pᵢ ⊙ rᵢ + p_f ⊙ r_f       with po_prev pₒ ⊙ rₒ here, not in (12)

For the simple RNN:

    (15) K = 1 - h²
    (16) δa = δh ⊙ K
    (17) δh₋ = δa Wᵀ

Letters and block orders as in ../cells/lstm.py; everything is time-major, (T, B, ·), and (B, ·) in the loop.
Next: fused_sequence.py
"""

from typing import NamedTuple

import tensorflow as tf

from lstm_lab.cells import lstm, simple_rnn
from lstm_lab.cells.activation import SIGMOID, TANH
from lstm_lab.cells.lstm_weights import GATES, State, Weights
from transformer_tutorial.runtime.errors import UsageError


class LSTMFactors(NamedTuple):
    """What the loop multiplies with.

    Attributes:
        K: (T, B, blocks x N), in the order of the variant's blocks.
        s: (T, B, N), from δy to δc.
        q: (T, B, N), from δc to δc₋.
        around: (T, B, N), with po_prev from δy to δc₋; () elsewhere.
        S: (T, B, 3N), in FGR the slopes of i, f, o; () elsewhere.
    """

    K: tf.Tensor
    s: tf.Tensor
    q: tf.Tensor
    around: tf.Tensor | tuple = ()
    S: tf.Tensor | tuple = ()


class FusedRNN:
    """The simple RNN's backward pass in parts. `weights` are those of the forward pass."""

    def __init__(self, cell: simple_rnn.SimpleRNNCell, weights: simple_rnn.Weights):
        self.W_transposed, self.input_weights, self.kept_widths = tf.transpose(weights.W), weights.U, ()

    def keep(self, step: simple_rnn.Step) -> tuple:
        """What a step must keep beside its state, (B, ·) in `kept_widths`."""
        return ()

    def factors(self, previous: simple_rnn.State, states: simple_rnn.State, kept: tuple) -> tf.Tensor:
        """All steps' factors, from the states before them, behind them, and what they kept."""
        return TANH.slope(states.h)  # (15)

    def step_back(self, factors: tf.Tensor, d_state: simple_rnn.State) -> tuple[tf.Tensor, simple_rnn.State]:
        """One step's δa (B, N), and the derivative by the state before it."""
        d_a = d_state.h * factors  # (16)
        return d_a, simple_rnn.State(d_a @ self.W_transposed)  # (17)

    def weight_gradients(self, x, previous: simple_rnn.State, states: simple_rnn.State, d_a) -> simple_rnn.Weights:
        """The sums over all steps, from x (T, B, M) and δa (T, B, N)."""
        return simple_rnn.Weights(*layer_gradients(x, previous.h, d_a))


class FusedLSTM:
    """As FusedRNN, for every variant of the LSTM but FGR."""

    def __init__(self, cell: lstm.LSTMCell, weights: Weights):
        self.row, flowing = cell.row, cell.flowing(weights)
        self.input_weights, self.kept_widths = weights.W, (weights.W.shape[-1],)
        self.R_transposed = tf.transpose(flowing.R)
        self.G_transposed = tf.transpose(flowing.G) if self.row.gate_recurrence else None
        self.p = lstm.peephole_rows(self.row, flowing)
        self.p_new, self.p_previous = lstm.output_peephole(self.row, flowing)

    def keep(self, step: lstm.Step) -> tuple:
        return (tf.concat([getattr(step, block) for block in self.row.blocks], axis=1),)

    def factors(self, previous: State, states: State, kept: tuple) -> LSTMFactors:
        row, p = self.row, self.p
        values = dict(zip(row.blocks, tf.split(kept[0], len(row.blocks), axis=2), strict=True))
        z, i, o = values["z"], values.get("i", 1.0), values.get("o", 1.0)
        f = 1 - i if row.coupled else values.get("f", 1.0)
        squashed, K = row.output_activation.value(states.c), {}
        K["o"] = squashed * SIGMOID.slope(o)  # (1)
        K["f"] = previous.c * SIGMOID.slope(f)  # (2)
        K["i"] = (z - previous.c if row.coupled else z) * SIGMOID.slope(i)  # (3)
        K["z"] = i * row.input_activation.slope(z)  # (4)
        s = o * row.output_activation.slope(squashed) + self.p_new * K["o"]  # (5)
        q = f + p["i"] * K["i"] + p["f"] * K["f"]  # (6)
        around = self.p_previous * K["o"] if row.po_prev else ()
        S = tf.concat([SIGMOID.slope(values[gate]) for gate in GATES], axis=2) if row.gate_recurrence else ()
        return LSTMFactors(tf.concat([K[block] for block in row.blocks], axis=2), s, q, around, S)

    def step_back(self, factors: LSTMFactors, d_state: State) -> tuple[tf.Tensor, State]:
        d_a, d_c_previous = self.pointwise(factors, d_state)
        return d_a, State(d_a @ self.R_transposed, d_c_previous)  # (9)

    def pointwise(self, factors: LSTMFactors, d_state: State) -> tuple[tf.Tensor, tf.Tensor]:
        """δa and δc₋ of one step: all of it but the product."""
        d_c = d_state.c + d_state.y * factors.s  # (7)
        d_a = tf.concat([d_state.y if block == "o" else d_c for block in self.row.blocks], axis=1) * factors.K  # (8)
        d_c_previous = d_c * factors.q  # (10)
        return d_a, d_c_previous + d_state.y * factors.around if self.row.po_prev else d_c_previous

    def weight_gradients(self, x: tf.Tensor, previous: State, states: State, d_a: tf.Tensor) -> Weights:
        row = self.row
        d = dict(zip(row.blocks, tf.split(d_a, len(row.blocks), axis=2), strict=True))
        seen = {"i": previous.c, "f": previous.c, "o": previous.c if row.po_prev else states.c}
        d_p = tf.stack([tf.reduce_sum(d[gate] * seen[gate], axis=(0, 1)) for gate in row.gates])
        d_G = ()
        if row.gate_recurrence:
            d_G = summed_product(previous.gates, tf.concat([d[gate] for gate in GATES], axis=2))
        return Weights(*layer_gradients(x, previous.y, d_a), d_p if row.peepholes else (), d_G)


class FusedFGR(FusedLSTM):
    """FGR, whose gates feed the gates of the next step as well."""

    def step_back(self, factors: LSTMFactors, d_state: State) -> tuple[tf.Tensor, State]:
        arriving = d_state.gates * factors.S  # (11)
        r_i, r_f, r_o = tf.split(arriving, 3, axis=1)
        d_state = d_state._replace(c=d_state.c + self.p_new * r_o)  # (12)
        d_a, d_c_previous = self.pointwise(factors, d_state)
        d_a += tf.concat([r_i, r_f, tf.zeros_like(r_o), r_o], axis=1)  # (13)
        d_c_previous += self.p["i"] * r_i + self.p["f"] * r_f + self.p_previous * r_o  # (14)
        d_i, d_f, _, d_o = tf.split(d_a, 4, axis=1)
        d_gates_previous = tf.concat([d_i, d_f, d_o], axis=1) @ self.G_transposed
        return d_a, State(d_a @ self.R_transposed, d_c_previous, d_gates_previous)


def fused(cell, weights) -> FusedRNN | FusedLSTM:
    """The parts of a cell's backward pass. Raises UsageError for a cell that has none."""
    if isinstance(cell, simple_rnn.SimpleRNNCell):
        return FusedRNN(cell, weights)
    if isinstance(cell, lstm.LSTMCell):
        return FusedFGR(cell, weights) if cell.row.gate_recurrence else FusedLSTM(cell, weights)
    raise UsageError(f"{type(cell).__name__} has no fused backward pass. Use lstm_lab.sequence.")


def layer_gradients(x: tf.Tensor, y_previous: tf.Tensor, d_a: tf.Tensor) -> list[tf.Tensor]:
    """The gradients of input weights, recurrent weights and biases: [x y₋ 1]ᵀ δa, as one product."""
    ones = tf.ones_like(x[:, :, :1])
    joined = summed_product(tf.concat([x, y_previous, ones], axis=2), d_a)
    d_W, d_R, d_b = tf.split(joined, [x.shape[-1], y_previous.shape[-1], 1], axis=0)
    return [d_W, d_R, d_b[0]]


def summed_product(a: tf.Tensor, d_a: tf.Tensor) -> tf.Tensor:
    """Σ aᵀ δa over all steps and sequences, as one product: (T, B, m) and (T, B, n) -> (m, n)."""
    a, d_a = (tf.reshape(part, (-1, part.shape[-1])) for part in (a, d_a))
    return tf.matmul(a, d_a, transpose_a=True)
