"""The soak test in small: three kills; and whether it would notice a difference."""

import importlib.util
import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from transformer_tutorial.runtime.checkpoints import load_newest, save_checkpoint

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "soak.py"
TINY = {
    "num-layers": 1,
    "d-model": 16,
    "num-heads": 2,
    "dff": 32,
    "tokens-per-batch": 160,
    "max-tokens": 24,
    "warmup-steps": 20,
    "vocab-size": 400,
    "epochs": 3,
    "save-every-minutes": 0.0001,
}


def load_script():
    spec = importlib.util.spec_from_file_location("soak", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


soak = load_script()


@pytest.fixture(scope="module")
def soaked(tiny_corpus, tmp_path_factory):
    """The folder of three kills and what was printed."""
    folder = tmp_path_factory.mktemp("soak")
    flags = [text for name, value in TINY.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(SCRIPT), "--kills", "3", "--folder", str(folder), "--json", "--"]
    finished = subprocess.run(
        [*command, "--data", str(tiny_corpus), *flags],
        capture_output=True,
        text=True,
        cwd=SCRIPT.parents[1],
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder, finished.stdout


def test_three_kills_leave_no_trace(soaked):
    table, result = soaked[1].splitlines()[:-1], json.loads(soaked[1].splitlines()[-1])
    assert result["equal"] and result["kills"] == 3 and "ends equal bit by bit     yes" in table
    assert result["moments"] == {"starting": 1, "training": 1, "writing": 1}
    assert result["rounds"][0]["resumed"] >= 1 and sum(one["damaged"] for one in result["rounds"]) == 0


def another(soaked, tmp_path) -> tuple[Path, Path]:
    """The unbroken run and a copy of it."""
    shutil.copytree(soaked[0] / "straight", tmp_path / "copy")
    return soaked[0] / "straight", tmp_path / "copy"


def test_two_equal_runs_have_no_differences(soaked, tmp_path):
    assert soak.differences(*another(soaked, tmp_path)) == []


def test_one_bit_in_one_array_is_noticed(soaked, tmp_path):
    straight, copy = another(soaked, tmp_path)
    newest = load_newest(copy / "checkpoints")
    name, array = next((name, array) for name, array in newest.arrays.items() if array.size > 3)
    changed = array.copy()
    changed.view(np.uint8).reshape(-1)[5] ^= 1
    save_checkpoint(copy / "checkpoints", newest.step, {**newest.arrays, name: changed}, newest.state)
    assert soak.differences(straight, copy) == [f"array {name}"]


def test_another_state_other_metrics_and_another_model_are_noticed(soaked, tmp_path):
    straight, copy = another(soaked, tmp_path)
    newest = load_newest(copy / "checkpoints")
    save_checkpoint(copy / "checkpoints", newest.step + 1, newest.arrays, newest.state)
    lines = (copy / "metrics.jsonl").read_text()
    (copy / "metrics.jsonl").write_text(lines.replace('"epoch": 2', '"epoch": 7'))
    with zipfile.ZipFile(copy / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", soak.model_weights(straight)[:-1] + b"?")
    found = soak.differences(straight, copy)
    assert found[0].startswith(f"state: {newest.step} ") and found[1:] == ["weights of model.keras", "metrics.jsonl"]


def test_a_run_without_a_checkpoint_is_no_equal_one(tmp_path):
    assert soak.differences(tmp_path, tmp_path) == ["a run has no checkpoint"]


def test_a_training_that_ends_before_its_kill_is_not_counted(tmp_path):
    training = soak.Training(tmp_path, "run", [])
    training.command = [sys.executable, "-c", "pass"]
    assert soak.kill_once(training, "writing", random.Random(0), 1, 1.0) is None


def test_a_training_that_fails_is_an_error_with_its_last_words(tmp_path):
    training = soak.Training(tmp_path, "run", [])
    training.command = [sys.executable, "-c", "raise SystemExit('no such corpus')"]
    with pytest.raises(SystemExit, match="the training failed:\nno such corpus"):
        training.finish()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(SystemExit, match=r"is not empty\. Choose another --folder"):
        soak.main(soak.Options(folder=tmp_path), [])
