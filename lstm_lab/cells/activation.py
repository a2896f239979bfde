"""Activation functions whose derivative is computed from their output.

    (1)  σ(a) = 1 / (1 + exp(-a))      σ'(a) = σ (1 - σ)
    (2)  tanh(a)                       tanh'(a) = 1 - tanh²

Because the output is enough, a forward pass needs to keep no pre-activation for its backward pass. And a gate that
a variant removes has the constant output 1, for which σ (1 - σ) is 0: its backward pass needs no special case.

Next: dense.py
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Activation(NamedTuple):
    """A function and its derivative.

    Attributes:
        value: from the pre-activation to the output, elementwise.
        slope: from the OUTPUT to the derivative by the pre-activation, elementwise.
    """

    value: Callable[[tf.Tensor], tf.Tensor]
    slope: Callable[[tf.Tensor], tf.Tensor]


SIGMOID = Activation(tf.sigmoid, lambda output: output * (1 - output))  # (1)
TANH = Activation(tf.tanh, lambda output: 1 - output * output)  # (2)
LINEAR = Activation(tf.identity, tf.ones_like)
