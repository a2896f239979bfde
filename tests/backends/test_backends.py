"""The same numbers on JAX as on TensorFlow, from the same file."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tiny_transformer import tiny_transformer

HERE = Path(__file__).resolve().parent
pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """What each backend computes from one file; the last one with its batches split over two devices."""
    folder = tmp_path_factory.mktemp("backends")
    model, draw = tiny_transformer(dropout_rate=0.0, norm="pre", num_layers=2), np.random.default_rng(1)
    model.set_weights([draw.normal(0, 0.5, w.shape) if w.ndim == 2 else w for w in model.get_weights()])
    model.save(folder / "model.keras")
    found = {}
    for name, backend, devices in (("tensorflow", "tensorflow", 1), ("jax", "jax", 1), ("jax, 2 devices", "jax", 2)):
        files = folder / "model.keras", folder / f"{name}.npz", folder / f"{name}.keras"
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(HERE.parents[1])}
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
        environment["PJRT_NPROC"] = "8"  # with fewer threads than two a device, devices can wait for ever
        command = [sys.executable, str(HERE / "numbers_of.py"), *map(str, files), str(devices)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[name] = dict(np.load(files[1])), files[2]
    return found


@pytest.mark.parametrize("other", ["jax", "jax, 2 devices"])
@pytest.mark.parametrize("name", ["logits", "rates", "greedy scores", "beam scores", "losses", "accuracies", "weights"])
def test_other_backends_give_the_numbers_of_tensorflow(numbers, name, other):
    expected, found = numbers["tensorflow"][0][name], numbers[other][0][name]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("other", ["jax", "jax, 2 devices"])
@pytest.mark.parametrize("name", ["greedy ids", "beam ids"])
def test_other_backends_translate_as_tensorflow_does(numbers, name, other):
    expected, found = numbers["tensorflow"][0][name], numbers[other][0][name]
    assert len({tuple(row) for row in expected.tolist()}) > 3
    np.testing.assert_array_equal(found, expected)


def test_training_has_moved_the_weights(numbers):
    losses = numbers["tensorflow"][0]["losses"]
    assert len(losses) == 6 and losses[-1] < losses[0]


def test_what_jax_has_stored_is_read_here(numbers):
    found, file = numbers["jax"]
    weights = keras.saving.load_model(file).get_weights()
    np.testing.assert_array_equal(np.concatenate([np.ravel(weight) for weight in weights]), found["weights"])
