"""Checks of shapes and values."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab.shape import check_finite, check_shape
from transformer_tutorial.runtime.errors import UsageError


def test_a_wrong_shape_is_told_with_what_is_expected():
    with pytest.raises(UsageError, match=r"W must have the shape \(3, any\), got \(4, 5\)\."):
        check_shape("W", np.zeros((4, 5)), (3, None))


def test_nothing_at_all_is_told_as_nothing():
    with pytest.raises(UsageError, match=r"p must have the shape \(3, 5\), got nothing\."):
        check_shape("p", None, (3, 5))


def test_any_size_stands_for_every_size_but_not_for_every_rank():
    check_shape("W", tf.zeros((4, 5)), (None, 5))
    with pytest.raises(UsageError, match=r"got \(5\)"):
        check_shape("W", tf.zeros(5), (None, 5))


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "inf")])
def test_the_first_time_step_with_a_bad_value_is_named(value, word):
    x = np.zeros((2, 6, 3))
    x[0, 5, 0] = x[1, 3, 2] = value
    with pytest.raises(UsageError, match=rf"x holds {word} first at time step 4 of 6 \(sequence 1, feature 2"):
        check_finite("x", tf.constant(x))


def test_inside_a_tf_function_values_are_not_looked_at():
    @tf.function
    def traced(x):
        check_finite("x", x)
        return x

    assert np.isnan(traced(tf.constant([[[np.nan]]]))).all()
