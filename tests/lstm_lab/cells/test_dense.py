"""The three-layer dense network."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab.cells.dense import DenseNetwork, Weights
from transformer_tutorial.runtime.errors import UsageError


def weights(sizes=(3, 6, 5, 4), seed=0) -> Weights:
    random = np.random.default_rng(seed)
    layers = zip(sizes, sizes[1:], strict=False)
    return Weights(*(tf.constant(random.normal(0, 0.5, shape)) for i, o in layers for shape in ((i, o), (o,))))


def data(seed=1):
    random = np.random.default_rng(seed)
    return tf.constant(random.normal(size=(2, 3))), tf.constant(random.dirichlet(np.ones(4), 2))


@pytest.mark.parametrize("hidden", ["tanh", "sigmoid"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid", "linear"])
def test_the_gradient_by_hand_equals_the_tape(hidden, output):
    network, parameters, (x, target) = DenseNetwork(hidden, output), weights(), data()
    with tf.GradientTape() as tape:
        tape.watch((parameters, x))
        run = network.forward(parameters, x)
        loss = network.loss(run, target)
    by_hand = network.backward(parameters, run, target)
    for expected, got in zip(tape.gradient(loss, [*parameters, x]), [*by_hand.weights, by_hand.x], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_the_forward_pass_equals_keras_dense_layers():
    import keras

    parameters, (x, _) = weights(), data()
    model = keras.Sequential([keras.layers.Dense(n, a) for n, a in ((6, "tanh"), (5, "tanh"), (4, "softmax"))])
    model.build((2, 3))
    model.set_weights(parameters)
    np.testing.assert_allclose(DenseNetwork().forward(parameters, x).prediction, model(x), rtol=1e-6)


def test_softmax_predictions_are_shares():
    run = DenseNetwork().forward(weights(), data()[0])
    np.testing.assert_allclose(tf.reduce_sum(run.prediction, axis=1), 1)


def test_the_loss_is_the_sum_over_the_batch():
    network, parameters, (x, target) = DenseNetwork(), weights(), data()
    whole = network.loss(network.forward(parameters, x), target)
    parts = [network.loss(network.forward(parameters, x[b : b + 1]), target[b : b + 1]) for b in range(2)]
    np.testing.assert_allclose(whole, sum(parts))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DenseNetwork(hidden="tan"), "unknown hidden activation 'tan'. Did you mean tanh"),
        (lambda: DenseNetwork(output="softmx"), "unknown output 'softmx'. Did you mean softmax"),
        (
            lambda: DenseNetwork().forward(weights(), tf.zeros((2, 7), tf.float64)),
            r"W1 must have the shape \(7, any\), got \(3, 6\)",
        ),
        (
            lambda: DenseNetwork().forward(weights()._replace(b2=tf.zeros(6)), data()[0]),
            r"b2 must have the shape \(5\), got \(6\)",
        ),
        (
            lambda: DenseNetwork().loss(DenseNetwork().forward(weights(), data()[0]), tf.zeros((2, 5))),
            r"target must have the shape \(2, 4\), got \(2, 5\)",
        ),
        (
            lambda: DenseNetwork().backward(weights(), DenseNetwork().forward(weights(), data()[0]), tf.zeros((1, 4))),
            r"target must have the shape \(2, 4\), got \(1, 4\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(UsageError, match=text):
        make()
