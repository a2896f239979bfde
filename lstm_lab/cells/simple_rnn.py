"""One step of the simple RNN, forwards and backwards, and the readout that turns its states into predictions.

Forwards, from the previous state h₋ to the next state h:

    (1)  a = x U + h₋ W + b
    (2)  h = tanh(a)

Backwards, from δh, the derivative of the loss by h over all its paths (the readout, the next step, the caller):

    (3)  δa = δh ⊙ (1 - h²)
    (4)  δx = δa Uᵀ
    (5)  δh₋ = δa Wᵀ                     what this step hands to the step before it
    (6)  δU = xᵀ δa
    (7)  δW = h₋ᵀ δa
    (8)  δb = Σ δa                       over the batch

(6) to (8) are the gradients of this step alone: of U⁽ᵗ⁾, W⁽ᵗ⁾, b⁽ᵗ⁾, were they other variables at every step. The
gradient of the shared U, W, b is their sum over time; lstm_lab/sequence.py adds them up.

The readout, and the cross-entropy L against targets whose rows sum to 1:

    (9)  o = h V + c
    (10) L = -Σ target ⊙ log softmax(o)  over batch, time and classes
    (11) δo = softmax(o) - target
    (12) δh = δo Vᵀ
    (13) δV = Σ hᵀ δo                    over time
    (14) δc = Σ δo                       over batch and time

Symbol   Code             Shape
x        x                (B, M)
h, h₋    state.h          (B, N)
U, W, b  weights.*        (M, N), (N, N), (N,)     the book's U and W are the transposes
V, c     readout.*        (N, K), (K,)             the book's V is the transpose
δh       d_state.h        (B, N)

Source: Goodfellow, Bengio & Courville 2016, equations 10.8 to 10.28. The printed (10.21) does not conform; its
factors in the right order are Wᵀ diag(1 - h²) δh, for columns.
Next: lstm.py, or ../sequence.py to see it unrolled
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from lstm_lab.cells import StepGradients
from lstm_lab.cells.activation import TANH
from lstm_lab.shape import check_shape


class State(NamedTuple):
    """What one step hands to the next: h (B, N), which is also the cell's output."""

    h: tf.Tensor


class Weights(NamedTuple):
    """U (M, N) for the input, W (N, N) for the previous state, b (N,)."""

    U: tf.Tensor
    W: tf.Tensor
    b: tf.Tensor


class Readout(NamedTuple):
    """V (N, K) and c (K,): from a state to the K classes."""

    V: tf.Tensor
    c: tf.Tensor


class Step(NamedTuple):
    """What a forward step keeps: its input, the state before it and the state after it."""

    x: tf.Tensor
    previous: State
    state: State


class ReadoutGradients(NamedTuple):
    """The derivatives of the cross-entropy by the readout's weights and by the outputs (B, T, N)."""

    readout: Readout
    outputs: tf.Tensor


@dataclasses.dataclass(frozen=True)
class SimpleRNNCell:
    """The RNN of equations (1) to (8); it has no options."""

    def zero_state(self, weights: Weights, batch: int | tf.Tensor) -> State:
        """The state of zeros that a sequence starts from when nothing else is given."""
        return State(tf.zeros((batch, weights.W.shape[0]), weights.W.dtype))

    def check(self, weights: Weights, inputs: int) -> None:
        """Raises UsageError unless the weights fit each other and an input of width `inputs`."""
        units = weights.b.shape[-1]
        for name, shape in (("U", (inputs, units)), ("W", (units, units)), ("b", (units,))):
            check_shape(name, getattr(weights, name), shape)

    def forward(self, weights: Weights, x: tf.Tensor, state: State) -> Step:
        """x (B, M) and the previous state -> the step, which holds the next state."""
        return self.advance(weights, self.project(weights, x), state)._replace(x=x)

    def project(self, weights: Weights, x: tf.Tensor) -> tf.Tensor:
        """The part of (1) that needs no state: x (rows, M) -> (rows, N), of one step or of many."""
        return x @ weights.U + weights.b

    def advance(self, weights: Weights, projected: tf.Tensor, state: State) -> Step:
        """As `forward`, from one step's projected input; the step is without x."""
        a = projected + state.h @ weights.W  # (1)
        h = TANH.value(a)  # (2)
        return Step((), state, State(h))

    def backward(self, weights: Weights, step: Step, d_state: State) -> StepGradients:
        """The derivatives by this step's weights, input and previous state."""
        d_a = d_state.h * TANH.slope(step.state.h)  # (3)
        d_x = d_a @ tf.transpose(weights.U)  # (4)
        d_previous = d_a @ tf.transpose(weights.W)  # (5)
        d_U = tf.transpose(step.x) @ d_a  # (6)
        d_W = tf.transpose(step.previous.h) @ d_a  # (7)
        d_b = tf.reduce_sum(d_a, axis=0)  # (8)
        return StepGradients(Weights(d_U, d_W, d_b), d_x, State(d_previous))


def read_out(readout: Readout, outputs: tf.Tensor) -> tf.Tensor:
    """Outputs (B, T, N) -> logits o (B, T, K)."""
    check_shape("V", readout.V, (outputs.shape[-1], None))
    check_shape("c", readout.c, (readout.V.shape[-1],))
    return tf.tensordot(outputs, readout.V, 1) + readout.c  # (9)


def cross_entropy(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Logits and targets (B, T, K) -> the loss L, a scalar: the sum over batch and time."""
    check_shape("target", target, logits.shape)
    return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(target, logits))  # (10)


def readout_backward(readout: Readout, outputs: tf.Tensor, target: tf.Tensor) -> ReadoutGradients:
    """The derivatives of `cross_entropy(read_out(readout, outputs), target)`.

    Its `outputs` is what `sequence.backward` takes as `d_outputs`: each step's own loss, before any path through time.
    """
    d_o = tf.nn.softmax(read_out(readout, outputs)) - target  # (11)
    d_h = tf.tensordot(d_o, tf.transpose(readout.V), 1)  # (12)
    d_V = tf.einsum("btn,btk->nk", outputs, d_o)  # (13)
    d_c = tf.reduce_sum(d_o, axis=(0, 1))  # (14)
    return ReadoutGradients(Readout(d_V, d_c), d_h)
