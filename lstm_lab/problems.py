"""A random problem for each kind of cell: weights, data and a loss, with the gradient computed in every way.

The draws follow one rule: nothing that could hide an error is zero, square or symmetric. Weights, peepholes, biases
and initial states are normal with standard deviation 0.5; batch, steps, inputs, units and classes all differ; the
last sequence of the batch is padded; and the loss looks at every output and at the final state.

Sizes: B = 2, M = 3, N = 5, K = 4, and T as asked for.
Next: gradcheck.py
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from lstm_lab import oracle, sequence
from lstm_lab.cells import dense, simple_rnn
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import GATES, State, block_names, named, stacked, weight_shapes

BATCH, INPUTS, UNITS, CLASSES, HIDDEN = 2, 3, 5, 4, (6, 5)
Tensors = Mapping[str, Any]


class Problem(Protocol):
    """What gradcheck asks of a problem.

    Attributes:
        cell, variant: what is checked, as on the command line.
        arrays: what the loss is differentiated by, float64, by name.
        length: T; 0 where there is no time.
    """

    cell: str
    variant: str
    arrays: dict[str, np.ndarray]
    length: int

    def tape_loss(self, arrays: Tensors) -> tf.Tensor:
        """The loss of the TensorFlow forward pass, for a tape."""

    def by_hand(self, arrays: Tensors) -> dict[str, tf.Tensor]:
        """The derivative by every array, without a tape."""

    def by_hand_at_steps(self, arrays: Tensors) -> Iterator[dict[str, tf.Tensor]]:
        """The summands of the single steps, the last step first; of x the step's own (B, M)."""

    def loss(self, arrays: oracle.Arrays, weights_at: Callable[[int], oracle.Arrays]) -> np.ndarray:
        """The loss of the NumPy forward pass; arrays may carry an axis of copies in front."""


@dataclasses.dataclass
class DenseProblem:
    """The three-layer network; the variant is the output function."""

    variant: str
    random: np.random.Generator
    network: type[dense.DenseNetwork] = dense.DenseNetwork
    cell: str = "dense"
    length: int = 0

    def __post_init__(self):
        sizes = (INPUTS, *HIDDEN, CLASSES)
        self.arrays = {"x": self._draw((BATCH, INPUTS))}
        for layer in (1, 2, 3):
            self.arrays[f"W{layer}"] = self._draw((sizes[layer - 1], sizes[layer]))
            self.arrays[f"b{layer}"] = self._draw((sizes[layer],))
        self.target = self.random.dirichlet(np.ones(CLASSES), BATCH)

    def _draw(self, shape):
        return self.random.normal(0, 0.5, shape)

    def _forward(self, arrays: Tensors):
        network = self.network("tanh", self.variant)
        weights = dense.Weights(**{name: arrays[name] for name in dense.Weights._fields})
        return network, weights, network.forward(weights, arrays["x"]), tf.cast(self.target, arrays["x"].dtype)

    def tape_loss(self, arrays: Tensors) -> tf.Tensor:
        network, _, run, target = self._forward(arrays)
        return network.loss(run, target)

    def by_hand(self, arrays: Tensors) -> dict[str, tf.Tensor]:
        network, weights, run, target = self._forward(arrays)
        gradients = network.backward(weights, run, target)
        return {**gradients.weights._asdict(), "x": gradients.x}

    def by_hand_at_steps(self, arrays: Tensors) -> Iterator[dict[str, tf.Tensor]]:
        return iter(())

    def loss(self, arrays: oracle.Arrays, weights_at=None) -> np.ndarray:
        return oracle.dense_loss(oracle.dense(arrays, arrays["x"], "tanh"), self.target, self.variant)


@dataclasses.dataclass
class RNNProblem:
    """The simple RNN with its readout and cross-entropy, and a further loss on the final state."""

    length: int
    random: np.random.Generator
    unrolled: Any = sequence
    rnn: Any = simple_rnn
    cell: str = "rnn"
    variant: str = "tanh"

    def __post_init__(self):
        shapes = {"U": (INPUTS, UNITS), "W": (UNITS, UNITS), "b": (UNITS,), "V": (UNITS, CLASSES), "c": (CLASSES,)}
        shapes |= {"x": (BATCH, self.length, INPUTS), "h0": (BATCH, UNITS)}
        self.arrays = {name: self.random.normal(0, 0.5, shape) for name, shape in shapes.items()}
        self.target = self.random.dirichlet(np.ones(CLASSES), (BATCH, self.length))
        self.d_final = self.random.normal(size=(BATCH, UNITS))
        self.mask = padding(self.length)

    def _forward(self, arrays: Tensors):
        weights = simple_rnn.Weights(arrays["U"], arrays["W"], arrays["b"])
        readout, initial = simple_rnn.Readout(arrays["V"], arrays["c"]), simple_rnn.State(arrays["h0"])
        cell, dtype = self.rnn.SimpleRNNCell(), arrays["x"].dtype
        run = self.unrolled.forward(cell, weights, arrays["x"], initial, self.mask)
        return cell, weights, readout, run, tf.cast(self.target, dtype), tf.cast(self.d_final, dtype)

    def tape_loss(self, arrays: Tensors) -> tf.Tensor:
        _, _, readout, run, target, d_final = self._forward(arrays)
        logits = simple_rnn.read_out(readout, run.outputs)
        return simple_rnn.cross_entropy(logits, target) + tf.reduce_sum(d_final * run.final.h)

    def by_hand(self, arrays: Tensors) -> dict[str, tf.Tensor]:
        cell, weights, readout, run, target, d_final = self._forward(arrays)
        outer = self.rnn.readout_backward(readout, run.outputs, target)
        inner = self.unrolled.backward(cell, weights, run, outer.outputs, simple_rnn.State(d_final))
        return {**inner.weights._asdict(), **outer.readout._asdict(), "x": inner.x, "h0": inner.initial.h}

    def by_hand_at_steps(self, arrays: Tensors) -> Iterator[dict[str, tf.Tensor]]:
        cell, weights, readout, run, target, d_final = self._forward(arrays)
        d_outputs = self.rnn.readout_backward(readout, run.outputs, target).outputs
        steps = self.unrolled.backward_by_step(cell, weights, run, d_outputs, simple_rnn.State(d_final))
        for t, step in zip(reversed(range(self.length)), steps, strict=True):
            outer = self.rnn.readout_backward(readout, run.outputs[:, t : t + 1], target[:, t : t + 1])
            yield {**step.weights._asdict(), **outer.readout._asdict(), "x": step.x}

    def loss(self, arrays: oracle.Arrays, weights_at: Callable[[int], oracle.Arrays]) -> np.ndarray:
        states = oracle.unroll(oracle.rnn_step, weights_at, arrays["x"], {"h": arrays["h0"]}, self.mask)
        total = (self.d_final * states[-1]["h"]).sum((-2, -1))
        for t, state in enumerate(states):
            o = state["h"] @ weights_at(t)["V"] + oracle.row(weights_at(t)["c"])
            total = total - (self.target[:, t] * oracle.log_softmax(o)).sum((-2, -1))
        return total


@dataclasses.dataclass
class LSTMProblem:
    """An LSTM variant with a random weighted sum of all outputs and of the whole final state as loss."""

    variant: str
    length: int
    random: np.random.Generator
    error_flow: str = "full"
    po_prev: bool = False
    unrolled: Any = sequence
    lstm: type[LSTMCell] = LSTMCell
    cell: str = "lstm"

    def __post_init__(self):
        shapes = weight_shapes(self.variant, INPUTS, UNITS)
        weights = type(shapes)(*(self._draw(shape) if shape else () for shape in shapes))
        self.states = ("y", "c", *(GATES if shapes.G else ""))
        self.arrays = {name: part.numpy() for name, part in named(self.variant, weights).items()}
        self.arrays["x"] = self._draw((BATCH, self.length, INPUTS))
        self.arrays |= {f"{name}0": self._draw((BATCH, UNITS)) for name in self.states}
        self.d_outputs = self.random.normal(size=(BATCH, self.length, UNITS))
        self.d_final = {name: self.random.normal(size=(BATCH, UNITS)) for name in self.states}
        self.mask = padding(self.length)

    def _draw(self, shape):
        return self.random.normal(0, 0.5, shape)

    def _state(self, parts: list[tf.Tensor]) -> State:
        y, c, *gates = parts
        return State(y, c, tf.concat(gates, axis=1) if gates else ())

    def _forward(self, arrays: Tensors):
        cell, dtype = self.lstm(self.variant, self.error_flow, self.po_prev), arrays["x"].dtype
        names = [name for fields in block_names(self.variant).values() for name in fields]
        weights = stacked(self.variant, {name: arrays[name] for name in names})
        initial = self._state([arrays[f"{name}0"] for name in self.states])
        run = self.unrolled.forward(cell, weights, arrays["x"], initial, self.mask)
        d_final = self._state([tf.cast(self.d_final[name], dtype) for name in self.states])
        return cell, weights, run, tf.cast(self.d_outputs, dtype), d_final

    def tape_loss(self, arrays: Tensors) -> tf.Tensor:
        _, _, run, d_outputs, d_final = self._forward(arrays)
        terms = tf.nest.map_structure(lambda d, value: tf.reduce_sum(d * value), d_final, run.final)
        return tf.reduce_sum(d_outputs * run.outputs) + tf.add_n(tf.nest.flatten(terms))

    def by_hand(self, arrays: Tensors) -> dict[str, tf.Tensor]:
        gradients = self.unrolled.backward(*self._forward(arrays))
        y, c, gates = gradients.initial
        parts = [y, c, *(tf.split(gates, 3, axis=1) if "i" in self.states else ())]
        initial = {f"{name}0": part for name, part in zip(self.states, parts, strict=True)}
        return {**named(self.variant, gradients.weights), "x": gradients.x, **initial}

    def by_hand_at_steps(self, arrays: Tensors) -> Iterator[dict[str, tf.Tensor]]:
        for step in self.unrolled.backward_by_step(*self._forward(arrays)):
            yield {**named(self.variant, step.weights), "x": step.x}

    def loss(self, arrays: oracle.Arrays, weights_at: Callable[[int], oracle.Arrays]) -> np.ndarray:
        initial = {name: arrays[f"{name}0"] for name in self.states}
        step = functools.partial(oracle.lstm_step, self.variant, po_prev=self.po_prev)
        states = oracle.unroll(step, weights_at, arrays["x"], initial, self.mask)
        total = sum((self.d_final[name] * states[-1][name]).sum((-2, -1)) for name in self.states)
        return total + sum((self.d_outputs[:, t] * state["y"]).sum((-2, -1)) for t, state in enumerate(states))


def padding(length: int) -> np.ndarray:
    """(B, T), True = real: the last sequence of the batch is a third shorter than the others."""
    real = [length] * (BATCH - 1) + [length - length // 3]
    return np.arange(length) < np.array(real)[:, None]
