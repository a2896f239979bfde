"""The cells as Keras layers: equal to Keras's own, trained by hand, at home wherever Keras's layers are."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import lstm_lab
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.config import VARIANTS
from lstm_lab.fast.fused_cells import FusedLSTM
from transformer_tutorial.runtime.errors import UsageError

ROOT = pathlib.Path(__file__).resolve().parents[2]
B, T, M, N = 4, 4, 3, 5
X = np.random.default_rng(0).normal(size=(B, T, M))
MASK = np.arange(T) < np.array([4, 2, 3, 1])[:, None]
LATE_MASK = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0]]) > 0
HOW = {"manual": {}, "unrolled": {"unroll": True}, "tape": {"backward": "tape"}}


def same(layer, keras_layer, shape=(B, T, M)):
    """Both layers built, with the Keras layer's weights in both."""
    layer.build(shape)
    keras_layer.build(shape)
    layer.set_weights([np.array(weight) + 0.1 for weight in keras_layer.get_weights()])
    keras_layer.set_weights(layer.get_weights())
    return layer, keras_layer


def assert_close(got, expected, **tolerance):
    def compare(a, b):
        np.testing.assert_allclose(a, b, **({"rtol": 1e-12, "atol": 1e-14} | tolerance))

    keras.tree.map_structure(compare, list(got) if isinstance(got, tuple) else got, expected)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_np_equals_keras_lstm_with_copied_weights(how, go_backwards, return_sequences):
    options = {"return_sequences": return_sequences, "return_state": True, "go_backwards": go_backwards}
    options["dtype"] = "float64"
    ours, theirs = same(lstm_lab.LSTM(N, "NP", **options, **HOW[how]), keras.layers.LSTM(N, **options))
    assert_close(list(ours(X, mask=MASK)), list(theirs(X, mask=MASK)))


def outputs_and_gradients(layer, x, start, mask):
    """What a layer returns from an initial state under a mask, and the gradients of a weighted sum of all of it."""
    with tf.GradientTape() as tape:
        tape.watch((x, start))
        returned = layer(x, initial_state=start, mask=mask)
        loss = sum(tf.reduce_sum(part * np.random.default_rng(0).normal(size=part.shape)) for part in returned)
    return [*returned, *tape.gradient(loss, [x, *start, *layer.trainable_weights])]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("options", [
    {"return_sequences": True}, {"return_sequences": False},
    {"return_sequences": True, "go_backwards": True}, {"return_sequences": True, "zero_output_for_mask": True},
], ids=lambda options: " ".join(name for name, on in options.items() if on) or "last output")  # fmt: skip
def test_from_an_initial_state_np_equals_keras_lstm_where_sequences_begin_or_are_wholly_masked(how, options):
    options = options | {"return_state": True, "dtype": "float64"}
    ours, theirs = same(lstm_lab.LSTM(N, "NP", **options, **HOW[how]), keras.layers.LSTM(N, **options))
    start = [tf.constant(np.random.default_rng(k).normal(size=(B, N))) for k in (1, 2)]
    data = tf.constant(X), start, tf.constant(LATE_MASK)
    assert_close(outputs_and_gradients(ours, *data), outputs_and_gradients(theirs, *data))


@pytest.mark.parametrize("how", HOW)
def test_the_simple_rnn_equals_keras_simple_rnn_with_copied_weights(how):
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    ours, theirs = same(lstm_lab.SimpleRNN(N, **options, **HOW[how]), keras.layers.SimpleRNN(N, **options))
    assert_close(list(ours(X, mask=MASK)), list(theirs(X, mask=MASK)))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_a_bidirectional_layer_equals_keras(how, merge_mode):
    ours = keras.layers.Bidirectional(lstm_lab.LSTM(N, "NP", return_sequences=True, **HOW[how]), merge_mode)
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(N, return_sequences=True), merge_mode)
    ours, theirs = same(ours, theirs)
    x, mask = X.astype("float32"), tf.constant(MASK)
    assert_close(ours(x, mask=mask), theirs(x, mask=mask), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", HOW)
def test_a_stateful_layer_goes_on_where_it_stopped(how):
    options = {"return_sequences": True, "dtype": "float64"}
    whole = lstm_lab.LSTM(N, "FGR", **options)
    parts = lstm_lab.LSTM(N, "FGR", stateful=True, **options, **HOW[how])
    whole.build((B, T, M))
    parts.build((B, 2, M))
    parts.set_weights(whole.get_weights())
    expected = whole(X)
    got = [parts(X[:, start : start + 2]) for start in range(0, T, 2)]
    assert_close(np.concatenate(got, axis=1), np.array(expected))
    parts.reset_state()
    assert_close(np.array(parts(X[:, :2])), np.array(expected[:, :2]))


def test_the_initial_state_is_used_and_the_final_one_returned():
    layer = lstm_lab.LSTM(N, "FGR", return_sequences=True, return_state=True, dtype="float64")
    whole = layer(X)
    first = layer(X[:, :3])
    second = layer(X[:, 3:], initial_state=list(first[1:]))
    assert [part.shape for part in whole[1:]] == [(B, N), (B, N), (B, 3 * N)]
    assert_close(np.array(second[0]), np.array(whole[0][:, 3:]))
    assert_close(list(second[1:]), list(whole[1:]))


def trained_weights(layer, **compiled):
    """The weights after ten steps of training on masked sequences, in float64, from the same start.

    Step by step in Python, or with keyword arguments by `fit` of a model compiled with them.
    """
    keras.utils.set_random_seed(0)
    layer.build((B, T, M))
    optimizer, x, target = keras.optimizers.Adam(0.01), tf.constant(X * MASK[:, :, None]), tf.constant(X[:, :1, 0])
    before = layer.get_weights()
    if compiled:
        masking = keras.layers.Masking(dtype="float64")
        model = keras.Sequential([keras.Input((T, M), dtype="float64"), masking, layer])
        model.compile(optimizer, keras.losses.MeanSquaredError(dtype="float64"), **compiled)
        model.fit(x, tf.repeat(target, N, axis=1), epochs=10, batch_size=B, verbose=0)
    else:
        for _ in range(10):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((layer(x, mask=MASK) - target) ** 2)
            optimizer.apply(tape.gradient(loss, layer.trainable_weights), layer.trainable_weights)
    after = layer.get_weights()
    assert all(np.any(old != new) for old, new in zip(before, after, strict=True))
    return after


@pytest.mark.parametrize("variant", VARIANTS)
def test_ten_steps_of_training_by_hand_give_the_weights_of_the_tape(variant):
    by_tape = trained_weights(lstm_lab.LSTM(N, variant, backward="tape", dtype="float64"))
    by_hand = trained_weights(lstm_lab.LSTM(N, variant, dtype="float64"))
    assert_close(by_hand, by_tape, rtol=0, atol=1e-10)


@pytest.mark.parametrize("make", [
    lambda **how: lstm_lab.SimpleRNN(N, dtype="float64", **how),
    lambda **how: lstm_lab.LSTM(N, "V", dtype="float64", **how),
    lambda **how: lstm_lab.LSTM(N, "FGR", error_flow="truncated", dtype="float64", **how),
    lambda **how: lstm_lab.LSTM(N, "V", po_prev=True, dtype="float64", **how),
], ids=["SimpleRNN", "V", "FGR truncated", "V po_prev"])  # fmt: skip
def test_both_loops_of_the_manual_backward_give_the_weights_of_the_tape(make):
    by_tape = trained_weights(make(backward="tape"))
    assert_close(trained_weights(make()), by_tape, rtol=0, atol=1e-10)
    assert_close(trained_weights(make(unroll=True)), by_tape, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("how", "by_cell", "by_twin"), [("manual", 0, T), ("unrolled", T, 0), ("tape", 0, 0)])
def test_only_the_manual_backward_calls_the_pass_written_by_hand(how, by_cell, by_twin, monkeypatch):
    calls = {LSTMCell: 0, FusedLSTM: 0}

    def count(owner, method):
        original = getattr(owner, method)

        def counted(*arguments):
            calls[owner] += 1
            return original(*arguments)

        monkeypatch.setattr(owner, method, counted)

    count(LSTMCell, "backward")
    count(FusedLSTM, "step_back")
    layer = lstm_lab.LSTM(N, dtype="float64", **HOW[how])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(X))
    tape.gradient(loss, layer.trainable_weights)
    assert calls == {LSTMCell: by_cell, FusedLSTM: by_twin}


@pytest.mark.parametrize("how", HOW)
def test_all_inputs_of_a_layer_get_their_gradient(how):
    layer = lstm_lab.LSTM(N, return_sequences=True, return_state=True, dtype="float64", **HOW[how])
    start = [tf.constant(np.random.default_rng(k).normal(size=(B, N))) for k in (1, 2)]
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch((x, start))
        y, _, c = layer(x, initial_state=start, mask=tf.constant(MASK))
        loss = tf.reduce_sum(y**2) + tf.reduce_sum(c**2)
    reference = lstm_lab.LSTM(N, return_sequences=True, return_state=True, dtype="float64", backward="tape")
    reference.build((B, T, M))
    reference.set_weights(layer.get_weights())
    with tf.GradientTape() as other:
        other.watch((x, start))
        y, _, c = reference(x, initial_state=start, mask=tf.constant(MASK))
        expected_loss = tf.reduce_sum(y**2) + tf.reduce_sum(c**2)
    assert_close(tape.gradient(loss, [x, *start]), other.gradient(expected_loss, [x, *start]))


@pytest.mark.parametrize("how", ["manual", "unrolled"])
def test_a_training_compiled_by_xla_gives_the_weights_of_an_eager_one(how):
    eager = trained_weights(lstm_lab.LSTM(N, dtype="float64", **HOW[how]), run_eagerly=True)
    compiled = trained_weights(lstm_lab.LSTM(N, dtype="float64", **HOW[how]), jit_compile=True)
    assert_close(compiled, eager, rtol=0, atol=1e-10)


@pytest.mark.parametrize("how", HOW)
def test_mixed_bfloat16_computes_in_bfloat16_and_trains_float32_weights(how):
    layer = lstm_lab.LSTM(N, dtype="mixed_bfloat16", **HOW[how])
    with tf.GradientTape() as tape:
        y = layer(X.astype("float32"))
        loss = tf.reduce_sum(tf.cast(y, tf.float32))
    assert y.dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    exact = lstm_lab.LSTM(N)
    exact.build((B, T, M))
    exact.set_weights(layer.get_weights())
    assert_close(np.array(tf.cast(y, tf.float32)), np.array(exact(X.astype("float32"))), atol=0.02)
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(loss, layer.trainable_weights))


@pytest.mark.parametrize("make", [
    lambda: lstm_lab.SimpleRNN(N, backward="tape", return_sequences=True, name="memory"),
    lambda: lstm_lab.LSTM(N, "CIFG", error_flow="truncated", unit_forget_bias=False, go_backwards=True, unroll=True),
    lambda: lstm_lab.LSTM(N, "FGR", po_prev=True, return_state=True, stateful=True, zero_output_for_mask=True),
], ids=["SimpleRNN", "LSTM", "stateful LSTM"])  # fmt: skip
def test_the_config_makes_the_same_layer_again(make):
    layer = make()
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.cell.formula == layer.cell.formula
    assert again.backward == layer.backward


def test_a_saved_model_is_the_same_after_loading(tmp_path):
    layers = [lstm_lab.LSTM(N, "FGR", return_sequences=True), keras.layers.Bidirectional(lstm_lab.SimpleRNN(4))]
    model = keras.Sequential([keras.Input((None, M)), *layers])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = X.astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_layer_takes_sequences_of_any_length():
    model = keras.Sequential([keras.Input((None, M)), lstm_lab.LSTM(N)])
    model.compile("sgd", "mse")
    for length in (2, 5):
        model.fit(X[:, :length], np.zeros((B, N)), verbose=0)
        assert model.predict(X[:, :length], verbose=0).shape == (B, N)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize(("lower", "upper"), [("manual", "unrolled"), ("manual", "tape"), ("tape", "manual")])
def test_layers_of_all_kinds_can_be_stacked(lower, upper, jit_compile):
    layers = [lstm_lab.LSTM(N, return_sequences=True, **HOW[lower]), lstm_lab.LSTM(N, **HOW[upper])]
    model = keras.Sequential([keras.Input((T, M)), *layers])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    before = model.get_weights()
    model.fit(X, np.ones((B, N)), verbose=0)
    assert all(np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True) if new.ndim == 2)


MIRRORED = """
import json
import keras, numpy as np, tensorflow as tf
import lstm_lab

cpu, two = tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
mirrored, alone = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), tf.distribute.get_strategy()
assert mirrored.num_replicas_in_sync == 2
random = np.random.default_rng(0)
x, target = random.normal(size=(8, 4, 3)), random.normal(size=(8, 5))
x[::3, 2:] = 0

def weights(strategy, make):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        inputs, masking = keras.Input((4, 3), dtype="float64"), keras.layers.Masking(dtype="float64")
        model = keras.Sequential([inputs, masking, make(dtype="float64")])
        model.compile(keras.optimizers.Adam(0.01), keras.losses.MeanSquaredError(dtype="float64"))
    before = model.get_weights()
    model.fit(x, target, epochs=3, batch_size=4, shuffle=False, verbose=0)
    return before, model.get_weights()

def distance(a, b):
    return [float(np.abs(old - new).max()) for old, new in zip(a, b)]

for name, make in {
    "manual": lambda **how: lstm_lab.LSTM(5, "FGR", **how),
    "unrolled": lambda **how: lstm_lab.LSTM(5, "V", unroll=True, **how),
    "tape": lambda **how: lstm_lab.LSTM(5, backward="tape", **how),
    "SimpleRNN": lambda **how: lstm_lab.SimpleRNN(5, **how),
}.items():
    (before, on_two), (_, on_one) = weights(mirrored, make), weights(alone, make)
    print(json.dumps([name, max(distance(on_two, on_one)), min(distance(before, on_two))]))
"""


@pytest.fixture(scope="module")
def mirrored_training():
    """By layer, how far training on two devices ends from training on one, and how far every weight moved.

    In a process of its own, because logical devices are set up before TensorFlow starts.
    """
    finished = subprocess.run([sys.executable, "-c", MIRRORED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return {name: numbers for name, *numbers in map(json.loads, finished.stdout.splitlines())}


@pytest.mark.parametrize("layer", ["manual", "unrolled", "tape", "SimpleRNN"])
def test_training_on_two_devices_gives_the_weights_of_training_on_one(mirrored_training, layer):
    difference, change = mirrored_training[layer]
    assert difference < 1e-10
    assert change > 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_symbolic_shape_is_the_real_one(variant):
    layer = lstm_lab.LSTM(N, variant, return_sequences=True, return_state=True)
    symbolic = layer.compute_output_shape((B, T, M))
    assert [tuple(part.shape) for part in layer(X)] == list(symbolic)


def test_the_forget_gates_bias_starts_at_one_unless_told_otherwise():
    layers = [lstm_lab.LSTM(N), lstm_lab.LSTM(N, "CIFG"), lstm_lab.LSTM(N, unit_forget_bias=False)]
    for layer in layers:
        layer.build((B, T, M))
    biases = [np.array(layer.cell.bias).reshape(-1, N)[:, 0].tolist() for layer in layers]
    assert biases == [[0, 1, 0, 0], [-1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lstm_lab.LSTM(N, "NPP"), "unknown variant 'NPP'. Did you mean NP"),
        (lambda: lstm_lab.LSTM(N, backward="by hand"), "unknown backward 'by hand'. Choose from: manual, tape"),
        (lambda: lstm_lab.SimpleRNN(N, backward="manul"), "unknown backward 'manul'. Did you mean manual"),
        (lambda: lstm_lab.LSTM(N, error_flow="cut"), "unknown error flow 'cut'"),
        (lambda: lstm_lab.LSTM(N, "NOG", po_prev=True), "variant NOG has no output peephole, which po_prev is about"),
        (lambda: lstm_lab.LSTM(0), "units must be a whole number of at least 1, got 0"),
        (lambda: lstm_lab.SimpleRNN(2.5), "units must be a whole number of at least 1, got 2.5"),
    ],
)
def test_what_cannot_be_a_layer_is_refused(make, text):
    with pytest.raises(UsageError, match=text):
        make()


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sequences": X[0]}, "expected ndim=3, found ndim=2"),
        ({"sequences": X, "initial_state": [np.zeros((B, N))]}, r"must have the widths \[5, 5, 15\], .*got 1 part"),
        (
            {"sequences": X, "initial_state": [np.zeros((B, width)) for width in (N, N, N)]},
            r"initial_state\[2\] must have the shape \(4, 15\), got \(4, 5\)",
        ),
        (
            {"sequences": X, "initial_state": [np.zeros((1, width)) for width in (N, N, 3 * N)]},
            r"initial_state\[0\] must have the shape \(4, 5\), got \(1, 5\)",
        ),
    ],
)
def test_inputs_and_states_that_do_not_fit_are_refused(how, arguments, text):
    layer = lstm_lab.LSTM(N, "FGR", **HOW[how])
    with pytest.raises(ValueError, match=text):
        layer(**arguments)
