"""Compiles a function of tensors on the backend that Keras runs on: one trace in TensorFlow, one per shape in JAX."""

from collections.abc import Callable

import keras


def compiled(function: Callable, model: keras.Model, xla: bool = False) -> Callable:
    """`function`, compiled at its first call.

    Args:
        function: of structures of tensors and, by name, of integers (lengths). Uses no variables but the model's.
        model: the model that `function` uses.
        xla: TensorFlow: compile with XLA, anew for each shape and each integer. JAX always does.

    Returns:
        A function of the same arguments. On other backends than TensorFlow and JAX, `function` itself.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _in_tensorflow(function, xla)
    if backend == "jax":
        return _in_jax(function, model)
    return function


def _in_tensorflow(function: Callable, xla: bool) -> Callable:
    import tensorflow as tf

    @tf.function(jit_compile=xla, autograph=False)
    def on_arguments(tensors, integers):
        return function(*tensors, **integers)

    traced = None

    def any_shape(tensor):
        return tf.TensorSpec([None] * len(tensor.shape), tensor.dtype)

    def call(*tensors, **integers):
        nonlocal traced
        integers = {name: tf.constant(value, tf.int32) for name, value in integers.items()}
        arguments = tf.nest.map_structure(tf.convert_to_tensor, (tensors, integers))
        if traced is None:
            traced = on_arguments.get_concrete_function(*tf.nest.map_structure(any_shape, arguments))
        return traced(*arguments)

    return call


def _in_jax(function: Callable, model: keras.Model) -> Callable:
    import jax

    def call_with(values, integers, *tensors):
        mapping = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*tensors, **dict(integers))

    call_jitted = jax.jit(call_with, static_argnums=1)

    def call(*tensors, **integers):
        values = [variable.value for variable in model.variables]
        return call_jitted(values, tuple(sorted(integers.items())), *tensors)

    return call
