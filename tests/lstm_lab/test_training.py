"""`python -m lstm_lab train`: on one device and on two, in one go and in two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from lstm_lab.cli import main
from lstm_lab.training import Remembering
from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.runtime.run_lock import hold_lock

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--steps", "4", "--units", "8", "--updates", "25", "--batch-size", "16", "--device", "cpu"]


def train(folder: Path, *flags: str) -> int:
    try:
        return main(["train", "--run-dir", str(folder), *SMALL, *flags])
    finally:
        keras.config.set_dtype_policy("float32")


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert train(folder, "--epochs", "4") == 0
    return folder


def test_a_cell_learns_to_remember(trained):
    records = metrics(trained)
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert records[-1]["val_loss"] < 0.1 and records[-1]["val_accuracy"] == 1.0
    assert {"config.json", "metrics.jsonl", "model.keras", "tensorboard", "checkpoints"} <= set(os.listdir(trained))


def test_the_stored_model_is_the_trained_one(trained):
    model = keras.saving.load_model(trained / "model.keras")
    x = np.zeros((2, 4, 1), "float32")
    x[:, 0, 0] = 1, -1
    np.testing.assert_array_equal(model.predict(x, verbose=0).argmax(axis=-1), [1, 0])
    assert int(model.optimizer.iterations.numpy()) == 100, "not compiled as it was"


def test_a_training_in_two_goes_is_the_training_in_one(trained, tmp_path, capsys):
    assert train(tmp_path / "run", "--epochs", "2") == 0
    assert train(tmp_path / "run", "--epochs", "4") == 0
    assert "Resuming from step 50 (epoch 3)." in capsys.readouterr().err
    assert metrics(tmp_path / "run") == metrics(trained)


def test_two_replicas_train_what_one_device_trains(trained, tmp_path):
    command = [sys.executable, "-m", "lstm_lab", "train", "--run-dir", str(tmp_path / "run"), *SMALL, "--epochs", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run([*command, "--replicas", "2"], capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stderr
    assert "Device: CPU, 2 replicas" in finished.stderr
    for one, two in zip(metrics(trained), metrics(tmp_path / "run"), strict=True):
        assert two == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize(
    "flags", [["--cell", "rnn"], ["--variant", "FGR", "--backward", "tape"], ["--precision", "mixed_float16"]]
)
def test_every_cell_backward_and_precision_trains(tmp_path, flags):
    assert train(tmp_path / "run", "--epochs", "1", *flags) == 0
    (record,) = metrics(tmp_path / "run")
    assert record["loss"] < 0.75


def test_another_training_and_another_folder_are_refused(trained, tmp_path, capsys):
    assert train(trained, "--epochs", "4", "--variant", "NP") == 2
    assert "holds another training: variant: 'V' -> 'NP'. Use the same flags" in capsys.readouterr().err
    (tmp_path / "letter.txt").write_text("mine")
    assert train(tmp_path) == 2
    assert "is not empty and not a run folder. Choose another --run-dir." in capsys.readouterr().err


def test_what_a_process_has_left_that_was_killed_while_it_made_the_folder_is_no_obstacle_and_goes(tmp_path):
    for name in ("lock", "tmp-1-config.json"):
        (tmp_path / name).write_text("{")
    assert train(tmp_path, "--epochs", "1") == 0
    assert set(os.listdir(tmp_path)) == {"config.json", "metrics.jsonl", "model.keras", "tensorboard", "checkpoints"}


def test_what_a_killed_process_has_left_in_a_run_goes_and_other_files_stay(tmp_path):
    assert train(tmp_path, "--epochs", "1") == 0
    for name in ("tmp-1-config.json", "tmp-1-metrics.jsonl", "tmp-1-model.keras", "tmp-my-letter.txt"):
        (tmp_path / name).write_text("{")
    assert train(tmp_path, "--epochs", "1") == 0
    assert [path.name for path in tmp_path.glob("tmp-*")] == ["tmp-my-letter.txt"]


def test_a_file_with_a_similar_name_is_not_taken_for_half_written(tmp_path, capsys):
    (tmp_path / "tmp-my-letter.txt").write_text("mine")
    assert train(tmp_path) == 2
    assert "is not empty and not a run folder" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["tmp-my-letter.txt"]


def test_a_folder_in_which_another_process_trains_is_refused_and_left_as_it_is(tmp_path, capsys):
    (tmp_path / "tmp-1-config.json").write_text("{")
    with hold_lock(tmp_path / "lock"):
        assert train(tmp_path) == 1
        assert f"{tmp_path} is in use by process {os.getpid()} on " in capsys.readouterr().err
        assert set(os.listdir(tmp_path)) == {"lock", "tmp-1-config.json"}


def test_others_are_kept_out_until_the_model_is_stored(tmp_path, monkeypatch):
    def save(model, beside):
        beside.write_text("")
        with pytest.raises(Failure, match="is in use by process"), hold_lock(tmp_path / "lock"):
            pass

    monkeypatch.setattr(Remembering, "save", save)
    assert train(tmp_path, "--epochs", "1") == 0
    assert (tmp_path / "model.keras").is_file() and not (tmp_path / "lock").exists()


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff"])
def test_a_damaged_config_is_one_clear_line(tmp_path, capsys, data):
    (tmp_path / "config.json").write_bytes(data)
    assert train(tmp_path) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"Error: {tmp_path / 'config.json'} is damaged. Restore it from a copy, or choose another --run-dir."


@pytest.mark.parametrize("what", ["is_file", "iterdir", "mkdir"])
def test_a_folder_that_cannot_be_made_or_read_is_one_clear_line(tmp_path, capsys, monkeypatch, what):
    does = getattr(Path, what)

    def refuse(path, *arguments, **how):
        if path == tmp_path:
            raise PermissionError(13, "Permission denied")
        return does(path, *arguments, **how)

    monkeypatch.setattr(Path, what, refuse)
    assert train(tmp_path) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"Error: {tmp_path} cannot be made or read: Permission denied. Choose another --run-dir."


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--variant", "CIFC"], "unknown variant 'CIFC'. Did you mean CIFG"),
        (["--cell", "rnn", "--variant", "NP"], "--variant names LSTM variants, got --cell rnn --variant NP"),
        (["--batch-size", "0"], "--batch-size must be 1 or more, got 0"),
        (["--learning-rate", "0"], "--learning-rate must be above 0, got 0.0"),
        (["--device", "gpu"], "--device gpu: TensorFlow sees no GPU"),
    ],
)
def test_wrong_flags_are_refused_in_one_line(tmp_path, capsys, flags, message):
    assert train(tmp_path / "run", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith(("Error: ", "Device")) and message in error
    assert "Traceback" not in error and "Error parsing" not in error
    assert not (tmp_path / "run").exists()


def test_another_backend_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert train(tmp_path / "run") == 2
    assert "The lab's layers are TensorFlow's, got KERAS_BACKEND=jax. Unset it." in capsys.readouterr().err
