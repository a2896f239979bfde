import keras
import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial.layers.layer_norm import LayerNormalization

SHAPE = (3, 5, 8)


def norms(dtype="float32", **settings):
    """Keras's layer and ours, with equal weights other than 1 and 0."""
    draw = np.random.default_rng(0)
    weights = draw.normal(size=SHAPE[-1]), draw.normal(size=SHAPE[-1])
    layers = [kind(dtype=dtype, **settings) for kind in (keras.layers.LayerNormalization, LayerNormalization)]
    for layer in layers:
        layer.build(SHAPE)
        layer.set_weights(weights[: len(layer.weights)])
    return layers


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5), ("mixed_bfloat16", 2e-2)])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_values_and_gradients_are_those_of_keras(dtype, tolerance, compiled):
    x, upstream = np.random.default_rng(1).normal(3, 2, size=(2, *SHAPE))
    found = []
    for layer in norms(dtype):
        typed = tf.constant(x, layer.compute_dtype)

        def differentiate(typed, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(typed)
                y = layer(typed)
                loss = tf.reduce_sum(tf.cast(y, "float64") * upstream)
            return y, *tape.gradient(loss, [typed, *(weight.value for weight in layer.weights)])

        differentiate = tf.function(differentiate, jit_compile=True) if compiled else differentiate
        found.append([value.numpy().astype("float64") for value in differentiate(typed)])
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("settings", [{"axis": 1}, {"axis": (1, 2)}, {"scale": False}, {"center": False}])
def test_with_other_options_it_is_keras_layer(settings):
    if "axis" in settings:
        expected, ours = (kind(**settings) for kind in (keras.layers.LayerNormalization, LayerNormalization))
    else:
        expected, ours = norms(**settings)
    x = np.random.default_rng(1).normal(size=SHAPE).astype("float32")
    np.testing.assert_array_equal(np.array(ours(x)), np.array(expected(x)))


def test_a_position_of_equal_numbers_becomes_beta():
    _, ours = norms()
    y = np.array(ours(np.full(SHAPE, 7.0, "float32")))
    np.testing.assert_allclose(y, np.broadcast_to(ours.beta, SHAPE), atol=1e-4)
