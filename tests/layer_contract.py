"""What every public layer promises, one function a promise. `layers/test_contract.py` holds the table of layers."""

import inspect
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf


class Contract(NamedTuple):
    """A layer under contract.

    Attributes:
        layer: the class.
        config: arguments of its constructor.
        inputs: arguments of its call, NumPy arrays or pairs of them.
        output_dtype: of the result in any precision; None is the compute dtype.
    """

    layer: type
    config: dict
    inputs: tuple
    output_dtype: str | None = None

    def build(self, **kwargs):
        """The layer with seeded weights, built by a call."""
        keras.utils.set_random_seed(1)
        layer = self.layer(**self.config, **kwargs)
        layer(*self.inputs)
        return layer


def check_config(contract, layer):
    parameters = inspect.signature(contract.layer.__init__).parameters.values()
    arguments = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    config = layer.get_config()
    assert arguments <= set(config) and contract.config.items() <= config.items()
    twin = contract.layer.from_config(config)
    assert twin.get_config() == config
    twin(*contract.inputs)
    assert [w.shape for w in twin.weights] == [w.shape for w in layer.weights]


def check_symbolic_shape(contract, layer):
    output = layer(*contract.inputs)
    known = layer.compute_output_spec(*_symbolic(contract.inputs, lambda shape: shape))
    assert known.shape == tuple(output.shape)
    open_axes = layer(*_symbolic(contract.inputs, _open))
    assert open_axes.shape == _open(output.shape)


def check_compiled(contract, layer, jit_compile):
    compiled = tf.function(lambda *inputs: layer(*inputs), jit_compile=jit_compile)
    inputs = keras.tree.map_structure(tf.constant, contract.inputs)
    np.testing.assert_allclose(compiled(*inputs), layer(*inputs), rtol=1e-5, atol=1e-5)


def check_precision(contract, policy):
    layer = contract.build(dtype=policy)
    assert {inner.dtype_policy.name for inner in layer._flatten_layers()} == {policy}
    with tf.GradientTape() as tape:
        output = layer(*contract.inputs)
        # Not the plain sum: behind a layer norm its gradient is zero.
        total = tf.reduce_sum(tf.cast(output, "float32") * np.random.default_rng(2).normal(size=output.shape))
    dtype = contract.output_dtype or layer.compute_dtype
    assert output.dtype == dtype == layer(*_symbolic(contract.inputs, _open)).dtype
    for gradient in tape.gradient(total, [w.value for w in layer.trainable_weights]):
        gradient = tf.convert_to_tensor(gradient)
        assert gradient.dtype == "float32" and np.isfinite(gradient).all() and np.any(gradient)


def check_saving(contract, layer, path):
    inputs = keras.tree.map_structure(lambda a: keras.Input(a.shape[1:], dtype=a.dtype.name), contract.inputs)
    keras.Model(inputs, layer(*inputs)).save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(contract.inputs), layer(*contract.inputs))


def _symbolic(inputs, shape):
    return keras.tree.map_structure(lambda array: keras.KerasTensor(shape(array.shape), array.dtype.name), inputs)


def _open(shape):
    """Any batch, any length."""
    return (None, None, *shape[2:])
