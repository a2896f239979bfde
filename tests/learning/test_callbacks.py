import contextlib
import os
import signal
import threading

import keras
import numpy as np
import pytest

from transformer_tutorial.learning import callbacks
from transformer_tutorial.learning.callbacks import (
    KeepCheckpoints,
    Position,
    StopAtNaN,
)
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.checkpoints import load_newest
from transformer_tutorial.runtime.errors import Failure

LOGS = {"loss": 2.0, "accuracy": 0.25, "val_loss": 3.0, "val_accuracy": 0.125, "tokens": 100.0}
BATCHES = 4  # of an epoch


def make_model(units: int = 3) -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dropout(0.5, seed=1)])
    model.compile(optimizer="adam", loss="mse")
    model.build((None, 2))
    model.optimizer.build(model.trainable_variables)
    return model


class Stage:
    """A model, a run folder and the callbacks around them; a test plays the part of `fit`."""

    def __init__(self, folder, save_every_minutes: float = 60.0):
        self.run, self.model, self.position = RunFolder(folder), make_model(), Position()
        self.position.batches = BATCHES
        self.stop_at_nan = StopAtNaN(self.run, self.position, lambda epoch, batch: f"Of epoch {epoch}, batch {batch}.")
        self.keep = KeepCheckpoints(self.run, self.position, self.stop_at_nan, save_every_minutes)
        for callback in (self.stop_at_nan, self.keep):
            callback.set_model(self.model)

    def step(self, loss: float = 2.0):
        self.model.optimizer.iterations.assign_add(1)
        self.position.on_train_batch_begin(0)
        for callback in (self.position, self.stop_at_nan, self.keep):
            callback.on_train_batch_end(0, {"loss": loss})

    def end_epoch(self):
        for callback in (self.stop_at_nan, self.keep):
            callback.on_epoch_end(self.position.epoch, LOGS)

    def poison(self):
        self.model.weights[0].assign(np.full((2, 3), np.nan))

    def saved(self) -> list[int]:
        return sorted(int(path.name[5:]) for path in self.run.checkpoints.glob("ckpt-*"))


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    stage.keep.on_train_begin()
    yield stage
    stage.keep.interrupts.restore()


@pytest.fixture
def eager_stage(tmp_path):
    """One that saves after each step."""
    stage = Stage(tmp_path, save_every_minutes=0.0)
    stage.keep.on_train_begin()
    yield stage
    stage.keep.interrupts.restore()


def test_the_position_counts_batches_and_seconds(monkeypatch):
    clock = iter((10.0, 10.5, 20.0, 21.0))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(clock))
    position = Position(epoch=1, batch=3, seconds=2.0)
    for _ in range(2):
        position.on_train_batch_begin(0)
        position.on_train_batch_end(0)
    assert (position.epoch, position.batch, position.seconds) == (1, 5, 3.5)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_training_before_anything_is_saved(eager_stage, loss):
    eager_stage.step()
    message = r"The loss is not finite at step 2 \(epoch 1, batch 2\)\. Of epoch 0, batch 1\. "
    message += r"Nothing .* last good checkpoint is in .* --warmup-steps"
    with pytest.raises(Failure, match=message):
        eager_stage.step(loss)
    assert eager_stage.saved() == [1]


def test_arrays_that_are_not_finite_are_never_saved_although_the_loss_is(eager_stage):
    eager_stage.step()
    eager_stage.poison()
    with pytest.raises(Failure, match=r"Values of .*kernel are not finite at step 2 \(epoch 1, batch 2\)"):
        eager_stage.step()
    assert eager_stage.saved() == [1]


def test_arrays_that_are_not_finite_end_training_at_the_end_of_an_epoch(stage):
    stage.stop_at_nan.on_epoch_end(0, LOGS)
    stage.poison()
    with pytest.raises(Failure, match="Values of .*kernel are not finite"):
        stage.stop_at_nan.on_epoch_end(0, LOGS)


def test_a_checkpoint_is_due_after_some_minutes(stage, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    stage.keep.on_train_begin()
    for now[0], expected in ((3599.0, []), (3601.0, [2]), (3602.0, [2])):
        stage.step()
        assert stage.saved() == expected


def test_the_end_of_an_epoch_is_saved_as_the_beginning_of_the_next(stage):
    for _ in range(BATCHES):
        stage.step()
    assert stage.saved() == []
    stage.end_epoch()
    assert load_newest(stage.run.checkpoints).state == {"epoch": 1, "batch": 0, "seconds": 0.0, "best": None}


def test_no_checkpoint_has_all_batches_of_its_epoch_done(eager_stage):
    """A run resumed from there would have no step left."""
    for _ in range(BATCHES):
        eager_stage.step()
    assert eager_stage.saved() == [1, 2, 3]
    assert load_newest(eager_stage.run.checkpoints).state["batch"] == 3


@pytest.mark.parametrize(
    ("number", "error", "code"), [(signal.SIGTERM, SystemExit, 143), (signal.SIGINT, KeyboardInterrupt, None)]
)
def test_a_signal_finishes_the_step_saves_and_leaves(stage, capfd, number, error, code):
    stage.step()
    os.kill(os.getpid(), number)
    assert stage.saved() == []
    with pytest.raises(error) as left:
        stage.step()
    assert stage.saved() == [2] and getattr(left.value, "code", None) == code
    text = capfd.readouterr().err
    assert "Finishing the step and saving; once more to leave at once." in text
    assert f"Saved in {stage.run.path}. The same command goes on from here." in text


def test_a_signal_in_the_last_step_leaves_at_the_end_of_the_epoch(stage):
    for _ in range(BATCHES - 1):
        stage.step()
    os.kill(os.getpid(), signal.SIGTERM)
    stage.step()
    assert stage.saved() == []
    with pytest.raises(SystemExit):
        stage.end_epoch()
    assert load_newest(stage.run.checkpoints).state == {"epoch": 1, "batch": 0, "seconds": 0.0, "best": None}


def test_a_second_signal_leaves_at_once(stage):
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert stage.saved() == []


def test_signals_do_after_training_what_they_did_before(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    keep = Stage(tmp_path).keep
    keep.on_train_begin()
    assert signal.getsignal(signal.SIGINT) != before[0] and signal.getsignal(signal.SIGTERM) != before[1]
    keep.on_train_end()
    keep.interrupts.restore()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_signals_stay_as_they_are(tmp_path):
    before, errors = signal.getsignal(signal.SIGINT), []
    keep = Stage(tmp_path).keep

    def train():
        with contextlib.suppress(BaseException):
            keep.on_train_begin()
            keep.on_train_end()
            return
        errors.append("raised")

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not errors and signal.getsignal(signal.SIGINT) is before


def test_the_metrics_of_a_resumed_epoch_are_put_back_once(stage):
    values = [np.full(variable.shape, 7.0) for variable in stage.model.metrics_variables]
    assert values
    for variable, value in zip(stage.model.metrics_variables, values, strict=True):
        variable.assign(value)
    stage.keep.keep_metrics()
    for expected in (7.0, 0.0):
        stage.model.reset_metrics()
        stage.keep.on_epoch_begin(0)
        assert {float(np.asarray(variable)) for variable in stage.model.metrics_variables} == {expected}
