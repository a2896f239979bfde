import keras
import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial.fast.fused_adam import FusedAdam

SETTINGS = [
    {},
    {"beta_2": 0.98, "epsilon": 1e-9, "global_clipnorm": 0.5},
    {"weight_decay": 0.1},
    {"gradient_accumulation_steps": 2},
    {"use_ema": True, "ema_momentum": 0.9},
    {"amsgrad": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(settings) or "plain")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "graph"])
def test_the_fused_update_is_that_of_keras(settings, compiled):
    draw, ends = np.random.default_rng(0), []
    start, gradients = (draw.normal(size=size).astype("float32") for size in ((3, 2), (6, 3, 2)))
    for optimizer in (keras.optimizers.Adam(0.1, **settings), FusedAdam(0.1, **settings)):
        variables = [keras.Variable(start), keras.Variable(start[0])]
        optimizer.build(variables)
        apply = tf.function(lambda *pair: optimizer.apply(pair, variables)) if compiled else None  # noqa: B023
        for gradient in gradients:
            pair = tf.constant(gradient), tf.constant(gradient[0])
            apply(*pair) if compiled else optimizer.apply(pair, variables)
        ends.append([*map(np.array, variables), *map(np.array, optimizer.variables)])
    assert np.abs(ends[0][0] - start).max() > 0.1
    for expected, found in zip(*ends, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_sparse_gradient_is_clipped_by_the_norm_of_the_sums_of_its_rows():
    rows, dense = tf.constant([[3.0, 0.0], [-3.0, 0.0], [0.0, 4.0]]), tf.constant([[0.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    ends = []
    for gradient in (tf.IndexedSlices(rows, tf.constant([0, 0, 1]), tf.constant([3, 2])), dense):
        optimizer, variable = FusedAdam(0.1, epsilon=1.0, global_clipnorm=2.0), keras.Variable(np.ones((3, 2)))
        optimizer.build([variable])
        optimizer.apply([gradient], [variable])
        ends.append(np.array(variable))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)


def test_a_sparse_gradient_is_applied_as_keras_does():
    gradient = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1]), tf.constant([3, 2]))
    ends = []
    for optimizer in (keras.optimizers.Adam(0.1), FusedAdam(0.1)):
        variable = keras.Variable(np.ones((3, 2)))
        optimizer.build([variable])
        optimizer.apply([gradient], [variable])
        ends.append(np.array(variable))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-6)
    assert (ends[1][1] < 1).all() and (ends[1][[0, 2]] == 1).all()
