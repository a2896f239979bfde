"""Two and three real processes on this machine train as one device does, and only the chief writes."""

import json
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from distribution.conftest import ROOT, python, result
from distribution.test_replicas import flat
from distribution.test_upstream import REMOVE
from transformer_tutorial.runtime.checkpoints import load_newest


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def task_configs(count: int) -> list[str]:
    """TF_CONFIG of each of `count` workers on this machine."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    tasks = ({"type": "worker", "index": index} for index in range(count))
    return [json.dumps({"cluster": {"worker": addresses}, "task": task}) for task in tasks]


def run(count: int, what: str, folders: list) -> list[dict]:
    """What each of `count` workers prints."""
    assert len(folders) == count
    return run_workers("worker_program.py", [[what, str(folder)] for folder in folders])


def run_workers(program: str, arguments: list[list[str]]) -> list[dict]:
    """What each worker prints, one for each list of arguments; with one there is no cluster."""
    configs = task_configs(len(arguments)) if len(arguments) > 1 else [""]
    processes = [python(program, *own, TF_CONFIG=config) for own, config in zip(arguments, configs, strict=True)]
    try:
        return [result(process) for process in processes]
    finally:
        for process in processes:
            process.kill()


def files(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_plain_fit_still_fails_with_two_workers(tmp_path):
    for errors in run(2, "plain", [tmp_path, tmp_path]):
        assert errors["Model"] is not None, f"{REMOVE}: _maybe_symbolic_build."
        assert errors["Built"] is not None, f"{REMOVE}: _results (keras#20585)."


def test_a_model_of_ones_own_fits_with_three_workers_and_the_chief_alone_writes(tmp_path):
    folders = [tmp_path / name for name in ("one", "a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    (one,) = run(1, "own", folders[:1])
    for several in run(3, "own", folders[1:]):
        np.testing.assert_allclose(flat(several["weights"]), flat(one["weights"]), atol=1e-6)
        for name, values in one["history"].items():
            np.testing.assert_allclose(several["history"][name], values, rtol=1e-5, err_msg=name)
    assert files(folders[1]) == {"best.keras", "log.csv", "tensorboard"}
    assert files(folders[2]) == files(folders[3]) == set()


def test_a_fit_of_ones_own_with_two_workers_goes_on_where_it_was_broken_off(tmp_path):
    """Workers save at every eighth step at most, and at the ends of epochs: here three steps each."""
    folders = [tmp_path / name for name in ("one", "a", "b")]
    for folder in folders:
        folder.mkdir()
    (one,) = run(1, "safe", folders[:1])
    assert run(2, "broken", folders[1:]) == [{"broken": True}] * 2
    assert load_newest(folders[1] / "safe").step == 3
    for again in run(2, "safe", folders[1:]):
        np.testing.assert_allclose(flat(again["weights"]), flat(one["weights"]), atol=1e-6)
        np.testing.assert_allclose(again["history"]["loss"], one["history"]["loss"], rtol=1e-5)
    assert files(folders[1]) == {"safe"} and files(folders[2]) == set()


@pytest.fixture(scope="module")
def trained(tiny_corpus, tmp_path_factory):
    """Folders of a training by one process, and of one by the chief and by the other of two workers."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "chief", "other")]
    for folder in folders:
        shutil.copytree(tiny_corpus, folder / "corpus")
    (one,) = run(1, "train", folders[:1])
    assert one["chief"] and one["said"] == {"chief": True}
    return folders, run(2, "train", folders[1:])


def test_two_workers_end_with_the_same_weights(trained):
    _, (chief, other) = trained
    assert chief["digest"] == other["digest"] and (chief["chief"], other["chief"]) == (True, False)
    assert chief["said"] == other["said"] == {"chief": True}


def test_two_workers_train_what_one_process_trains(trained):
    (one, chief, _), _ = trained
    records = [
        [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
        for folder in (one, chief)
    ]
    for expected, found in zip(*records, strict=True):
        for name in ("epoch", "step", "target_tokens"):
            assert found[name] == expected[name]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert found[name] == pytest.approx(expected[name], abs=1e-5)
    expected, found = (load_newest(folder / "run/checkpoints") for folder in (one, chief))
    assert list(expected.arrays) == list(found.arrays) and expected.step == found.step


def test_only_the_chief_has_a_run_folder(trained):
    (one, chief, other), _ = trained
    assert files(chief / "run") == files(one / "run") >= {"model.keras", "metrics.jsonl", "tensorboard", "checkpoints"}
    assert files(other) == {"corpus", "cache"}


@pytest.mark.parametrize(
    ("module", "chief_says"),
    [
        ("lstm_lab", "run is not empty and not a run folder. Choose another --run-dir."),
        ("transformer_tutorial", "run is not empty and not a run folder. Choose another --run-dir."),
        ("transformer_tutorial", "en.train: no pair with text on both sides, of 0 read."),
    ],
)
def test_where_the_chief_refuses_the_others_say_in_one_line_that_it_is_lost(tiny_corpus, tmp_path, module, chief_says):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/letter.txt").write_text("mine")
    corpus = shutil.copytree(tiny_corpus, tmp_path / "corpus")
    if "no pair" in chief_says:
        for language in ("pt", "en"):
            (corpus / f"{language}.train").write_text("")
    flags = ["--run-dir", tmp_path / "run", "--device", "cpu"]
    if module == "transformer_tutorial":
        flags += ["--data", corpus, "--data-dir", tmp_path / "data", "--vocab-size", "400"]
    ends = [end(process) for process in [start(module, *map(str, flags), TF_CONFIG=one) for one in task_configs(2)]]
    (chief_code, chief), (other_code, other) = ends
    assert (chief_code, other_code) == (2, 1) and chief.startswith("Error: ") and chief.endswith(chief_says)
    assert other.startswith("Error: Another worker is lost; what it said last tells why.")


def start(module: str, *flags: str, **environment: str) -> subprocess.Popen:
    """A `train` command with nothing on stderr but what our own code prints there."""
    command = [sys.executable, "-m", module, "train", *flags]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen) -> tuple[int, str]:
    """The exit code and the last line of stderr, which has no traceback."""
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors, errors
    return process.returncode, errors.splitlines()[-1]
