"""One LSTM layer forwards and backwards, by everything that can do it on a CPU; for bench_lstm.py.

Every contestant computes the same: the outputs of a sequence from a zero state, and the derivatives of
Σ outputs ⊙ d_outputs by x, W, R and b, and by p where there are peepholes.
"""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import Weights, weight_shapes
from lstm_lab.fast import fused_sequence

READABLE_TAPE, READABLE, FUSED, FUSED_XLA = "readable, tape", "readable, by hand", "fused", "fused, XLA"
KERAS, KERAS_XLA, BLOCK, TORCH = "keras.layers.LSTM", "keras.layers.LSTM, XLA", "BlockLSTM", "torch.nn.LSTM"
NAMES = (READABLE_TAPE, READABLE, FUSED, FUSED_XLA, KERAS, KERAS_XLA, BLOCK, TORCH)
WITHOUT_PEEPHOLES = (KERAS, KERAS_XLA, TORCH)


class Size(NamedTuple):
    """B sequences of T steps, M inputs, N units."""

    B: int
    T: int
    M: int
    N: int

    def __str__(self) -> str:
        return "x".join(map(str, self))


class Contestant(NamedTuple):
    """One way to compute it.

    Attributes:
        tensor: from an array to what `run` takes.
        run: from x (B, T, M) and d_outputs (B, T, N) to the outputs and the derivatives, in the way's own layout.
        standard: from what `run` returns to the arrays outputs, x, W, R, b, p as lstm_lab lays them out.
    """

    tensor: Callable[[np.ndarray], Any]
    run: Callable[[Any, Any], Sequence]
    standard: Callable[[Sequence], list[np.ndarray]]


def is_installed(name: str) -> bool:
    """Whether the contestant's package is there."""
    return name != TORCH or importlib.util.find_spec("torch") is not None


def draw_weights(variant: str, size: Size, seed: int = 0) -> Weights:
    """Weights in float32, normal with deviation 1 / √N."""
    random, shapes = np.random.default_rng(seed), weight_shapes(variant, size.M, size.N)
    drawn = (random.normal(0, size.N**-0.5, shape).astype("float32") if shape else () for shape in shapes)
    return tf.nest.map_structure(tf.constant, Weights(*drawn))


def draw_data(size: Size, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """x (B, T, M) and d_outputs (B, T, N) in float32, standard normal."""
    random = np.random.default_rng(seed)
    return tuple(random.standard_normal((size.B, size.T, width), "float32") for width in (size.M, size.N))


def build(name: str, variant: str, weights: Weights) -> Contestant:
    """The contestant with these weights. `name` is one of NAMES; WITHOUT_PEEPHOLES take the variant NP alone."""
    if name == TORCH:
        return torch_lstm(weights)
    if name in (KERAS, KERAS_XLA):
        layer = keras.layers.LSTM(weights.R.shape[0], return_sequences=True)
        layer.build((None, None, weights.W.shape[0]))
        layer.set_weights([part.numpy() for part in weights[:3]])
        return in_graph(by_tape(layer, lambda: [v.value for v in layer.trainable_weights]), name == KERAS_XLA)
    if name == BLOCK:
        in_block_order = block_kernel_weights(weights)
        run = by_tape(lambda x: block_kernel(in_block_order, x), lambda: in_block_order)
        return in_graph(run)._replace(standard=from_block_order)
    if name == READABLE_TAPE:
        readable = by_tape(lambda x: sequence.forward(LSTMCell(variant), weights, x).outputs, lambda: list(weights))
        return in_graph(readable)
    loop = sequence if name == READABLE else fused_sequence
    return in_graph(by_hand(loop, LSTMCell(variant), weights), name == FUSED_XLA)


def in_graph(run: Callable, xla: bool = False) -> Contestant:
    """A TensorFlow function as a contestant."""
    traced = tf.function(run, jit_compile=xla)
    return Contestant(tf.constant, traced, lambda found: [part.numpy() for part in found])


def by_hand(loop, cell: LSTMCell, weights: Weights) -> Callable:
    """Forwards and backwards by lstm_lab.sequence or its twin."""

    def run(x, d_outputs):
        kept = loop.forward(cell, weights, x)
        gradients = loop.backward(cell, weights, kept, d_outputs)
        return [kept.outputs, gradients.x, *tf.nest.flatten(gradients.weights)]

    return run


def by_tape(outputs_of: Callable, weights_of: Callable[[], list]) -> Callable:
    """Forwards, and backwards by tf.GradientTape."""

    def run(x, d_outputs):
        weights = tf.nest.flatten(weights_of())
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            outputs = outputs_of(x)
        return [outputs, *tape.gradient(outputs, [x, *weights], output_gradients=d_outputs)]

    return run


def block_kernel_weights(weights: Weights) -> list[tf.Tensor]:
    """w, b, wci, wcf, wco of TensorFlow's BlockLSTM, whose blocks stand in the order i z f o."""

    def reordered(stack):
        i, f, z, o = tf.split(stack, 4, axis=-1)
        return tf.concat([i, z, f, o], axis=-1)

    p = weights.p if len(weights.p) else tf.zeros((3, weights.R.shape[0]))
    return [reordered(tf.concat([weights.W, weights.R], axis=0)), reordered(weights.b), *tf.unstack(p)]


def block_kernel(parts: list[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Outputs (B, T, N) of TensorFlow's BlockLSTM; not V2, whose gradient takes the blocks in another order."""
    w, b, wci, wcf, wco = parts
    zeros = tf.zeros((tf.shape(x)[0], wci.shape[0]))
    found = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(x.shape[1], tf.int64), x=tf.transpose(x, (1, 0, 2)), cs_prev=zeros, h_prev=zeros,
        w=w, wci=wci, wcf=wcf, wco=wco, b=b, forget_bias=0.0, cell_clip=-1.0, use_peephole=True,
    )  # fmt: skip
    return tf.transpose(found.h, (1, 0, 2))


def from_block_order(found: Sequence) -> list[np.ndarray]:
    """The block kernel's derivatives as outputs, x, W, R, b, p."""
    outputs, x, w, b, *p = (part.numpy() for part in found)
    w, b = (np.concatenate([np.split(part, 4, axis=-1)[k] for k in (0, 2, 1, 3)], axis=-1) for part in (w, b))
    inputs = x.shape[2]
    return [outputs, x, w[:inputs], w[inputs:], b, np.stack(p)]


def torch_lstm(weights: Weights) -> Contestant:
    """PyTorch's layer. Its blocks stand in our order; its matrices are transposed, and it has two biases."""
    import torch

    W, R, b = (torch.tensor(part.numpy()) for part in weights[:3])
    layer = torch.nn.LSTM(W.shape[0], R.shape[0], batch_first=True)
    parameters = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0]
    with torch.no_grad():
        for parameter, value in zip(parameters, (W.T, R.T, b, torch.zeros_like(b)), strict=True):
            parameter.copy_(value)

    def run(x, d_outputs):
        x = x.detach().requires_grad_()
        outputs, _ = layer(x)
        return [outputs, *torch.autograd.grad(outputs, [x, *parameters], d_outputs)]

    def standard(found):
        outputs, x, W, R, b, _ = (part.detach().numpy() for part in found)
        return [outputs, x, W.T, R.T, b]

    return Contestant(torch.tensor, run, standard)
