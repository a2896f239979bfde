"""Exact Jacobians of one step, and their products over time."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import jacobians, sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import State, Weights, weight_shapes
from lstm_lab.cells.simple_rnn import SimpleRNNCell
from lstm_lab.cells.simple_rnn import State as RNNState
from lstm_lab.cells.simple_rnn import Weights as RNNWeights
from transformer_tutorial.runtime.errors import UsageError

B, T, M, N = 2, 6, 3, 4
WITHOUT_FGR = ["V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG"]
FLOWS = ["full", "no_peephole_error", "truncated"]


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng((seed, *shape)).normal(0, 0.5, shape))


def lstm_weights(variant):
    return Weights(*(draw(*shape) if shape else () for shape in weight_shapes(variant, M, N)))


def lstm_run(variant, error_flow="full", batch=B, po_prev=False):
    """The cell, its weights, and a run of T steps from a state that is not zero."""
    cell, weights = LSTMCell(variant, error_flow, po_prev), lstm_weights(variant)
    gates = draw(batch, 3 * N) if variant == "FGR" else ()
    start = State(draw(batch, N, seed=1), draw(batch, N, seed=2), gates)
    return cell, weights, sequence.forward(cell, weights, draw(batch, T, M), start)


def by_tape(cell, weights, step):
    """d(c, y) / d(c₋, y₋) of a step, (B, 2N, 2N)."""
    previous = tf.concat([step.previous.c, step.previous.y], axis=1)
    with tf.GradientTape() as tape:
        tape.watch(previous)
        c, y = tf.split(previous, 2, axis=1)
        state = cell.forward(weights, step.x, State(y, c)).state
        new = tf.concat([state.c, state.y], axis=1)
    return tape.batch_jacobian(new, previous)


@pytest.mark.parametrize("error_flow", FLOWS)
@pytest.mark.parametrize("variant", WITHOUT_FGR)
def test_the_closed_form_equals_the_tape(variant, error_flow):
    cell, weights, run = lstm_run(variant, error_flow)
    got = jacobians.lstm_jacobian(cell, weights, run.steps[2])
    np.testing.assert_allclose(got, by_tape(cell, weights, run.steps[2]), atol=1e-15)


@pytest.mark.parametrize("error_flow", FLOWS)
@pytest.mark.parametrize("variant", ["V", "NIG", "NOAF", "CIFG"])
def test_the_closed_form_holds_where_the_output_gate_sees_the_previous_cell(variant, error_flow):
    cell, weights, run = lstm_run(variant, error_flow, po_prev=True)
    got = jacobians.lstm_jacobian(cell, weights, run.steps[2])
    np.testing.assert_allclose(got, by_tape(cell, weights, run.steps[2]), atol=1e-15)


@pytest.mark.parametrize("variant", WITHOUT_FGR)
def test_the_closed_form_equals_the_rows_of_the_backward_pass(variant):
    cell, weights, run = lstm_run(variant, batch=1)
    y_then_c = jacobians.jacobian_by_hand(cell, weights, run.steps[2])
    c_then_y = np.roll(y_then_c, N, axis=(0, 1))
    np.testing.assert_allclose(jacobians.lstm_jacobian(cell, weights, run.steps[2])[0], c_then_y, atol=1e-15)


def test_the_jacobian_of_full_gate_recurrence_is_5n_wide_and_equals_the_tape():
    cell, weights, run = lstm_run("FGR", batch=1)
    step = run.steps[2]
    previous = tf.concat(step.previous, axis=1)
    with tf.GradientTape() as tape:
        tape.watch(previous)
        state = cell.forward(weights, step.x, State(*tf.split(previous, (N, N, 3 * N), axis=1))).state
        new = tf.concat(state, axis=1)
    expected = tape.batch_jacobian(new, previous)[0]
    assert expected.shape == (5 * N, 5 * N)
    np.testing.assert_allclose(jacobians.jacobian_by_hand(cell, weights, step), expected, atol=1e-15)


def test_the_jacobian_of_the_simple_rnn_equals_its_backward_pass():
    weights = RNNWeights(draw(M, N), draw(N, N), draw(N))
    step = SimpleRNNCell().forward(weights, draw(1, M), RNNState(draw(1, N)))
    by_hand = jacobians.jacobian_by_hand(SimpleRNNCell(), weights, step)
    np.testing.assert_allclose(jacobians.rnn_jacobian(weights, step)[0], by_hand, atol=1e-16)


def all_jacobians(cell, weights, run):
    return [jacobians.lstm_jacobian(cell, weights, step) for step in run.steps]


@pytest.mark.parametrize("variant", WITHOUT_FGR)
def test_the_product_over_time_carries_a_gradient_back_to_the_start(variant):
    cell, weights, run = lstm_run(variant)
    d_y, d_c = draw(B, N, seed=3), draw(B, N, seed=4)
    zeros = tf.zeros((B, T, N), tf.float64)
    start = sequence.backward(cell, weights, run, zeros, State(d_y, d_c)).initial
    product = jacobians.products(all_jacobians(cell, weights, run))[T]
    carried = np.einsum("bij,bi->bj", product, np.concatenate([d_c, d_y], axis=1))
    np.testing.assert_allclose(carried, np.concatenate([start.c, start.y], axis=1), atol=1e-14)


def test_the_products_start_with_the_identity_and_put_the_latest_factor_leftmost():
    first, second = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [3.0, 1.0]])
    found = jacobians.products([first, second])
    np.testing.assert_array_equal(found, [np.eye(2), second, second @ first])


def test_no_product_of_the_simple_rnn_is_above_its_bound():
    for scale in (0.5, 1.0, 3.0):
        weights = RNNWeights(draw(M, N), scale * draw(N, N), draw(N))
        run = sequence.forward(SimpleRNNCell(), weights, draw(B, T, M))
        norms = np.linalg.norm(
            jacobians.products([jacobians.rnn_jacobian(weights, s) for s in run.steps]), 2, axis=(2, 3)
        )
        bound = jacobians.rnn_bound(weights, np.arange(T + 1))[:, None]
        assert (norms <= bound * (1 + 1e-12)).all()


def test_a_linear_rnn_at_rest_reaches_the_bound():
    W = np.diag([0.9, 0.5, 0.1, 0.3])
    weights = RNNWeights(draw(M, N), tf.constant(W), tf.zeros(N, tf.float64))
    run = sequence.forward(SimpleRNNCell(), weights, tf.zeros((1, T, M), tf.float64))
    product = jacobians.products([jacobians.rnn_jacobian(weights, s) for s in run.steps])[T, 0]
    np.testing.assert_allclose(np.linalg.norm(product, 2), jacobians.rnn_bound(weights, [T])[0])
    np.testing.assert_allclose(jacobians.rnn_bound(weights, [T])[0], 0.9**T)


def slopes(cell, weights, run):
    return [jacobians.output_slope(cell, weights, step).numpy() for step in run.steps]


def test_the_popular_form_is_exact_for_one_step():
    cell, weights, run = lstm_run("V")
    every, s = all_jacobians(cell, weights, run), slopes(cell, weights, run)
    np.testing.assert_array_equal(
        jacobians.popular_form(every[3], s[2]), jacobians.cell_derivative(jacobians.products(every[3:4])[1], s[2])
    )


def test_over_two_steps_the_popular_form_misses_the_way_through_the_output_gate():
    cell, weights, run = lstm_run("V")
    every, s = all_jacobians(cell, weights, run), slopes(cell, weights, run)
    exact = jacobians.cell_derivative(jacobians.products(every[2:4])[2], s[1])
    popular = jacobians.popular_form(every[3], s[2]) @ jacobians.popular_form(every[2], s[1])
    step = run.steps[2]
    through_gate = (step.squashed * step.o * (1 - step.o)).numpy()[:, :, None] * weights.R.numpy()[:, -N:].T
    missed = every[3][:, :N, N:] @ through_gate * s[1][:, None, :]
    np.testing.assert_allclose(exact - popular, missed, atol=1e-16)
    assert np.linalg.norm(missed) > 1e-3 * np.linalg.norm(exact)


@pytest.mark.parametrize(("variant", "error_flow"), [("NOG", "full"), ("V", "truncated")])
def test_without_that_way_the_popular_form_is_exact_over_any_number_of_steps(variant, error_flow):
    cell, weights, run = lstm_run(variant, error_flow)
    every, s = all_jacobians(cell, weights, run), slopes(cell, weights, run)
    exact = jacobians.cell_derivative(jacobians.products(every[1:])[-1], s[0])
    popular = np.linalg.multi_dot([jacobians.popular_form(every[t], s[t - 1])[0] for t in range(T - 1, 0, -1)])
    np.testing.assert_allclose(exact[0], popular, atol=1e-15)


def test_under_a_truncated_error_flow_the_derivative_of_the_cell_is_the_forget_gate():
    cell, weights, run = lstm_run("V", "truncated")
    jacobian = jacobians.lstm_jacobian(cell, weights, run.steps[2])
    np.testing.assert_array_equal(jacobian[:, :N, :N], tf.linalg.diag(run.steps[2].f))
    assert not jacobian[:, :, N:].any()


def test_a_jacobian_that_does_not_exist_in_this_form_is_refused():
    cell, weights, run = lstm_run("FGR")
    with pytest.raises(UsageError, match="variant FGR has a state of 5N, not 2N; use jacobian_by_hand"):
        jacobians.lstm_jacobian(cell, weights, run.steps[0])
    with pytest.raises(UsageError, match="jacobian_by_hand needs a batch of 1, got 2"):
        jacobians.jacobian_by_hand(cell, weights, run.steps[0])
