"""The fast twin of the loop over time: equal to the readable one in every output and every gradient."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import jacobians, sequence
from lstm_lab.cells import simple_rnn
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_weights import State, Weights, weight_shapes
from lstm_lab.cells.simple_rnn import SimpleRNNCell
from lstm_lab.config import ERROR_FLOWS, VARIANTS, WITHOUT_OUTPUT_PEEPHOLE
from lstm_lab.fast import fused_sequence
from lstm_lab.fast.fused_cells import fused
from lstm_lab.gradcheck import check
from lstm_lab.problems import LSTMProblem, RNNProblem
from transformer_tutorial.runtime.errors import UsageError

B, T, M, N = 2, 7, 3, 5
MASK = tf.constant([[1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 0, 1, 1, 1]]) > 0
CELLS = [
    SimpleRNNCell(),
    *map(LSTMCell, VARIANTS),
    *(LSTMCell(variant, po_prev=True) for variant in VARIANTS if variant not in WITHOUT_OUTPUT_PEEPHOLE),
    *(LSTMCell(variant, flow) for variant in ("V", "NFG", "FGR") for flow in ERROR_FLOWS[1:]),
    LSTMCell("FGR", "truncated", po_prev=True),
]


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng((seed, *shape)).normal(0, 0.5, shape))


X, D_OUTPUTS = draw(B, T, M), draw(B, T, N, seed=2)


def weights_of(cell):
    if isinstance(cell, SimpleRNNCell):
        return simple_rnn.Weights(draw(M, N), draw(N, N), draw(N))
    return Weights(*(draw(*shape) if shape else () for shape in weight_shapes(cell.variant, M, N)))


def state_of(cell, seed):
    if isinstance(cell, SimpleRNNCell):
        return simple_rnn.State(draw(B, N, seed=seed))
    gates = draw(B, 3 * N, seed=seed) if cell.row.gate_recurrence else ()
    return State(draw(B, N, seed=seed), draw(B, N, seed=seed + 1), gates)


def results(loop, cell, weights, x=X, d_outputs=D_OUTPUTS, mask=None, initial=None, d_final=None):
    """Outputs, final state and all gradients."""
    run = loop.forward(cell, weights, x, initial, mask)
    return run.outputs, run.final, loop.backward(cell, weights, run, d_outputs, d_final)


def assert_close(got, expected, **tolerance):
    def compare(a, b):
        np.testing.assert_allclose(a, b, **({"rtol": 1e-12, "atol": 1e-14} | tolerance))

    tf.nest.map_structure(compare, got, expected)


def name(cell):
    return " ".join(map(str, dataclasses.astuple(cell))) or "SimpleRNN"


@pytest.mark.parametrize("mask", [None, MASK], ids=["unmasked", "masked"])
@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_both_loops_give_the_same_outputs_and_gradients(cell, mask):
    given = {"mask": mask, "initial": state_of(cell, 3), "d_final": state_of(cell, 5)}
    expected = results(sequence, cell, weights_of(cell), **given)
    assert_close(results(fused_sequence, cell, weights_of(cell), **given), expected)
    assert all(np.any(part) for part in tf.nest.flatten(expected[:2]))


@pytest.mark.parametrize("cell", [SimpleRNNCell(), LSTMCell("V"), LSTMCell("FGR")], ids=name)
def test_states_that_are_not_given_are_zeros(cell):
    weights = weights_of(cell)
    assert_close(results(fused_sequence, cell, weights), results(sequence, cell, weights))


@pytest.mark.parametrize("length", [1, 2])
def test_the_shortest_sequences_are_no_special_case(length):
    cell, weights = LSTMCell("V"), weights_of(LSTMCell("V"))
    given = {"x": X[:, :length], "d_outputs": D_OUTPUTS[:, :length], "initial": state_of(cell, 3)}
    assert_close(results(fused_sequence, cell, weights, **given), results(sequence, cell, weights, **given))


@pytest.mark.parametrize("problem", [
    RNNProblem(5, np.random.default_rng(0), unrolled=fused_sequence),
    LSTMProblem("V", 5, np.random.default_rng(0), unrolled=fused_sequence),
    LSTMProblem("FGR", 5, np.random.default_rng(0), po_prev=True, unrolled=fused_sequence),
], ids=["SimpleRNN", "V", "FGR po_prev"])  # fmt: skip
def test_the_fused_gradients_pass_the_gradient_check(problem):
    assert all(row.ok for row in check([problem]))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("cell", [SimpleRNNCell(), LSTMCell("V"), LSTMCell("FGR")], ids=name)
def test_one_traced_function_serves_every_batch_and_length(cell, jit_compile):
    weights, traces = weights_of(cell), []
    sizes = tf.TensorSpec((None, None, M), tf.float64), tf.TensorSpec((None, None, N), tf.float64)

    @tf.function(input_signature=[*sizes, tf.TensorSpec((None, None), tf.bool)], jit_compile=jit_compile)
    def traced(x, d_outputs, mask):
        traces.append(x.shape)
        return results(fused_sequence, cell, weights, x, d_outputs, mask)

    for batch, length in ((2, 7), (1, 4)):
        given = X[:batch, :length], D_OUTPUTS[:batch, :length], MASK[:batch, :length]
        assert_close(traced(*given), results(sequence, cell, weights, *given))
    assert len(traces) == 1


def test_the_graph_does_not_grow_with_the_length():
    cell, weights = LSTMCell("V"), weights_of(LSTMCell("V"))

    def size(length):
        function = tf.function(lambda x, d: results(fused_sequence, cell, weights, x, d))
        graph = function.get_concrete_function(draw(B, length, M), draw(B, length, N)).graph
        return len(graph.as_graph_def().node)

    assert size(50) == size(5)


@pytest.mark.parametrize("length", [T, None])
def test_the_length_that_is_known_while_tracing_is_known_of_outputs_and_gradients(length):
    cell, weights = LSTMCell("FGR"), weights_of(LSTMCell("FGR"))
    sizes = tf.TensorSpec((B, length, M), tf.float64), tf.TensorSpec((B, length, N), tf.float64)
    traced = tf.function(lambda x, d: results(fused_sequence, cell, weights, x, d)).get_concrete_function(*sizes)
    outputs, _, gradients = traced.structured_outputs
    assert outputs.shape.as_list() == [B, length, N]
    assert gradients.x.shape.as_list() == [B, length, M]


def test_padding_may_hold_anything_even_nan():
    cell, weights = LSTMCell("V"), weights_of(LSTMCell("V"))
    spoiled = tf.where(MASK[:, :, None], X, np.nan)
    got = results(fused_sequence, cell, weights, spoiled, mask=MASK)
    assert_close(got, results(sequence, cell, weights, mask=MASK))


def test_float32_stays_near_float64():
    cell, weights = LSTMCell("V"), weights_of(LSTMCell("V"))
    narrow = tf.nest.map_structure(lambda part: tf.cast(part, tf.float32), (weights, X, D_OUTPUTS))
    got = results(fused_sequence, cell, *narrow)
    assert got[0].dtype == tf.float32
    assert_close(got, results(sequence, cell, weights), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", [LSTMCell("V"), LSTMCell("CIFG"), LSTMCell("NOAF", po_prev=True)], ids=name)
def test_the_factors_are_the_diagonals_of_the_jacobian(cell):
    weights, initial = weights_of(cell), state_of(cell, 3)
    step = sequence.forward(cell, weights, X, initial).steps[0]
    run = fused_sequence.forward(cell, weights, X[:, :1], initial)
    previous = tf.nest.map_structure(lambda part: part[None], initial)
    factors = fused(cell, weights).factors(previous, run.states, run.kept)
    assert_close(factors.s[0], jacobians.output_slope(cell, weights, step))
    d_cc = jacobians.lstm_jacobian(cell, weights, step)[:, :N, :N]
    assert_close(tf.linalg.diag(factors.q[0]), d_cc)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": X[0]}, r"x must have the shape \(any, any, any\), got \(7, 3\)"),
        ({"mask": MASK[:, :3]}, r"mask must have the shape \(2, 7\), got \(2, 3\)"),
        ({"initial": State(draw(B, 4), draw(B, N))}, r"initial.y must have the shape \(2, 5\), got \(2, 4\)"),
        ({"d_outputs": draw(B, T, 4)}, r"d_outputs must have the shape \(2, 7, 5\), got \(2, 7, 4\)"),
        ({"d_final": State(draw(1, N), draw(B, N))}, r"d_final.y must have the shape \(2, 5\), got \(1, 5\)"),
        ({"x": tf.where(MASK[:, :, None], X, np.nan)}, "x holds nan first at time step 1 of 7"),
    ],
)
def test_what_does_not_fit_is_refused(change, text):
    cell = LSTMCell("V")
    with pytest.raises(UsageError, match=text):
        results(fused_sequence, cell, weights_of(cell), **change)


def test_a_cell_without_a_fused_backward_pass_is_refused():
    with pytest.raises(UsageError, match="str has no fused backward pass. Use lstm_lab.sequence."):
        fused("GRU", ())
