"""A task that needs a memory, and training on it by the backward pass written by hand.

The first input of a sequence is +1 or -1, all others are noise; after the last step the network says which it was.
Nothing but the state can carry the answer, so that the loss's gradient has to travel back over the whole sequence. The
loop over time is fast/fused_sequence.py, which is traced in a fraction of the time that an unrolled one takes.

    (1)  E = mean over the batch of -log ŷ[T][answer]        the readout sees the last output alone

Next: flow.py
"""

import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lstm_lab.cells import lstm_weights
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import Weights as LSTMWeights
from lstm_lab.cells.simple_rnn import Readout, SimpleRNNCell, cross_entropy, read_out, readout_backward
from lstm_lab.cells.simple_rnn import Weights as RNNWeights
from lstm_lab.fast import fused_sequence

BATCH, NOISE, LEARNING_RATE, CLIP, LAST = 32, 0.3, 0.01, 1.0, 10

GUESSING = math.log(2)
"""The loss (1), in nats, of one half for either answer: the least that is possible without a memory."""


class Trained(NamedTuple):
    """A cell's weights after training, and the losses (1) before each update, in nats."""

    weights: Any
    losses: list[float]

    @property
    def final_loss(self) -> float:
        """The mean of the last ten losses, or of all where there are fewer, in nats; compare it with GUESSING."""
        return float(np.mean(self.losses[-LAST:]))


def random_weights(cell, inputs: int, units: int, gain: float, forget_bias: float, random: np.random.Generator):
    """Weights of a cell: W normal with deviation gain / √M, R and G with gain / √N, p with gain / 10.

    b is zero but for the forget gate's `forget_bias`.
    """
    deviations = {"W": gain / inputs**0.5, "R": gain / units**0.5, "G": gain / units**0.5, "p": gain / 10}

    def draw(deviation, shape):
        return tf.constant(random.normal(0, deviation, shape))

    if isinstance(cell, SimpleRNNCell):
        W = draw(deviations["R"], (units, units))
        return RNNWeights(draw(deviations["W"], (inputs, units)), W, tf.zeros(units, tf.float64))
    shapes = lstm_weights.weight_shapes(cell.variant, inputs, units)._asdict()
    drawn = {name: draw(deviations[name], shape) for name, shape in shapes.items() if shape and name != "b"}
    return LSTMWeights(**drawn, b=tf.constant(lstm_weights.forget_bias(cell.variant, units, forget_bias)))


def draw_batch(length: int, random: np.random.Generator, batch: int = BATCH) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (B, T, 1) and answers (B, 1, 2), one-hot."""
    answer = random.integers(0, 2, batch)
    x = random.normal(0, NOISE, (batch, length, 1))
    x[:, 0, 0] = 2 * answer - 1
    return x, np.eye(2)[answer][:, None, :]


def loss_and_gradients(cell: LSTMCell | SimpleRNNCell, weights: Any, readout: Readout, x: tf.Tensor, answer: tf.Tensor):
    """The loss (1) and, by hand, its derivatives by the cell's weights and by the readout."""
    run = fused_sequence.forward(cell, weights, x)
    last, share = run.outputs[:, -1:], 1 / x.shape[0]
    loss = share * cross_entropy(read_out(readout, last), answer)  # (1)
    outer = readout_backward(readout, last, answer)
    d_outputs = tf.pad(share * outer.outputs, [[0, 0], [x.shape[1] - 1, 0], [0, 0]])
    d_readout = tf.nest.map_structure(lambda d: share * d, outer.readout)
    return loss, fused_sequence.backward(cell, weights, run, d_outputs).weights, d_readout


def train(cell: LSTMCell | SimpleRNNCell, weights: Any, length: int, updates: int, seed: int) -> Trained:
    """Trains with Adam and clipping by the global norm, on a fresh batch of 32 sequences for each update."""
    random = np.random.default_rng(seed)
    units = cell.zero_state(weights, 1)[0].shape[-1]
    start = (weights, Readout(tf.constant(random.normal(0, units**-0.5, (units, 2))), tf.zeros(2, tf.float64)))
    variables = [keras.Variable(part, dtype="float64") for part in tf.nest.flatten(start)]
    optimizer = keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=CLIP)

    @tf.function
    def step(x, answer):
        weights, readout = tf.nest.pack_sequence_as(start, [tf.convert_to_tensor(v.value) for v in variables])
        loss, *gradients = loss_and_gradients(cell, weights, readout, x, answer)
        optimizer.apply(tf.nest.flatten(gradients), variables)
        return loss

    losses = [float(step(*map(tf.constant, draw_batch(length, random)))) for _ in range(updates)]
    weights, _ = tf.nest.pack_sequence_as(start, [tf.convert_to_tensor(v.value) for v in variables])
    return Trained(weights, losses)
