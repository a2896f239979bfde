import numpy as np

from transformer_tutorial.layers.feed_forward import FeedForward

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")


def random_layer(**config):
    layer = FeedForward(4, 7, **config)
    layer(X)
    draw = np.random.default_rng(1)
    layer.set_weights([draw.normal(size=weight.shape) for weight in layer.weights])
    return layer


def test_the_network_is_two_layers_a_residual_and_a_norm_at_each_position():
    layer = random_layer()
    w1, b1, w2, b2, scale, shift = (
        weight for part in (layer.hidden, layer.output_dense, layer.layernorm) for weight in part.get_weights()
    )
    output = layer(X)
    for b in range(2):
        for t in range(3):
            x = X[b, t].astype("float64")
            y = x + np.maximum(0, x @ w1 + b1) @ w2 + b2
            expected = (y - y.mean()) / np.sqrt(y.var() + layer.layernorm.epsilon) * scale + shift
            np.testing.assert_allclose(output[b, t], expected, atol=1e-4)


def test_dropout_spares_the_residual_and_acts_in_training_only():
    layer = random_layer(dropout_rate=0.999999)
    np.testing.assert_allclose(layer(X, training=True), layer.layernorm(X), atol=1e-5)
    assert not np.allclose(layer(X), layer.layernorm(X), atol=1e-2)


def test_the_hidden_layer_has_a_dropout_of_its_own():
    layer = random_layer(dropout_rate=0.0, activation_dropout=0.999999)
    update = layer.output_dense(np.zeros((2, 3, 7), "float32"))
    np.testing.assert_allclose(layer(X, training=True), layer.layernorm(X + update), atol=1e-5)
    assert not np.allclose(layer(X), layer.layernorm(X + update), atol=1e-2)


def test_with_pre_norm_the_network_sees_the_norm_and_the_residual_stays_as_it_is():
    layer = random_layer(norm="pre", dropout_rate=0.0)
    update = layer.output_dense(layer.hidden(layer.layernorm(X)))
    np.testing.assert_allclose(layer(X), X + update, atol=1e-5)
