import keras
import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial.layers.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(500, 201), (99_999,)])
def test_the_share_given_is_dropped_and_the_rest_is_scaled(rate, shape):
    y = np.array(Dropout(rate, seed=1)(tf.ones(shape), training=True))
    assert (y == 0).mean() == pytest.approx(rate, abs=0.01)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    assert y.shape == shape


def test_each_element_and_each_call_is_dropped_on_its_own():
    layer, x = Dropout(0.5, seed=1), tf.ones((200, 200))
    first, second = (np.array(layer(x, training=True)) == 0 for _ in range(2))
    for a, b in [(first, second), (first[:, 1:], first[:, :-1]), (first[1:], first[:-1])]:
        assert (a == b).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.tensorflow
def test_equal_seeds_drop_equal_elements_also_in_a_graph():
    x = tf.ones((40, 30))
    first, second = (Dropout(0.3, seed=7) for _ in range(2))
    compiled = tf.function(lambda x: second(x, training=True))
    for _ in range(2):
        np.testing.assert_array_equal(first(x, training=True), compiled(x))


def test_nothing_is_dropped_outside_training_or_at_rate_zero():
    x = tf.ones((5, 5))
    np.testing.assert_array_equal(Dropout(0.5)(x), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)


def test_at_rate_one_everything_is_dropped():
    np.testing.assert_array_equal(Dropout(1.0)(tf.ones((5, 5)), training=True), tf.zeros((5, 5)))


@pytest.mark.tensorflow
def test_the_gradient_passes_where_the_value_passed():
    layer, x = Dropout(0.5, seed=3), tf.ones((50, 4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)


def test_a_noise_shape_is_kept_by_keras():
    y = np.array(Dropout(0.5, noise_shape=(None, 1), seed=1)(tf.ones((100, 7)), training=True))
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1


def test_the_layer_is_a_keras_dropout():
    assert isinstance(Dropout.from_config(Dropout(0.25, seed=2).get_config()), keras.layers.Dropout)
