"""The three-layer dense network, forwards and backwards, written out by hand: the warm-up.

Forwards, for a batch of rows x, with the hidden activation φ:

    (1)  h₁ = φ(x W₁ + b₁)
    (2)  h₂ = φ(h₁ W₂ + b₂)
    (3)  o = h₂ W₃ + b₃
    (4)  ŷ = softmax(o), σ(o) or o        with cross-entropy, binary cross-entropy or ½ squared error as loss E

Backwards, δ being the derivative of E by a pre-activation:

    (5)  δ₃ = ŷ - target                  the same for all three pairs of output and loss
    (6)  δ₂ = δ₃ W₃ᵀ ⊙ φ'(a₂)
    (7)  δ₁ = δ₂ W₂ᵀ ⊙ φ'(a₁)
    (8)  δx = δ₁ W₁ᵀ
    (9)  δWₗ = hₗ₋₁ᵀ δₗ                   the input of the layer, transposed, times its δ
    (10) δbₗ = Σ δₗ                       over the batch

The rule behind it, and behind everything in this package: a variable with n outgoing arrows gets n terms. Here each
has one arrow; in a recurrent network the state has several.

Symbol     Code                    Shape
x, target  x, target               (B, M), (B, K)
h₁, h₂     run.h1, run.h2          (B, H₁), (B, H₂)
Wₗ, bₗ     weights.W1 .. b3        (inputs, outputs), (outputs,)
δₗ, δWₗ    d_a1 .. d_a3, d_W       like aₗ, like Wₗ

Source: Goodfellow, Bengio & Courville 2016, section 6.5.
Next: simple_rnn.py
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from lstm_lab.cells.activation import SIGMOID, TANH, Activation
from lstm_lab.shape import check_shape
from transformer_tutorial.runtime.command_line import known


class Weights(NamedTuple):
    """Kernels (inputs, outputs) and biases (outputs,) of the three layers."""

    W1: tf.Tensor
    b1: tf.Tensor
    W2: tf.Tensor
    b2: tf.Tensor
    W3: tf.Tensor
    b3: tf.Tensor


class Run(NamedTuple):
    """One forward pass: the input, both hidden outputs, the output before (o) and after (prediction) equation (4)."""

    x: tf.Tensor
    h1: tf.Tensor
    h2: tf.Tensor
    o: tf.Tensor
    prediction: tf.Tensor


class Gradients(NamedTuple):
    """Derivatives of the loss, summed over the batch: like the weights, and by the input (B, M)."""

    weights: Weights
    x: tf.Tensor


class Output(NamedTuple):
    """An output function and the loss whose derivative by o is ŷ - target.

    Attributes:
        value: o (B, K) -> ŷ (B, K).
        loss: (target, o) -> the loss of each row, (B,), computed from o because that is stable.
    """

    value: Callable[[tf.Tensor], tf.Tensor]
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


HIDDEN: dict[str, Activation] = {"tanh": TANH, "sigmoid": SIGMOID}
OUTPUTS: dict[str, Output] = {
    "softmax": Output(tf.nn.softmax, tf.nn.softmax_cross_entropy_with_logits),
    "sigmoid": Output(tf.sigmoid, lambda t, o: tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(t, o), axis=1)),
    "linear": Output(tf.identity, lambda t, o: tf.reduce_sum((o - t) ** 2, axis=1) / 2),
}


@dataclasses.dataclass(frozen=True)
class DenseNetwork:
    """Three dense layers and a loss.

    Args:
        hidden: the activation φ, "tanh" or "sigmoid".
        output: "softmax" (rows of `target` sum to 1), "sigmoid" (targets in [0, 1]) or "linear" (any target).

    Raises:
        UsageError: a name is unknown.
    """

    hidden: str = "tanh"
    output: str = "softmax"

    def __post_init__(self):
        known(self.hidden, HIDDEN, "hidden activation")
        known(self.output, OUTPUTS, "output")

    def forward(self, weights: Weights, x: tf.Tensor) -> Run:
        """x (B, M) -> everything the backward pass needs. Raises UsageError where shapes do not fit."""
        check_weights(weights, x)
        activation = HIDDEN[self.hidden].value
        h1 = activation(x @ weights.W1 + weights.b1)  # (1)
        h2 = activation(h1 @ weights.W2 + weights.b2)  # (2)
        o = h2 @ weights.W3 + weights.b3  # (3)
        prediction = OUTPUTS[self.output].value(o)  # (4)
        return Run(x, h1, h2, o, prediction)

    def loss(self, run: Run, target: tf.Tensor) -> tf.Tensor:
        """The loss E, a scalar: the sum over the batch."""
        check_shape("target", target, run.o.shape)
        return tf.reduce_sum(OUTPUTS[self.output].loss(target, run.o))

    def backward(self, weights: Weights, run: Run, target: tf.Tensor) -> Gradients:
        """The derivative of `loss` by every weight and by x, with no help from a tape."""
        check_shape("target", target, run.o.shape)
        slope = HIDDEN[self.hidden].slope
        d_a3 = run.prediction - target  # (5)
        d_a2 = d_a3 @ tf.transpose(weights.W3) * slope(run.h2)  # (6)
        d_a1 = d_a2 @ tf.transpose(weights.W2) * slope(run.h1)  # (7)
        d_x = d_a1 @ tf.transpose(weights.W1)  # (8)
        layers = (run.x, d_a1), (run.h1, d_a2), (run.h2, d_a3)
        return Gradients(Weights(*(part for h, d_a in layers for part in weight_gradients(h, d_a))), d_x)


def weight_gradients(h: tf.Tensor, d_a: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A dense layer's input (B, I) and d_a (B, O) -> the derivatives by its kernel (I, O) and its bias (O,)."""
    d_W = tf.transpose(h) @ d_a  # (9)
    d_b = tf.reduce_sum(d_a, axis=0)  # (10)
    return d_W, d_b


def check_weights(weights: Weights, x: tf.Tensor) -> None:
    """Raises UsageError unless each kernel's inputs are the outputs of what stands before it."""
    width = x.shape[-1]
    for layer in (1, 2, 3):
        kernel, bias = getattr(weights, f"W{layer}"), getattr(weights, f"b{layer}")
        check_shape(f"W{layer}", kernel, (width, None))
        width = kernel.shape[-1]
        check_shape(f"b{layer}", bias, (width,))
