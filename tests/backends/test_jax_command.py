"""`train` on JAX, and what it leaves behind used on TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.runtime.checkpoints import load_newest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = "--preset tutorial --tokenizer sentencepiece --no-lower-case --vocab-size 300 --max-tokens 24 --num-layers 1"
FLAGS += " --d-model 8 --num-heads 2 --dff 8 --epochs 2 --batching few_shapes --tokens-per-batch 128 --warmup-steps 20"
pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


def command(*arguments: str, backend: str) -> str:
    environment = {**os.environ, "KERAS_BACKEND": backend}
    call = [sys.executable, "-m", "transformer_tutorial", *arguments]
    done = subprocess.run(call, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runs(tiny_corpus, tmp_path_factory):
    """Run folders of the same training, by backend."""
    folder = tmp_path_factory.mktemp("runs")
    place = ["--data", str(tiny_corpus), "--data-dir", str(folder), "--dropout-rate", "0"]
    for name, devices in {"jax": "1", "tensorflow": "1", "jax-3": "3"}.items():
        flags = [*FLAGS.split(), *place, "--run-dir", str(folder / name), "--device", "cpu", "--replicas", devices]
        command("train", *flags, backend=name.partition("-")[0])
    return {path.name: RunFolder(path) for path in folder.iterdir() if (path / "config.json").is_file()}


def test_the_curve_on_jax_is_that_on_tensorflow(runs):
    names = ("loss", "val_loss", "learning_rate")
    curves = {
        backend: [[record[name] for name in names] for record in runs[backend].read_metrics()]
        for backend in ("jax", "tensorflow")
    }
    # The first weights are drawn by the backends' own generators, so the losses are only near each other.
    np.testing.assert_allclose(curves["jax"], curves["tensorflow"], rtol=0.2)
    assert [epoch[2] for epoch in curves["jax"]] == pytest.approx([epoch[2] for epoch in curves["tensorflow"]])
    assert [record["step"] for record in runs["jax"].read_metrics()] == [
        record["step"] for record in runs["tensorflow"].read_metrics()
    ]
    assert curves["jax"][1][0] < curves["jax"][0][0]


def test_three_devices_train_what_one_trains(runs):
    one, three = (np.array([r["loss"] for r in runs[name].read_metrics()]) for name in ("jax", "jax-3"))
    np.testing.assert_allclose(three, one, atol=1e-4)
    # Not the weights: Adam blows up the rounding in the gradients of the keys' biases, which have no influence.
    ids = np.array([[2, 5, 6, 7, 3]]), np.array([[2, 8, 9]])
    logits = (np.asarray(runs[name].load_model()[0](ids)) for name in ("jax", "jax-3"))
    np.testing.assert_allclose(*logits, atol=1e-3)


def test_what_jax_has_trained_translates_the_same_on_tensorflow(runs):
    found = {
        backend: command("translate", "o gato vê o cão", "a casa", "--run-dir", str(runs["jax"].path), backend=backend)
        for backend in ("jax", "tensorflow")
    }
    assert found["jax"] == found["tensorflow"] and len(found["jax"].splitlines()) == 2


def test_a_checkpoint_of_jax_is_as_whole_as_one_of_tensorflow(runs):
    arrays = {name: load_newest(runs[name].checkpoints).arrays for name in ("jax", "tensorflow")}
    trained = {backend: [a.shape for a in found.values() if a.dtype == "float32"] for backend, found in arrays.items()}
    assert trained["jax"] == trained["tensorflow"]
    assert json.loads((runs["jax"].path / "versions.json").read_text())["backend"] == "jax"


def test_devices_that_wait_for_each_other_do_not_wait_for_ever():
    """300 steps on 3 CPU devices and 2 cores; with XLA's own number of threads they hang."""
    environment = {key: value for key, value in os.environ.items() if key != "PJRT_NPROC"} | {"KERAS_BACKEND": "jax"}
    call = [sys.executable, str(Path(__file__).with_name("cpu_devices_program.py")), "3", "300"]
    done = subprocess.run(call, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "3 True\n"), done.stderr[-2000:]
