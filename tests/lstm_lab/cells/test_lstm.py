"""One LSTM step and its variants, against other people's LSTMs and against each other."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_variants import VARIANTS
from lstm_lab.cells.lstm_weights import State, Weights, named, stacked, weight_shapes
from lstm_lab.config import WITHOUT_OUTPUT_PEEPHOLE
from transformer_tutorial.runtime.errors import UsageError

B, T, M, N = 2, 6, 3, 5


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng((seed, *shape)).normal(0, 0.5, shape))


def draw_weights(variant, units=N):
    return Weights(*(draw(*shape) if shape else () for shape in weight_shapes(variant, M, units)))


def draw_state(variant="V"):
    return State(draw(B, N, seed=1), draw(B, N, seed=2), draw(B, 3 * N) if variant == "FGR" else ())


def arrays(variant):
    return dict(named(variant, draw_weights(variant)))


def outputs_and_gradients(variant, parts, error_flow="full"):
    """Outputs (B, T, N) of named weights from a random state, and the gradients of their weighted sum, by name."""
    cell, weights = LSTMCell(variant, error_flow), stacked(variant, parts)
    run = sequence.forward(cell, weights, draw(B, T, M), draw_state(variant))
    gradients = sequence.backward(cell, weights, run, draw(B, T, N, seed=3))
    y, c, _ = gradients.initial
    return run.outputs, {**named(variant, gradients.weights), "x": gradients.x, "y0": y, "c0": c}


def assert_same(variant, parts, other, other_parts, shared, rtol=1e-12):
    """Two variants give the same outputs and, for the arrays in `shared`, the same gradients."""
    outputs, gradients = outputs_and_gradients(variant, parts)
    other_outputs, other_gradients = outputs_and_gradients(other, other_parts)
    np.testing.assert_allclose(outputs, other_outputs, rtol=rtol)
    for name in shared:
        np.testing.assert_allclose(gradients[name], other_gradients[name], rtol=rtol, atol=1e-15, err_msg=name)


def test_np_equals_keras_lstm_in_outputs_states_and_gradients():
    import keras

    weights, x, state = draw_weights("NP"), draw(B, T, M), draw_state()
    layer = keras.layers.LSTM(N, return_sequences=True, return_state=True, dtype="float64")
    layer.build((B, T, M))
    layer.set_weights([weights.W.numpy(), weights.R.numpy(), weights.b.numpy()])
    d_y, d_c = draw(B, T, N, seed=3), draw(B, N, seed=4)
    with tf.GradientTape() as tape:
        y, _, c = layer(x, initial_state=[state.y, state.c])
        loss = tf.reduce_sum(d_y * y) + tf.reduce_sum(d_c * c)
    run = sequence.forward(LSTMCell("NP"), weights, x, state)
    np.testing.assert_allclose(run.outputs, y, rtol=1e-12)
    np.testing.assert_allclose(run.final.c, c, rtol=1e-12)
    by_hand = sequence.backward(LSTMCell("NP"), weights, run, d_y, State(tf.zeros_like(d_c), d_c)).weights
    for got, want in zip(by_hand[:3], tape.gradient(loss, layer.trainable_weights), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_without_activations_np_equals_keras_lstm_with_linear_activation():
    """Both at once is no row of the table, but a cell is its row: NIAF and NOAF without peepholes, taken together."""
    import keras

    class Linear(LSTMCell):
        @property
        def row(self):
            niaf, noaf = VARIANTS["NIAF"], VARIANTS["NOAF"]
            return niaf._replace(output_activation=noaf.output_activation, peepholes=False)

    weights, x = draw_weights("NP"), draw(B, T, M)
    layer = keras.layers.LSTM(N, activation=None, return_sequences=True, dtype="float64")
    layer.build((B, T, M))
    layer.set_weights([weights.W.numpy(), weights.R.numpy(), weights.b.numpy()])
    run = sequence.forward(Linear("NP"), weights, x)
    np.testing.assert_allclose(run.outputs, layer(x), rtol=1e-12)


def peephole_kernel(weights, x, state):
    """TensorFlow's own LSTM with peepholes: outputs (B, T, N). In float32, blocks in the order i z f o.

    BlockLSTM and not BlockLSTMV2, whose gradient reads the blocks in the order of BlockLSTM.
    """
    i, f, o = tf.unstack(weights.p)
    result = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(T, tf.int64), x=tf.transpose(x, (1, 0, 2)), cs_prev=state.c, h_prev=state.y,
        w=in_kernel_order(tf.concat([weights.W, weights.R], axis=0)), wci=i, wcf=f, wco=o,
        b=in_kernel_order(weights.b), forget_bias=0.0, cell_clip=-1.0, use_peephole=True,
    )  # fmt: skip
    return tf.transpose(result.h, (1, 0, 2))


def in_kernel_order(stack):
    i, f, z, o = tf.split(stack, 4, axis=-1)
    return tf.concat([i, z, f, o], axis=-1)


def test_v_equals_the_peephole_kernel_of_tensorflow_in_outputs_and_gradients():
    weights, x, state = draw_weights("V"), draw(B, T, M), State(*draw_state()[:2])
    weights, x, state = tf.nest.map_structure(lambda part: tf.cast(part, tf.float32), (weights, x, state))
    d_y = tf.cast(draw(B, T, N, seed=3), tf.float32)
    with tf.device("CPU"), tf.GradientTape() as tape:
        tape.watch((weights, x, state))
        outputs = peephole_kernel(weights, x, state)
        loss = tf.reduce_sum(outputs * d_y)
    expected = tape.gradient(loss, sequence.Gradients(weights, x, state))
    run = sequence.forward(LSTMCell("V"), weights, x, state)
    np.testing.assert_allclose(run.outputs, outputs, atol=1e-6)
    by_hand = sequence.backward(LSTMCell("V"), weights, run, d_y)
    for got, want in zip(tf.nest.flatten(by_hand), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize(("variant", "gate"), [("NIG", "i"), ("NFG", "f"), ("NOG", "o")])
def test_v_with_a_gate_forced_open_is_the_variant_without_it(variant, gate):
    parts = arrays("V")
    forced = {name: tf.zeros_like(part) if name[1] == gate else part for name, part in parts.items()}
    forced[f"b{gate}"] += 40
    kept = {name: part for name, part in parts.items() if name[1] != gate}
    assert_same("V", forced, variant, kept, [*kept, "x", "y0", "c0"])


def test_v_with_peepholes_of_zero_is_np():
    parts = arrays("NP")
    zeros = {f"p{gate}": tf.zeros(N, tf.float64) for gate in "ifo"}
    assert_same("V", parts | zeros, "NP", parts, [*parts, "x", "y0", "c0"], rtol=1e-15)


def test_v_with_opposite_forget_weights_is_cifg():
    parts = arrays("CIFG")
    opposite = {name.replace("i", "f"): -part for name, part in parts.items() if name[1] == "i"}
    assert_same("V", parts | opposite, "CIFG", parts, ["Wz", "Ro", "po", "bz", "x", "y0", "c0"], rtol=1e-10)
    _, of_v = outputs_and_gradients("V", parts | opposite)
    _, of_cifg = outputs_and_gradients("CIFG", parts)
    for letter in "WRbp":
        difference = of_v[f"{letter}i"] - of_v[f"{letter}f"]
        np.testing.assert_allclose(of_cifg[f"{letter}i"], difference, rtol=1e-10, atol=1e-15)


def test_fgr_without_gate_recurrence_is_v():
    parts = arrays("V")
    zeros = {f"R{a}{b}": tf.zeros((N, N), tf.float64) for a in "ifo" for b in "ifo"}
    assert_same("FGR", parts | zeros, "V", parts, [*parts, "x", "y0", "c0"], rtol=1e-14)


@pytest.mark.parametrize(
    ("variants", "small", "large"),
    [
        (("V", "NIAF", "NOAF"), 195, 15584),
        (("NIG", "NFG", "NOG", "CIFG"), 145, 11680),
        (("NP",), 180, 15488),
        (("FGR",), 420, 24800),
    ],
)
def test_the_variants_have_as_many_parameters_as_the_formulas_say(variants, small, large):
    for variant in variants:
        counts = [
            sum(np.prod(shape) for shape in weight_shapes(variant, *size) if shape) for size in ((3, 5), (88, 32))
        ]
        assert counts == [small, large]


def test_with_po_prev_the_output_gate_sees_the_previous_cell():
    weights, x, state = draw_weights("V"), draw(B, M), draw_state()
    parts = named("V", weights)
    a = x @ parts["Wo"] + state.y @ parts["Ro"] + parts["bo"]
    old, new = (LSTMCell("V", po_prev=po_prev).forward(weights, x, state) for po_prev in (True, False))
    np.testing.assert_allclose(old.o, tf.sigmoid(a + parts["po"] * state.c), rtol=1e-14)
    np.testing.assert_allclose(new.o, tf.sigmoid(a + parts["po"] * new.state.c), rtol=1e-14)
    np.testing.assert_array_equal(old.state.c, new.state.c)


@pytest.mark.parametrize("variant", VARIANTS)
def test_po_prev_is_refused_exactly_where_there_is_no_output_peephole(variant):
    if "po" in named(variant, draw_weights(variant)):
        assert LSTMCell(variant, po_prev=True).row.po_prev
        assert variant not in WITHOUT_OUTPUT_PEEPHOLE
    else:
        assert variant in WITHOUT_OUTPUT_PEEPHOLE
        with pytest.raises(UsageError, match=f"variant {variant} has no output peephole, which po_prev is about"):
            LSTMCell(variant, po_prev=True)


def test_under_a_truncated_error_flow_the_cell_alone_carries_the_error():
    cell, weights, state = LSTMCell("V", "truncated"), draw_weights("V"), draw_state()
    step = cell.forward(weights, draw(B, M), state)
    d_c = draw(B, N, seed=5)
    gradients = cell.backward(weights, step, State(tf.zeros_like(d_c), d_c))
    np.testing.assert_array_equal(gradients.state.y, tf.zeros((B, N)))
    np.testing.assert_allclose(gradients.state.c, d_c * step.f)


def test_without_a_forget_gate_the_truncated_error_is_carried_unchanged():
    cell, weights, d_c = LSTMCell("NFG", "truncated"), draw_weights("NFG"), draw(B, N, seed=5)
    step = cell.forward(weights, draw(B, M), draw_state())
    np.testing.assert_array_equal(cell.backward(weights, step, State(tf.zeros_like(d_c), d_c)).state.c, d_c)


def test_the_error_flow_does_not_change_the_forward_pass():
    outputs = [outputs_and_gradients("V", arrays("V"), flow)[0] for flow in ("full", "no_peephole_error", "truncated")]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_a_sequence_in_float32_stays_near_float64():
    weights, x = draw_weights("V"), draw(B, T, M)
    exact = sequence.forward(LSTMCell("V"), weights, x).outputs
    narrow = tf.nest.map_structure(lambda part: tf.cast(part, tf.float32), (weights, x))
    got = sequence.forward(LSTMCell("V"), *narrow).outputs
    assert got.dtype == tf.float32
    np.testing.assert_allclose(got, exact, atol=1e-6)


def test_an_unknown_variant_or_error_flow_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="unknown variant 'CIF'. Did you mean CIFG"):
        LSTMCell("CIF")
    with pytest.raises(UsageError, match="unknown error flow 'ful'. Did you mean full"):
        LSTMCell("V", "ful")
