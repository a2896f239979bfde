import numpy as np
import pytest

from transformer_tutorial.layers.sub_layer import SubLayer

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
UPDATE = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")


def normed(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)


def test_post_norm_normalises_the_sum():
    layer = SubLayer(norm="post")
    np.testing.assert_array_equal(layer.before(X), X)
    np.testing.assert_allclose(layer.after(X, UPDATE), normed(X + UPDATE), atol=1e-5)


def test_pre_norm_normalises_what_the_function_sees():
    layer = SubLayer(norm="pre")
    np.testing.assert_allclose(layer.before(X), normed(X), atol=1e-5)
    np.testing.assert_allclose(layer.after(X, UPDATE), X + UPDATE, atol=1e-6)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_residual_dropout_takes_from_the_update_alone(norm):
    layer = SubLayer(norm=norm, residual_dropout=0.999999)
    layer.update_dropout.call = lambda x, training=True: type(layer.update_dropout).call(
        layer.update_dropout, x, training=True
    )
    np.testing.assert_allclose(layer.after(X, UPDATE), X if norm == "pre" else normed(X), atol=1e-5)


def test_another_norm_is_refused():
    with pytest.raises(ValueError, match="norm must be one of post, pre, got 'both'"):
        SubLayer(norm="both")
