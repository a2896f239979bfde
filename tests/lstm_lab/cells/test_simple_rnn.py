"""One step of the simple RNN, and its readout."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells.simple_rnn import (
    Readout,
    SimpleRNNCell,
    State,
    Weights,
    cross_entropy,
    read_out,
    readout_backward,
)
from transformer_tutorial.runtime.errors import UsageError

B, T, M, N, K = 2, 6, 3, 5, 4


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng((seed, *shape)).normal(0, 0.5, shape))


def weights() -> Weights:
    return Weights(draw(M, N), draw(N, N), draw(N))


def test_a_sequence_equals_keras_simple_rnn():
    import keras

    layer = keras.layers.SimpleRNN(N, return_sequences=True, dtype="float64")
    layer.build((B, T, M))
    layer.set_weights([array.numpy() for array in weights()])
    x = draw(B, T, M)
    np.testing.assert_allclose(sequence.forward(SimpleRNNCell(), weights(), x).outputs, layer(x), rtol=1e-12)


def test_exactly_one_of_four_orders_is_the_transposed_jacobian():
    """In columns dh/dh₋ = diag(1 - h²) Wᵀ with the code's W; the backward step multiplies a row by it."""
    x, previous, parameters = draw(1, M), draw(1, N), weights()
    step = SimpleRNNCell().forward(parameters, x, State(previous))
    slope, W = np.diag(1 - step.state.h.numpy()[0] ** 2), parameters.W.numpy()
    rows = [SimpleRNNCell().backward(parameters, step, State(row[None])).state.h[0] for row in np.eye(N)]
    orders = {"slope Wᵀ": slope @ W.T, "slope W": slope @ W, "Wᵀ slope": W.T @ slope, "W slope": W @ slope}
    assert [name for name, order in orders.items() if np.allclose(rows, order)] == ["slope Wᵀ"]


def test_the_readout_by_hand_equals_the_tape():
    readout, outputs = Readout(draw(N, K), draw(K)), draw(B, T, N)
    target = tf.constant(np.random.default_rng(1).dirichlet(np.ones(K), (B, T)))
    with tf.GradientTape() as tape:
        tape.watch((readout, outputs))
        loss = cross_entropy(read_out(readout, outputs), target)
    expected = tape.gradient(loss, [*readout, outputs])
    by_hand = readout_backward(readout, outputs, target)
    for got, want in zip([*by_hand.readout, by_hand.outputs], expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_the_loss_of_uniform_predictions_is_the_logarithm_of_the_classes():
    target = tf.one_hot(np.zeros((B, T), int), K, dtype=tf.float64)
    np.testing.assert_allclose(cross_entropy(tf.zeros((B, T, K), tf.float64), target), B * T * np.log(K))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: sequence.forward(SimpleRNNCell(), weights(), draw(B, T, 7)),
            r"U must have the shape \(7, 5\), got \(3, 5\)",
        ),
        (
            lambda: SimpleRNNCell().check(weights()._replace(W=draw(N, 4)), M),
            r"W must have the shape \(5, 5\), got \(5, 4\)",
        ),
        (
            lambda: read_out(Readout(draw(4, K), draw(K)), draw(B, T, N)),
            r"V must have the shape \(5, any\), got \(4, 4\)",
        ),
        (lambda: read_out(Readout(draw(N, K), draw(3)), draw(B, T, N)), r"c must have the shape \(4\), got \(3\)"),
        (lambda: cross_entropy(draw(B, T, K), draw(B, T)), r"target must have the shape \(2, 6, 4\), got \(2, 6\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(UsageError, match=text):
        make()
