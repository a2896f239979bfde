"""The task of remembering one bit, and training on it by hand."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.simple_rnn import Readout, SimpleRNNCell
from lstm_lab.remembering import GUESSING, Trained, draw_batch, loss_and_gradients, random_weights, train

CELLS = [SimpleRNNCell(), LSTMCell("V"), LSTMCell("FGR")]
T, N = 8, 6


def weights_of(cell, forget_bias=1.0):
    return random_weights(cell, 1, N, 1.0, forget_bias, np.random.default_rng(0))


def test_the_first_input_is_the_answer_and_the_rest_is_noise():
    x, answer = draw_batch(T, np.random.default_rng(0), 500)
    assert x.shape == (500, T, 1) and answer.shape == (500, 1, 2)
    np.testing.assert_array_equal(x[:, 0, 0] > 0, answer[:, 0, 1] == 1)
    assert np.abs(np.corrcoef(x[:, 1:, 0].T, answer[:, 0, 1])[-1, :-1]).max() < 0.2


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_gradients_by_hand_equal_the_tape(cell):
    weights, readout = weights_of(cell), Readout(tf.constant(np.eye(N)[:, :2]), tf.zeros(2, tf.float64))
    x, answer = map(tf.constant, draw_batch(T, np.random.default_rng(0), 3))
    with tf.GradientTape() as tape:
        tape.watch((weights, readout))
        loss, *by_hand = loss_and_gradients(cell, weights, readout, x, answer)
    expected = tape.gradient(loss, [weights, readout])
    for got, want in zip(tf.nest.flatten(by_hand), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-15)


def test_the_simple_rnn_learns_to_remember():
    losses = train(SimpleRNNCell(), weights_of(SimpleRNNCell()), T, 80, 0).losses
    assert losses[0] > 0.5
    assert np.mean(losses[-10:]) < 0.1


def test_the_final_loss_is_the_mean_of_the_last_ten():
    assert Trained((), [9.0, *map(float, range(10))]).final_loss == 4.5
    assert Trained((), [1.0, 3.0]).final_loss == 2


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_guessing_is_the_loss_of_a_readout_that_sees_nothing(cell):
    blind = Readout(tf.zeros((N, 2), tf.float64), tf.zeros(2, tf.float64))
    x, answer = map(tf.constant, draw_batch(T, np.random.default_rng(0)))
    assert float(loss_and_gradients(cell, weights_of(cell), blind, x, answer)[0]) == pytest.approx(GUESSING)


def test_training_changes_every_weight_but_not_its_shape():
    cell = LSTMCell("V")
    before = weights_of(cell)
    after = train(cell, before, 3, 1, 0).weights
    for old, new in zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True):
        assert old.shape == new.shape
        assert np.any(old != new)


def test_the_forget_bias_goes_where_the_forget_gate_is():
    assert weights_of(LSTMCell("V"), 3.0).b.numpy().reshape(4, N)[:, 0].tolist() == [0, 3, 0, 0]
    assert weights_of(LSTMCell("NIG"), 3.0).b.numpy().reshape(3, N)[:, 0].tolist() == [3, 0, 0]
    assert weights_of(LSTMCell("CIFG"), 3.0).b.numpy().reshape(3, N)[:, 0].tolist() == [-3, 0, 0]
    assert not weights_of(LSTMCell("NFG"), 3.0).b.numpy().any()


def test_the_gain_scales_the_weights():
    random = np.random.default_rng(0)
    weights = random_weights(SimpleRNNCell(), 1, 200, 2.0, 0.0, random)
    assert np.std(weights.W) == pytest.approx(2 / np.sqrt(200), rel=0.02)
