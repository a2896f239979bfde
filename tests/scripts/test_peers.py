"""The peers of the training benchmark have the shape of our model, and a PyTorch process that ends is noticed."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.learning.training import build_model
from transformer_tutorial.runtime.errors import Failure

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CONFIG = Config(num_layers=2, d_model=16, num_heads=4, dff=24)
SIZES = 11, 13


@pytest.fixture
def importable(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


def parameters() -> int:
    model = build_model(CONFIG, *SIZES)
    model.build(((None, None), (None, None)))
    return model.count_params()


def batch(random: np.random.Generator) -> tuple:
    """Targets that repeat the source."""
    source = random.integers(4, 11, (16, 6)).astype("int32")
    return (source, np.concatenate([np.full((16, 1), 2, "int32"), source[:, :-1]], axis=1)), source


def test_keras_hub_has_as_many_parameters_as_ours_and_padding_does_not_move_its_logits(importable):
    pytest.importorskip("keras_hub")
    from peers.keras_hub_model import build_keras_hub_model

    model = build_keras_hub_model(CONFIG, *SIZES)
    assert model.count_params() == parameters()
    (source, target), _ = batch(np.random.default_rng(0))
    padded = np.pad(source, ((0, 0), (0, 5))), np.pad(target, ((0, 0), (0, 3)))
    logits = np.asarray(model((source, target)))
    np.testing.assert_allclose(np.asarray(model(padded))[:, :6], logits, atol=1e-5)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_torch_has_our_parameters_and_two_more_norms_and_it_learns(importable, bfloat16):
    pytest.importorskip("torch")
    from peers.torch_transformer import Settings, Trainer

    shape = {"num_layers": 2, "d_model": 16, "num_heads": 4, "dff": 24, "dropout_rate": 0.0, "beta_2": 0.98}
    sizes = {"input_vocab_size": SIZES[0], "target_vocab_size": SIZES[1]}
    trainer = Trainer(Settings(**shape, **sizes, warmup_steps=40, bfloat16=bfloat16, threads=1))
    norms = 2 * 2 * CONFIG.d_model  # torch.nn.Transformer ends both stacks with a norm
    assert sum(weights.numel() for weights in trainer.model.parameters()) == parameters() + norms
    random = np.random.default_rng(0)
    tokens, seconds, cpu_seconds = trainer.train([batch(random) for _ in range(120)])
    assert tokens == 120 * 16 * 6
    assert seconds > 0 < cpu_seconds
    assert trainer.loss < 1.6 < np.log(7)  # of 7 different tokens


def test_torch_gives_padding_no_influence(importable):
    torch = pytest.importorskip("torch")
    from peers.torch_transformer import Settings, TorchTranslator

    shape = {"num_layers": 2, "d_model": 16, "num_heads": 4, "dff": 24, "dropout_rate": 0.0, "beta_2": 0.98}
    sizes = {"input_vocab_size": SIZES[0], "target_vocab_size": SIZES[1]}
    model = TorchTranslator(Settings(**shape, **sizes, warmup_steps=40, bfloat16=False, threads=1))
    (source, target), _ = batch(np.random.default_rng(0))
    padded = np.pad(source, ((0, 0), (0, 5))), np.pad(target, ((0, 0), (0, 3)))
    alone, among = (model(*(torch.from_numpy(ids).long() for ids in pair)) for pair in ((source, target), padded))
    np.testing.assert_allclose(among.detach()[:, :6], alone.detach(), atol=1e-5)


@pytest.mark.parametrize("reads", [0, 1])
def test_a_pytorch_process_that_ends_is_a_failure(importable, reads, tmp_path, monkeypatch):
    from peers import torch_worker

    program = tmp_path / "program.py"
    program.write_text(f"import pickle, sys\nfor _ in range({reads}): pickle.load(sys.stdin.buffer)\nsys.exit(3)\n")
    monkeypatch.setattr(torch_worker, "PROGRAM", program)
    large = [np.zeros(10**6)]  # more than a pipe holds: the write itself breaks
    message = "The PyTorch process ended with exit code 3; its own message is above. Leave it out with --sides"
    with pytest.raises(Failure, match=message), torch_worker.TorchWorker(CONFIG, *SIZES) as worker:
        worker.train(large)


def test_the_pytorch_process_stops_at_a_loss_that_is_no_number(importable):
    pytest.importorskip("torch")
    shape = {"num_layers": 1, "d_model": 16, "num_heads": 4, "dff": 24, "dropout_rate": 0.0, "beta_2": 0.98}
    settings = {**shape, "input_vocab_size": 11, "target_vocab_size": 13, "warmup_steps": 1e-9, "bfloat16": False}
    (source, target), labels = batch(np.random.default_rng(0))
    nothing = [((source, target), np.zeros_like(labels))]
    sent = pickle.dumps({**settings, "threads": 1}) + pickle.dumps(nothing)
    done = subprocess.run([sys.executable, SCRIPTS / "peers" / "torch_transformer.py"], input=sent, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == "RuntimeError: the loss is nan."
