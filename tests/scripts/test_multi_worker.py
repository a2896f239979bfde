"""The demonstration with two workers in small: one is killed, and both end where an undisturbed training does."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "multi_worker.py"
TINY = "--num-layers 1 --d-model 16 --num-heads 2 --dff 32 --tokens-per-batch 160 --max-tokens 24 --warmup-steps 20 "
TINY += "--vocab-size 400 --epochs 2 --save-every-minutes 0.0001"


def demonstrate(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), "--run-dir", str(folder), *TINY.split(), *flags]
    return subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[1], check=False)


@pytest.fixture(scope="module")
def demonstrated(tiny_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    return folder, demonstrate(folder, "--data", str(tiny_corpus))


def test_a_killed_worker_leaves_no_trace(demonstrated):
    _, done = demonstrated
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SIGKILL for worker 1") == 1
    assert done.stdout.count("worker 1 has ended with exit code -9; started again") == 1
    assert "Largest difference of any weight: 0; the curves are equal." in done.stdout


def test_the_others_are_told_in_one_line_why_they_end(demonstrated):
    folder, _ = demonstrated
    assert "Error: Another worker is lost; what it said last" in (folder / "killed-worker-0.log").read_text()


@pytest.fixture
def multi_worker(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return importlib.import_module("multi_worker")


def test_only_a_process_that_runs_can_be_killed(multi_worker, tmp_path):
    over = multi_worker.Worker(0, [1], ["true"], tmp_path / "log")
    over.process.wait()
    assert not over.kill() and over.is_done()
    running = multi_worker.Worker(0, [1], ["sleep", "60"], tmp_path / "log")
    assert running.kill()


def test_a_training_that_is_over_before_anybody_is_killed_is_no_success(multi_worker, tmp_path, monkeypatch):
    monkeypatch.setattr(multi_worker.sys, "executable", "true")
    with pytest.raises(SystemExit, match="was over before a worker could be killed. Add --epochs."):
        multi_worker.train(tmp_path / "run", [], workers=2, kill=True)
    assert len(multi_worker.train(tmp_path / "run", [], workers=2, kill=False)) == 2
