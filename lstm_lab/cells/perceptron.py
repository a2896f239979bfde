"""The perceptron, and why networks have layers: what a line can separate, and what it cannot.

A perceptron answers with one bit, and learns from its mistakes alone, one example at a time:

    (1)  ŷ = 1 if x w + b > 0, else 0
    (2)  w gains (target - ŷ) x
    (3)  b gains (target - ŷ)

Where a line separates the two classes, it makes only finitely many mistakes: at most (R / γ)², where R is the length
of the longest example (x, 1) and γ the distance of the nearest example to the best plane through 0 (Novikoff 1962).
XOR has no such line, and the mistakes never end. Three dense layers, trained with the gradient written by hand in
dense.py, bend the line:

    (4)  θ loses rate · δθ

Symbol     Code       Shape
x, target  data.*     (B, 2), (B,)
w, b       w, b       (2,), scalar

Source: Rosenblatt 1958; Minsky & Papert 1969 for XOR.
Next: simple_rnn.py
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lstm_lab.cells.dense import DenseNetwork, Weights
from transformer_tutorial.runtime.errors import UsageError


class Data(NamedTuple):
    """Points x (B, 2) and their class, 0 or 1, as target (B,)."""

    x: np.ndarray
    target: np.ndarray


CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
DATA = {
    "AND": Data(CORNERS, np.array([0, 0, 0, 1])),
    "OR": Data(CORNERS, np.array([0, 1, 1, 1])),
    "XOR": Data(CORNERS, np.array([0, 1, 1, 0])),
}


class PerceptronRun(NamedTuple):
    """How learning went: the weights at the end, and the mistakes in each pass over the data."""

    w: np.ndarray
    b: float
    mistakes: list[int]

    @property
    def separated(self) -> bool:
        """Whether the last pass had no mistake."""
        return self.mistakes[-1] == 0


class NetworkRun(NamedTuple):
    """How training went: the weights at the end, and the loss before each step."""

    weights: Weights
    losses: list[float]


def predict(x: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """Points (B, 2), or one point (2,), -> their class, 0 or 1."""
    return (x @ w + b > 0).astype(int)  # (1)


def train_perceptron(data: Data, passes: int = 100) -> PerceptronRun:
    """Learns until a pass over the data has no mistake, or for `passes` passes.

    Raises:
        UsageError: `passes` is below 1.
    """
    if passes < 1:
        raise UsageError(f"passes must be at least 1, got {passes}.")
    w, b, mistakes = np.zeros(data.x.shape[1]), 0.0, []
    while len(mistakes) < passes and 0 not in mistakes:
        wrong = 0
        for x, target in zip(data.x, data.target, strict=True):
            mistake = target - predict(x, w, b)
            w = w + mistake * x  # (2)
            b = b + mistake  # (3)
            wrong += abs(int(mistake))
        mistakes.append(wrong)
    return PerceptronRun(w, b, mistakes)


def train_network(data: Data, hidden: int = 4, rate: float = 0.5, steps: int = 500, seed: int = 0) -> NetworkRun:
    """Trains three dense layers with a sigmoid output by plain gradient descent on the whole of `data`.

    Args:
        hidden: the width of both hidden layers.
        rate: how far each step goes.
        steps: number of steps.
        seed: of the initial weights, normal with standard deviation 1.
    """
    network, x = DenseNetwork("tanh", "sigmoid"), tf.constant(data.x)
    target = tf.constant(data.target[:, None], x.dtype)
    weights, losses = _initial_weights((data.x.shape[1], hidden, hidden, 1), seed), []
    for _ in range(steps):
        run = network.forward(weights, x)
        losses.append(float(network.loss(run, target)))
        gradients = network.backward(weights, run, target).weights
        weights = tf.nest.map_structure(lambda θ, d_θ: θ - rate * d_θ, weights, gradients)  # (4)
    return NetworkRun(weights, losses)


def classify(weights: Weights, x: np.ndarray) -> np.ndarray:
    """Points (B, 2) -> the class that the trained network gives them, 0 or 1."""
    prediction = DenseNetwork("tanh", "sigmoid").forward(weights, tf.constant(x)).prediction
    return (prediction.numpy()[:, 0] > 0.5).astype(int)


def _initial_weights(sizes: tuple[int, ...], seed: int) -> Weights:
    random = np.random.default_rng(seed)
    layers = zip(sizes, sizes[1:], strict=False)
    return Weights(*(tf.constant(random.normal(size=shape)) for i, o in layers for shape in ((i, o), (o,))))
