"""`fit` is broken off at some step, by an exception in the place of a kill, and the same program runs again."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial import SafeCheckpoint
from transformer_tutorial.runtime import safe_checkpoint
from transformer_tutorial.runtime.checkpoints import load_newest, save_checkpoint
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.run_lock import hold_lock

ROOT = Path(__file__).resolve().parents[2]
ROWS, BATCH, EPOCHS = 40, 8, 4  # five batches an epoch
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(ROWS, 4)).astype("float32"), RANDOM.normal(size=(ROWS, 1)).astype("float32")


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Waiting for the disk after each step is what takes the time here, and is tested elsewhere."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    """Breaks off behind a step, counted over all epochs from 1, and counts those that were made."""

    def __init__(self, safe: SafeCheckpoint, step: int | None = None):
        super().__init__()
        self.safe, self.step, self.made = safe, step, []

    def on_train_begin(self, logs=None):
        self.last = self.safe.step

    def on_train_batch_end(self, batch, logs=None):
        if self.safe.step > self.last:  # not a replayed one
            self.made.append(self.safe.step)
            self.last = self.safe.step
            if self.safe.step == self.step:
                raise Killed


class Subclassed(keras.Model):
    """Without variables until its first step."""

    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.out = keras.layers.Dense(8), keras.layers.Dropout(0.3), keras.layers.Dense(1)

    def call(self, inputs, training=None):
        return self.out(self.drop(keras.ops.tanh(self.hidden(inputs)), training=training))


def functional() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dropout(0.3)(keras.layers.Dense(8, activation="tanh")(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def arrays() -> dict:
    return {"x": X, "y": Y, "batch_size": BATCH}


def shuffled_stream() -> dict:
    """Shuffled anew in each epoch, and nobody knows its length."""
    signature = (tf.TensorSpec((4,)), tf.TensorSpec((1,)))
    rows = tf.data.Dataset.from_generator(lambda: zip(X, Y, strict=True), output_signature=signature)
    return {"x": rows.shuffle(20, seed=3).batch(BATCH)}


def endless_stream() -> dict:
    rows = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=3).repeat().batch(BATCH)
    return {"x": rows, "steps_per_epoch": 5}


def train(folder, step=None, data=arrays, build=functional, callbacks=(), epochs=EPOCHS, compiled=None, **settings):
    """One run of the program; the model, its history, SafeCheckpoint and the steps that were made."""
    keras.utils.set_random_seed(0)
    model = build()
    how = {"run_eagerly": True} if compiled is None else compiled  # nothing is traced, which would take the time
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"], **how)
    safe = SafeCheckpoint(folder, **{"save_every_minutes": 0.0, **settings})
    kill = KillAt(safe, step)
    try:
        history = model.fit(
            **data(), epochs=epochs, validation_data=(X, Y), verbose=0, callbacks=[safe, kill, *callbacks]
        ).history
    except Killed:
        history = None
    return model, history, safe, kill.made


def values(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in [*model.variables, *model.optimizer.variables]]


def assert_same(one, other):
    for here, there in zip(values(one[0]), values(other[0]), strict=True):
        np.testing.assert_array_equal(here, there)
    assert one[1] == other[1]
    assert one[2].best == other[2].best


@pytest.mark.parametrize("step", [1, 5, 8, 20])
@pytest.mark.parametrize("data", [arrays, shuffled_stream, endless_stream])
def test_a_broken_off_fit_ends_as_an_unbroken_one_bit_by_bit(tmp_path, data, step):
    whole = train(tmp_path / "whole", data=data, monitor="val_loss")
    train(tmp_path / "broken", step, data=data, monitor="val_loss")
    again = train(tmp_path / "broken", data=data, monitor="val_loss")
    assert_same(whole, again)
    assert again[3] == list(range(step + 1, 21))


@pytest.mark.parametrize(
    "compiled", [{}, {"steps_per_execution": 2}, {"jit_compile": True}], ids=["graph", "two at once", "XLA"]
)
def test_it_does_not_matter_how_steps_are_executed(tmp_path, compiled):
    whole = train(tmp_path / "whole", compiled=compiled)
    train(tmp_path / "broken", 12, compiled=compiled)
    assert_same(whole, train(tmp_path / "broken", compiled=compiled))


def test_a_model_without_variables_until_its_first_step_is_resumed(tmp_path):
    whole = train(tmp_path / "whole", build=Subclassed)
    for step in (3, 10):
        train(tmp_path / "broken", step, build=Subclassed)
    assert_same(whole, train(tmp_path / "broken", build=Subclassed))


def test_only_what_was_saved_is_not_done_again(tmp_path):
    train(tmp_path, 9, save_every_minutes=60)
    assert train(tmp_path, save_every_minutes=60)[3] == list(range(6, 21)), "not from the end of the first epoch"


def test_other_callbacks_know_what_they_knew(tmp_path):
    def others():
        return [
            keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=10.0),
            keras.callbacks.ReduceLROnPlateau("val_loss", patience=0, min_delta=10.0, factor=0.5),
        ]

    whole = train(tmp_path / "whole", callbacks=others(), epochs=9)
    assert len(whole[1]["loss"]) == 3, "patience is not spent"
    for step in (7, 14):
        train(tmp_path / "broken", step, callbacks=others(), epochs=9)
    assert_same(whole, train(tmp_path / "broken", callbacks=others(), epochs=9))
    again = train(tmp_path / "broken", callbacks=others(), epochs=9)
    assert again[3] == []
    assert_same(whole, again)


def test_an_epoch_is_begun_at_once_without_reading_those_before(tmp_path):
    read = []

    def data():
        rows = tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)
        return {"x": rows.map(lambda x, y: (tf.py_function(lambda x: read.append(1) or x, [x], x.dtype), y))}

    def fixed():
        return {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)}

    whole = train(tmp_path / "whole", data=fixed)
    train(tmp_path / "broken", 13, data=fixed)

    def shaped():
        return {"x": data()["x"].map(lambda x, y: (tf.ensure_shape(x, (None, 4)), y))}

    again = train(tmp_path / "broken", data=shaped, replay_epochs=False)
    assert len(read) == 10, "not the epochs 3 and 4"
    for here, there in zip(values(whole[0]), values(again[0]), strict=True):
        np.testing.assert_array_equal(here, there)


def test_a_finished_fit_is_not_trained_again_and_has_its_weights(tmp_path, capsys):
    whole = train(tmp_path)
    again = train(tmp_path)
    assert again[3] == [] and "All epochs are done." in capsys.readouterr().err
    for here, there in zip(values(whole[0]), values(again[0]), strict=True):
        np.testing.assert_array_equal(here, there)
    assert train(tmp_path, epochs=EPOCHS + 1)[3] == list(range(21, 26)), "more epochs do not go on"


@pytest.mark.parametrize(
    ("monitor", "mode", "factor"), [("loss", "auto", 1), ("fake_accuracy", "auto", -1), ("loss", "max", -1)]
)
def test_the_best_epoch_survives_and_its_weights_come_back(tmp_path, monitor, mode, factor):
    keras.utils.set_random_seed(0)
    model = functional()
    model.compile("adam", "mse")
    for epoch, value in enumerate([3.0, 1.0, 2.0, 4.0, 2.0, 5.0]):
        if epoch in (0, 3):  # a new process
            safe = SafeCheckpoint(tmp_path, keep=2, monitor=monitor, mode=mode, replay_epochs=False)
            safe.set_model(model)
            safe.set_params({"epochs": 9})
            safe.on_train_begin()
        safe.on_epoch_begin(epoch)
        model.weights[0].assign(np.full((4, 8), float(epoch)))
        safe.on_train_batch_end(0, {"loss": value})
        safe.on_epoch_end(epoch, {monitor: factor * value})
    safe.on_train_end()
    kept = sorted(path.name for path in tmp_path.glob("ckpt-*"))
    assert safe.best == {"step": 2, "epoch": 2, "value": factor * 1.0}
    assert kept == ["ckpt-00000002", "ckpt-00000004", "ckpt-00000005"]
    assert safe.load_best().step == 2
    np.testing.assert_array_equal(model.weights[0], np.full((4, 8), 1.0))


def test_a_loss_that_is_not_finite_ends_fit_and_is_never_saved(tmp_path):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model.optimizer.iterations == 7:
                self.model.weights[0].assign(np.full((4, 8), np.nan))

    with pytest.raises(
        Failure, match=r"not finite at step 8 \(epoch 2, batch 3\)\. Nothing was saved since; .* lower rate"
    ):
        train(tmp_path, callbacks=[Poison()])
    newest = load_newest(tmp_path)
    assert newest.step == 7 and all(np.isfinite(array).all() for array in newest.arrays.values())


def test_weights_that_are_not_finite_are_never_saved_although_the_loss_is(tmp_path):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 7:
                self.model.optimizer.variables[-1].assign(np.full(1, np.inf))

    with pytest.raises(Failure, match=r"Values of .* are not finite at step \d"):
        train(tmp_path, callbacks=[Poison()])
    assert load_newest(tmp_path).step == 7


def test_a_damaged_checkpoint_is_left_aside_for_the_one_before(tmp_path, capsys):
    whole = train(tmp_path / "whole")
    train(tmp_path / "broken", 9)
    file = tmp_path / "broken" / "ckpt-00000009" / "arrays.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    again = train(tmp_path / "broken")
    assert again[3][0] == 9 and "is damaged and left aside" in capsys.readouterr().err
    assert_same(whole, again)


def test_a_model_in_pure_bfloat16_is_resumed(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    try:
        whole = train(tmp_path / "whole")
        train(tmp_path / "broken", 9)
        again = train(tmp_path / "broken")
    finally:
        keras.config.set_dtype_policy("float32")
    assert again[3][0] == 10 and {str(variable.dtype) for variable in again[0].weights} >= {"bfloat16"}
    assert_same(whole, again)


def test_a_constant_that_is_infinite_by_design_is_no_obstacle(tmp_path):
    class Hiding(keras.layers.Layer):
        def build(self, shape):
            self.add_weight(
                shape=(2,), initializer=keras.initializers.Constant(-np.inf), trainable=False, name="hidden"
            )

        def call(self, x):
            return x

    def build():
        inputs = keras.Input((4,))
        return keras.Model(inputs, keras.layers.Dense(1)(Hiding()(inputs)))

    train(tmp_path, build=build)
    assert load_newest(tmp_path).step == EPOCHS * ROWS // BATCH


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    save_checkpoint(tmp_path, 7, {"a": np.ones(2)}, {"epoch": 1, "batch": 0})
    with pytest.raises(Failure, match=r"ckpt-00000007 belongs to another training\. Train in another folder\."):
        train(tmp_path)


@pytest.mark.parametrize("moment", ["begin", "save"])
def test_after_its_own_failure_others_may_have_the_folder(tmp_path, monkeypatch, moment):
    def fail(*arguments, **settings):
        raise Failure("The disk is full.")

    monkeypatch.setattr(safe_checkpoint, {"begin": "try_disk", "save": "save_checkpoint"}[moment], fail)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Failure, match="The disk is full"):
        train(tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler
    with hold_lock(tmp_path / "lock"):
        pass


def test_a_second_process_is_refused_before_it_trains(tmp_path):
    with hold_lock(tmp_path / "lock"), pytest.raises(Failure, match="is in use by process .* choose another folder"):
        train(tmp_path)
    assert load_newest(tmp_path) is None


def test_after_an_error_the_same_process_can_go_on(tmp_path):
    train(tmp_path, 3)
    assert train(tmp_path)[3][0] == 4


def test_after_an_error_ctrl_c_does_what_it_did_before(tmp_path):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    train(tmp_path, 3)
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_finishes_the_step_saves_and_leaves(tmp_path, number, error):
    class Send(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(error) as left:
        train(tmp_path, callbacks=[Send()], save_every_minutes=60)
    assert load_newest(tmp_path).step == 3 and signal.getsignal(number) is before
    assert number != signal.SIGTERM or left.value.code == 143
    assert train(tmp_path, save_every_minutes=60)[3][0] == 4


def test_the_disk_is_tried_before_the_first_step(tmp_path, monkeypatch):
    def full(file, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(
        Failure, match="No checkpoint can be written to .*: No space left on device. Nothing was trained"
    ):
        train(tmp_path)


def test_another_model_and_other_data_are_refused(tmp_path):
    train(tmp_path, 8)
    with pytest.raises(Failure, match="ckpt-00000008 belongs to another model"):
        train(tmp_path, build=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    with pytest.raises(Failure, match=r"Epoch 2 has fewer batches than .* says it had\. Give `fit` the same data"):
        train(tmp_path, data=lambda: {"x": X[:16], "y": Y[:16], "batch_size": BATCH})


def test_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 2 checkpoints must be kept, .* got 1"):
        SafeCheckpoint(tmp_path, keep=1)
    with pytest.raises(UsageError, match="mode must be auto, min or max, got 'best'"):
        SafeCheckpoint(tmp_path, mode="best")
    with pytest.raises(UsageError, match="monitor must be one of loss, mae, val_loss, val_mae, got 'bleu'"):
        train(tmp_path / "a", monitor="bleu")
    safe = SafeCheckpoint(tmp_path, monitor="val_loss")
    safe._compare({"loss": 1.0})  # an epoch without validation
    assert safe.best is None
    train(tmp_path / "b", 5, build=Subclassed, save_every_minutes=60)
    train(tmp_path / "b", 6, build=Subclassed, save_every_minutes=60)
    with pytest.raises(UsageError, match="The model must be built before `fit`"):
        train(tmp_path / "b", build=Subclassed, replay_epochs=False)
    with pytest.raises(Failure, match="c has no checkpoint yet"):
        SafeCheckpoint(tmp_path / "c").load_best()


PROGRAM = """
import hashlib, json, os, signal, sys
import keras, numpy as np
from transformer_tutorial import SafeCheckpoint
keras.utils.set_random_seed(0)
x = np.random.normal(size=(40, 4)).astype("float32")
model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.3), keras.layers.Dense(4)])
model.compile("adam", "mse", metrics=["mae"])
safe = SafeCheckpoint(sys.argv[1], save_every_minutes=0.0, monitor="val_loss")
class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if safe.replay is None and safe.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
history = model.fit(x, x, batch_size=8, epochs=3, validation_data=(x, x), verbose=0, callbacks=[safe, Kill()]).history
weights = b"".join(np.asarray(variable).tobytes() for variable in model.variables)
print(json.dumps([history, safe.best, hashlib.sha256(weights).hexdigest()]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_process_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path, backend):
    if backend == "jax":
        pytest.importorskip("jax")

    def run(folder: str, step: int):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / folder), str(step)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    whole, *killed = run("whole", 0), run("killed", 3), run("killed", 10), run("killed", 0)
    assert [process.returncode for process in killed] == [-9, -9, 0], killed[-1].stderr
    assert re.search(r"Resuming from step 10 \(epoch 2, batch 5\)\.", killed[-1].stderr)
    assert json.loads(killed[-1].stdout) == json.loads(whole.stdout)
