"""One step of a cell as a Keras layer, and its gradient written by hand as a `tf.custom_gradient`.

Next: layers.py
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from lstm_lab import sequence
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
        backward: "manual" or "tape".
    """

    def __init__(self, formula: Any, state_size: Sequence[int], backward: str, **kwargs):
        super().__init__(**kwargs)
        self.formula, self.state_size, self.backward = formula, list(state_size), backward
        self.output_size = self.state_size[0]

    def add_named_weights(self, shapes: dict[str, tuple[int, ...]], bias: Any = "zeros") -> None:
        """Creates a weight for each name that has a shape; `bias` initializes the one called bias."""
        self.names = [name for name, shape in shapes.items() if shape]
        for name in self.names:
            initializer = bias if name == "bias" else INITIALIZERS.get(name, "zeros")
            setattr(self, name, self.add_weight(shape=shapes[name], initializer=initializer, name=name))

    def call(self, inputs: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        weights = [tf.convert_to_tensor(getattr(self, name)) for name in self.names]
        step = step_by_hand if self.backward == "manual" else step_on_tape
        new = step(self, inputs, list(states), weights)
        return new[0], new

    def whole_sequence(self, x: tf.Tensor, states: Sequence[tf.Tensor], mask: tf.Tensor | None) -> list[tf.Tensor]:
        """Outputs (B, T, N) and the parts of the final state, with the whole of BPTT by hand."""
        weights = [tf.convert_to_tensor(getattr(self, name)) for name in self.names]
        return sequence_by_hand(self, x, list(states), weights, mask)


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


def step_on_tape(layer: StepLayer, x: tf.Tensor, states: list[tf.Tensor], weights: list[tf.Tensor]) -> list[tf.Tensor]:
    """The parts of the next state, differentiated by whatever tape is watching."""
    state, weights = layer.structured(states, weights)
    return tf.nest.flatten(layer.formula.forward(weights, x, state).state)


def step_by_hand(layer: StepLayer, x: tf.Tensor, states: list[tf.Tensor], weights: list[tf.Tensor]) -> list[tf.Tensor]:
    """The same, with cell.backward as its gradient."""

    @tf.custom_gradient
    def step(x, states, weights):
        state, named = layer.structured(states, weights)
        kept = layer.formula.forward(named, x, state)

        def gradient(*d_new):
            d_state = tf.nest.pack_sequence_as(kept.state, d_new)
            gradients = layer.formula.backward(named, kept, d_state)
            return gradients.x, tf.nest.flatten(gradients.state), tf.nest.flatten(gradients.weights)

        return tf.nest.flatten(kept.state), gradient

    return step(x, states, weights)


def sequence_by_hand(layer: StepLayer, x, states: list, weights: list, mask: tf.Tensor | None) -> list[tf.Tensor]:
    """Outputs and the parts of the final state, with sequence.backward as their gradient."""

    @tf.custom_gradient
    def unrolled(x, states, weights):
        state, named = layer.structured(states, weights)
        run = sequence.forward(layer.formula, named, x, state, mask)

        def gradient(d_outputs, *d_final):
            d_final = tf.nest.pack_sequence_as(run.final, d_final)
            gradients = sequence.backward(layer.formula, named, run, d_outputs, d_final)
            return gradients.x, tf.nest.flatten(gradients.initial), tf.nest.flatten(gradients.weights)

        return [run.outputs, *tf.nest.flatten(run.final)], gradient

    return unrolled(x, states, weights)
