"""Gradient clipping, and the cliff of the one-unit RNN with its exact values."""

import keras
import numpy as np
import pytest

from lstm_lab import clipping, oracle
from lstm_lab.clipping import CLIPPINGS, clipnorm, clipvalue, global_clipnorm, global_norm
from transformer_tutorial.runtime.errors import UsageError

GRADIENTS = [np.array([[3.0, -4.0]]), np.array([12.0])]


def cosine(a, b):
    a, b = (np.concatenate([np.ravel(part) for part in parts]) for parts in (a, b))
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_the_global_norm_is_that_of_all_gradients_together():
    assert global_norm(GRADIENTS) == 13


def test_clipping_by_global_norm_keeps_the_direction():
    clipped = global_clipnorm(GRADIENTS, 1.0)
    assert global_norm(clipped) == pytest.approx(1)
    assert cosine(clipped, GRADIENTS) == pytest.approx(1)


def test_clipping_by_norm_is_for_each_variable_alone_and_changes_the_direction():
    clipped = clipnorm(GRADIENTS, 6.0)
    np.testing.assert_array_equal(clipped[0], GRADIENTS[0])
    np.testing.assert_array_equal(clipped[1], [6.0])
    assert cosine(clipped, GRADIENTS) < 0.96


def test_clipping_by_value_is_for_each_entry_alone():
    np.testing.assert_array_equal(clipvalue(GRADIENTS, 3.5)[0], [[3.0, -3.5]])


@pytest.mark.parametrize("name", CLIPPINGS)
def test_short_gradients_are_left_alone(name):
    for got, given in zip(CLIPPINGS[name](GRADIENTS, 20.0), GRADIENTS, strict=True):
        np.testing.assert_array_equal(got, given)


@pytest.mark.parametrize("name", CLIPPINGS)
def test_the_names_mean_what_they_mean_in_keras(name):
    variables = [keras.Variable(np.zeros_like(gradient), dtype="float64") for gradient in GRADIENTS]
    optimizer = keras.optimizers.SGD(1.0, **{name: 2.5})
    optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in GRADIENTS], variables)
    for variable, clipped in zip(variables, CLIPPINGS[name](GRADIENTS, 2.5), strict=True):
        np.testing.assert_allclose(-variable.numpy(), clipped, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_one_bad_entry_spoils_all_gradients_under_the_global_norm(bad):
    clipped = global_clipnorm([np.array([1.0]), np.array([bad])], 1.0)
    assert all(np.isnan(gradient).all() for gradient in clipped)


@pytest.mark.parametrize("name", CLIPPINGS)
@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_that_is_not_above_zero_is_refused(name, threshold):
    with pytest.raises(UsageError, match="a clipping threshold must be above 0, got"):
        CLIPPINGS[name](GRADIENTS, threshold)


@pytest.mark.parametrize("w", [4.1, 5.0])
def test_the_gradient_of_the_one_unit_rnn_equals_the_complex_step(w):
    b, steps = -2.4, 12

    def loss(parameters):
        x = np.full(len(parameters), clipping.START + 0j)
        for _ in range(steps):
            x = parameters[:, 0] * oracle.sigmoid(x) + parameters[:, 1]
        return (oracle.sigmoid(x) - clipping.TARGET) ** 2

    gradient = clipping.loss_and_gradient(w, b, steps)[1:]
    np.testing.assert_allclose(gradient, oracle.complex_step(loss, np.array([w, b])), rtol=1e-12)


@pytest.mark.parametrize(
    ("w", "b", "factor", "norms"),
    [
        (4.1, -2.052083, 0.963515, (0.365241, 0.790785, 0.993140)),
        (4.5, -2.301067, 1.057517, (0.559274, 3.24910, 11.4804)),
        (5.0, -2.612297, 1.175019, (0.985293, 30.7290, 779.398)),
        (6.0, -3.234756, 1.410022, (3.14764, 3138.35, 3.02855e6)),
    ],
)
def test_the_gradient_on_the_cliff_has_the_exact_values(w, b, factor, norms):
    assert clipping.cliff_line(w) == pytest.approx(b, abs=1e-6)
    assert clipping.cliff_factor(w) == pytest.approx(factor, abs=1e-6)
    for steps, norm in zip((10, 30, 50), norms, strict=True):
        assert clipping.cliff_gradient_norm(w, steps) == pytest.approx(norm, rel=1e-5)
        by_hand = np.hypot(*clipping.loss_and_gradient(w, clipping.cliff_line(w), steps)[1:])
        assert by_hand == pytest.approx(norm, rel=1e-5)


@pytest.mark.parametrize(("w", "below", "above"), [(5.0, 0.344, 0.012), (6.0, 0.423, 0.038)])
def test_the_loss_jumps_across_the_cliff(w, below, above):
    b = clipping.cliff_line(w)
    assert clipping.loss_and_gradient(w, b - 0.01)[0] == pytest.approx(below, abs=1e-3)
    assert clipping.loss_and_gradient(w, b + 0.01)[0] == pytest.approx(above, abs=1e-3)


def test_far_from_the_cliff_no_warning_is_raised():
    with np.errstate(all="raise"):
        assert clipping.loss_and_gradient(6.0, -1000.0)[0] == pytest.approx(0.49)


def test_no_steps_at_all_are_refused():
    with pytest.raises(UsageError, match="steps must be at least 1, got 0"):
        clipping.loss_and_gradient(5.0, -2.0, 0)
