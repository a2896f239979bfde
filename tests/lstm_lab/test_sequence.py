"""A cell unrolled over time: sums over time, masks, states, truncated back-propagation."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import State as LSTMState
from lstm_lab.cells.lstm_weights import Weights as LSTMWeights
from lstm_lab.cells.lstm_weights import weight_shapes
from lstm_lab.cells.simple_rnn import SimpleRNNCell, State, Weights
from transformer_tutorial.runtime.errors import UsageError

B, T, M, N = 2, 7, 3, 5
RNN, LSTM = SimpleRNNCell(), LSTMCell("V")


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng((seed, *shape)).normal(0, 0.5, shape))


WEIGHTS = Weights(draw(M, N), draw(N, N), draw(N))
LSTM_WEIGHTS = LSTMWeights(*(draw(*shape) if shape else () for shape in weight_shapes("V", M, N)))
START, D_OUTPUTS, D_FINAL = State(draw(B, N, seed=1)), draw(B, T, N, seed=2), State(draw(B, N, seed=3))
X = draw(B, T, M)
MASK = tf.constant([[1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 0, 1, 1, 1]]) > 0


def assert_close(got, expected, rtol=1e-12):
    def compare(a, b):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)

    tf.nest.map_structure(compare, got, expected)


def test_the_gradient_of_each_time_step_equals_a_tape_over_a_copy_of_the_weights_for_each_step():
    copies = [tf.nest.map_structure(tf.identity, WEIGHTS) for _ in range(T)]
    with tf.GradientTape() as tape:
        tape.watch(copies)
        state, loss = START, 0.0
        for t in range(T):
            state = RNN.forward(copies[t], X[:, t], state).state
            loss += tf.reduce_sum(D_OUTPUTS[:, t] * state.h)
        loss += tf.reduce_sum(D_FINAL.h * state.h)
    expected = tape.gradient(loss, copies)
    run = sequence.forward(RNN, WEIGHTS, X, START)
    by_step = list(sequence.backward_by_step(RNN, WEIGHTS, run, D_OUTPUTS, D_FINAL))
    assert_close([step.weights for step in reversed(by_step)], expected)
    assert_close(sequence.backward(RNN, WEIGHTS, run, D_OUTPUTS, D_FINAL).weights, sequence.add(*expected))


def test_the_outputs_are_the_states_one_after_the_other():
    run = sequence.forward(RNN, WEIGHTS, X, START)
    assert run.outputs.shape == (B, T, N)
    assert_close(run.outputs[:, -1], run.final.h)
    assert_close(run.outputs[:, 2], run.steps[2].state.h)


def test_without_a_state_the_sequence_starts_from_zeros():
    zeros = LSTMState(tf.zeros((B, N), tf.float64), tf.zeros((B, N), tf.float64))
    given = sequence.forward(LSTM, LSTM_WEIGHTS, X, zeros)
    assert_close(sequence.forward(LSTM, LSTM_WEIGHTS, X).outputs, given.outputs)


def test_a_sequence_in_two_parts_equals_the_sequence_in_one():
    whole = sequence.forward(LSTM, LSTM_WEIGHTS, X)
    first = sequence.forward(LSTM, LSTM_WEIGHTS, X[:, :3])
    second = sequence.forward(LSTM, LSTM_WEIGHTS, X[:, 3:], first.final)
    assert_close(tf.concat([first.outputs, second.outputs], axis=1), whole.outputs)
    back_second = sequence.backward(LSTM, LSTM_WEIGHTS, second, D_OUTPUTS[:, 3:])
    back_first = sequence.backward(LSTM, LSTM_WEIGHTS, first, D_OUTPUTS[:, :3], back_second.initial)
    expected = sequence.backward(LSTM, LSTM_WEIGHTS, whole, D_OUTPUTS)
    assert_close(sequence.add(back_first.weights, back_second.weights), expected.weights)
    assert_close(back_first.initial, expected.initial)


def test_a_masked_step_repeats_the_state():
    run = sequence.forward(RNN, WEIGHTS, X, START, MASK)
    assert_close(run.outputs[0, 5], run.outputs[0, 4])
    assert_close(run.outputs[0, 6], run.outputs[0, 4])
    assert_close(run.outputs[1, 0], START.h[1])


def test_a_padded_sequence_ends_in_the_state_of_the_sequence_without_padding():
    padded = sequence.forward(LSTM, LSTM_WEIGHTS, X, mask=MASK).final
    alone = sequence.forward(LSTM, LSTM_WEIGHTS, X[:1, :5]).final
    assert_close(tf.nest.map_structure(lambda part: part[:1], padded), alone)


def test_masks_and_states_agree_with_keras_lstm():
    import keras

    layer = keras.layers.LSTM(N, return_sequences=True, return_state=True, dtype="float64")
    layer.build((B, T, M))
    weights = LSTM_WEIGHTS._replace(p=())
    layer.set_weights([weights.W.numpy(), weights.R.numpy(), weights.b.numpy()])
    y, _, c = layer(X, mask=MASK)
    run = sequence.forward(LSTMCell("NP"), weights, X, mask=MASK)
    assert_close(run.outputs, y)
    assert_close(run.final.c, c)


def test_padding_may_hold_anything_even_nan():
    spoiled = tf.where(MASK[:, :, None], X, np.nan)
    clean = sequence.forward(LSTM, LSTM_WEIGHTS, X, mask=MASK)
    run = sequence.forward(LSTM, LSTM_WEIGHTS, spoiled, mask=MASK)
    assert_close(run.outputs, clean.outputs)
    got = sequence.backward(LSTM, LSTM_WEIGHTS, run, D_OUTPUTS)
    assert_close(got, sequence.backward(LSTM, LSTM_WEIGHTS, clean, D_OUTPUTS))


def test_padding_gets_no_gradient():
    run = sequence.forward(RNN, WEIGHTS, X, START, MASK)
    d_x = sequence.backward(RNN, WEIGHTS, run, D_OUTPUTS).x.numpy()
    assert not d_x[~MASK.numpy()].any()
    assert d_x[MASK.numpy()].any(axis=-1).all()


def test_a_tf_function_gives_the_same_gradients():
    @tf.function
    def traced(weights, x):
        run = sequence.forward(LSTM, weights, x)
        return sequence.backward(LSTM, weights, run, D_OUTPUTS)

    run = sequence.forward(LSTM, LSTM_WEIGHTS, X)
    assert_close(traced(LSTM_WEIGHTS, X), sequence.backward(LSTM, LSTM_WEIGHTS, run, D_OUTPUTS))


def truncated_by_tape(k1, k2):
    """Truncated BPTT by its definition: a tape for each block, its state cut off k2 steps before the block's end."""
    sources = sequence.Gradients(WEIGHTS, X, START)
    total = tf.nest.map_structure(tf.zeros_like, sources)
    states = [START, *(step.state for step in sequence.forward(RNN, WEIGHTS, X, START).steps)]
    for block in range(0, T, k1):
        end = min(block + k1, T)
        start = max(0, end - k2)
        with tf.GradientTape() as tape:
            tape.watch(sources)
            state, loss = states[start], 0.0
            for t in range(start, end):
                state = RNN.forward(WEIGHTS, X[:, t], state).state
                loss += tf.reduce_sum(D_OUTPUTS[:, t] * state.h) if t >= block else 0.0
        total = sequence.add(total, tape.gradient(loss, sources, unconnected_gradients="zero"))
    return total


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 2), (2, 5), (3, 4), (4, 4), (5, 20), (7, 7)])
def test_truncated_bptt_equals_its_definition_on_the_tape(k1, k2):
    run = sequence.forward(RNN, WEIGHTS, X, START)
    got = sequence.truncated_backward(RNN, WEIGHTS, run, D_OUTPUTS, k1, k2)
    assert_close(got, truncated_by_tape(k1, k2))


@pytest.mark.parametrize("k1", [1, 2, 3, 7])
@pytest.mark.parametrize("mask", [None, MASK], ids=["unmasked", "masked"])
def test_truncated_bptt_over_the_whole_sequence_is_bptt(k1, mask):
    run = sequence.forward(LSTM, LSTM_WEIGHTS, X, mask=mask)
    got = sequence.truncated_backward(LSTM, LSTM_WEIGHTS, run, D_OUTPUTS, k1, T)
    assert_close(got, sequence.backward(LSTM, LSTM_WEIGHTS, run, D_OUTPUTS))


def test_with_k1_equal_to_k2_the_gradient_stops_at_every_block():
    run = sequence.forward(RNN, WEIGHTS, X[:, :6], START)
    d_last = tf.concat([tf.zeros((B, 5, N), tf.float64), D_OUTPUTS[:, 5:6]], axis=1)
    d_x = sequence.truncated_backward(RNN, WEIGHTS, run, d_last, 3, 3).x.numpy()
    assert not d_x[:, :3].any()
    assert d_x[:, 3:].any(axis=(0, 2)).all()


def test_truncation_changes_the_gradient():
    run = sequence.forward(RNN, WEIGHTS, X, START)
    full = sequence.backward(RNN, WEIGHTS, run, D_OUTPUTS).weights.W
    short = sequence.truncated_backward(RNN, WEIGHTS, run, D_OUTPUTS, 2, 3).weights.W
    assert np.linalg.norm(full - short) > 0.01 * np.linalg.norm(full)


@pytest.mark.parametrize(("k1", "k2"), [(3, 2), (0, 2), (-1, -1)])
def test_k2_below_k1_is_refused(k1, k2):
    run = sequence.forward(RNN, WEIGHTS, X, START)
    with pytest.raises(UsageError, match=f"truncated BPTT needs 1 <= k1 <= k2, got k1={k1}, k2={k2}"):
        sequence.truncated_backward(RNN, WEIGHTS, run, D_OUTPUTS, k1, k2)


def backward_with(**change):
    run = sequence.forward(RNN, WEIGHTS, X, START)
    return sequence.backward(RNN, WEIGHTS, run, **({"d_outputs": D_OUTPUTS} | change))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: sequence.forward(RNN, WEIGHTS, X[0]), r"x must have the shape \(any, any, any\), got \(7, 3\)"),
        (
            lambda: sequence.forward(RNN, WEIGHTS, X, State(draw(B, 4))),
            r"initial.h must have the shape \(2, 5\), got \(2, 4\)",
        ),
        (
            lambda: sequence.forward(LSTM, LSTM_WEIGHTS, X, START),
            r"initial.y must have the shape \(2, 5\), got nothing",
        ),
        (
            lambda: sequence.forward(RNN, WEIGHTS, X, mask=MASK[:, :3]),
            r"mask must have the shape \(2, 7\), got \(2, 3\)",
        ),
        (
            lambda: backward_with(d_outputs=draw(B, T, 4)),
            r"d_outputs must have the shape \(2, 7, 5\), got \(2, 7, 4\)",
        ),
        (lambda: backward_with(d_final=State(draw(1, N))), r"d_final.h must have the shape \(2, 5\), got \(1, 5\)"),
        (
            lambda: sequence.truncated_backward(
                RNN, WEIGHTS, sequence.forward(RNN, WEIGHTS, X), D_OUTPUTS[:, 1:], 1, 2
            ),
            r"d_outputs must have the shape \(2, 7, 5\), got \(2, 6, 5\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(make, text):
    with pytest.raises(UsageError, match=text):
        make()


def test_nan_in_the_data_is_refused_with_its_time_step():
    spoiled = X.numpy()
    spoiled[1, 3, 2] = np.nan
    with pytest.raises(UsageError, match=r"x holds nan first at time step 4 of 7 \(sequence 1, feature 2"):
        sequence.forward(RNN, WEIGHTS, tf.constant(spoiled))
