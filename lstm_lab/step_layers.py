"""One step of a cell as a Keras layer, and whole sequences with their gradient by hand as a `tf.custom_gradient`.

Next: layers.py
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from lstm_lab.cells import lstm_weights, simple_rnn

KERAS_NAMES = {"W": "kernel", "R": "recurrent_kernel", "b": "bias", "p": "peepholes", "G": "gates"}
INITIALIZERS = {"kernel": "glorot_uniform", "recurrent_kernel": "orthogonal", "gates": "glorot_uniform"}


class StepLayer(keras.layers.Layer):
    """One step of a cell in the form that keras.layers.RNN unrolls; it owns the weights.

    A subclass creates its weights in `build`, and its `structured(states, weights)` turns flat lists of both into what
    its formula calls state and weights.

    Args:
        formula: a recurrent cell of lstm_lab.cells.
        state_size: the width of each part of the state.
    """

    def __init__(self, formula: Any, state_size: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.formula, self.state_size = formula, list(state_size)
        self.output_size = self.state_size[0]

    def add_named_weights(self, shapes: dict[str, tuple[int, ...]], bias: Any = "zeros") -> None:
        """Creates a weight for each name that has a shape; `bias` initializes the one called bias."""
        self.names = [name for name, shape in shapes.items() if shape]
        for name in self.names:
            initializer = bias if name == "bias" else INITIALIZERS.get(name, "zeros")
            setattr(self, name, self.add_weight(shape=shapes[name], initializer=initializer, name=name))

    def call(self, inputs: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        state, weights = self.structured(states, self.weight_tensors())
        new = tf.nest.flatten(self.formula.forward(weights, inputs, state).state)
        return new[0], new

    def weight_tensors(self) -> list[tf.Tensor]:
        """The weights in the compute dtype."""
        return [tf.convert_to_tensor(getattr(self, name)) for name in self.names]


class SimpleRNNStep(StepLayer):
    """The step of the simple RNN: kernel, recurrent_kernel, bias."""

    def build(self, input_shape):
        units = self.output_size
        self.add_named_weights(
            {"kernel": (input_shape[-1], units), "recurrent_kernel": (units, units), "bias": (units,)}
        )

    def structured(self, states, weights):
        return simple_rnn.State(*states), simple_rnn.Weights(*weights)


class LSTMStep(StepLayer):
    """The step of an LSTM variant: kernel, recurrent_kernel, bias, and peepholes and gates where it has them."""

    def __init__(self, unit_forget_bias: bool, **kwargs):
        super().__init__(**kwargs)
        self.unit_forget_bias = unit_forget_bias

    def build(self, input_shape):
        variant, units = self.formula.variant, self.output_size
        bias = lstm_weights.forget_bias(variant, units, float(self.unit_forget_bias))
        shapes = lstm_weights.weight_shapes(variant, input_shape[-1], units)._asdict()
        self.add_named_weights(
            {KERAS_NAMES[name]: shape for name, shape in shapes.items()},
            bias=lambda shape, dtype: keras.ops.convert_to_tensor(bias, dtype),
        )

    def structured(self, states, weights):
        parts = dict(zip(self.names, weights, strict=True))
        fields = {field: parts.get(KERAS_NAMES[field], ()) for field in lstm_weights.Weights._fields}
        return lstm_weights.State(*states), lstm_weights.Weights(**fields)


def sequence_by_hand(
    loop: ModuleType, layer: StepLayer, x: tf.Tensor, states: Sequence[tf.Tensor], mask: tf.Tensor | None
) -> list[tf.Tensor]:
    """Outputs (B, T, N) and the parts of the final state, with back-propagation through time by hand as their gradient.

    Args:
        loop: lstm_lab.sequence or its twin.
        layer: the step, whose weights get their gradients.
        x: float, (B, T, M).
        states: the parts of the initial state.
        mask: bool, (B, T), or None.
    """

    @tf.custom_gradient
    def unrolled(x, states, weights):
        state, named = layer.structured(states, weights)
        run = loop.forward(layer.formula, named, x, state, mask)

        def gradient(d_outputs, *d_final):
            d_final = tf.nest.pack_sequence_as(run.final, d_final)
            gradients = loop.backward(layer.formula, named, run, d_outputs, d_final)
            return gradients.x, tf.nest.flatten(gradients.initial), tf.nest.flatten(gradients.weights)

        return [run.outputs, *tf.nest.flatten(run.final)], gradient

    return unrolled(x, list(states), layer.weight_tensors())
