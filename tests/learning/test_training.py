"""A tiny model on a tiny corpus: a training that is broken off and resumed ends where an unbroken one does."""

import dataclasses
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import prepare
from transformer_tutorial.learning import training
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.feed import make_batches_for
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.samples import Samples
from transformer_tutorial.learning.selection import best_epoch
from transformer_tutorial.learning.training import train
from transformer_tutorial.runtime.checkpoints import load_newest
from transformer_tutorial.runtime.errors import Failure, UsageError

CONFIG = Config(
    tokenizer="sentencepiece",
    lower_case=False,
    vocab_size=400,
    max_tokens=24,
    num_layers=1,
    d_model=16,
    num_heads=2,
    dff=32,
    epochs=2,
    tokens_per_batch=160,
    warmup_steps=20,
)


@pytest.fixture(scope="module")
def prepared(tiny_corpus, tmp_path_factory):
    return prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def straight(prepared, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    train(CONFIG, prepared, folder)
    return folder


@pytest.fixture(scope="module")
def batches(prepared):
    """Number of batches of an epoch."""
    return len(make_batches_for(CONFIG, prepared.train, CONFIG.seed).plan(0))


class CrashError(Exception):
    """Stands for a process that is killed: nothing is saved after it."""


def disturb(monkeypatch, epoch: int, batch: int, disturbance) -> None:
    """Calls `disturbance(trainer)` when `batch` batches of `epoch` are done, and leaves out the examples."""

    class Disturbed(Position):
        def on_train_batch_end(self, number, logs=None):
            super().on_train_batch_end(number, logs)
            if (self.epoch, self.batch) == (epoch, batch):
                disturbance(self.model)

    monkeypatch.setattr(training, "Position", Disturbed)
    monkeypatch.setattr(Samples, "examples", lambda self: [])


def send(number):
    return lambda trainer: os.kill(os.getpid(), number)


def crash(trainer):
    raise CrashError


def assert_same_end(straight, resumed):
    expected, found = (load_newest(folder / "checkpoints") for folder in (straight, resumed))
    assert (found.step, found.state) == (expected.step, expected.state)
    # By place: Keras numbers the names of the models of one process.
    for (name, array), other in zip(expected.arrays.items(), found.arrays.values(), strict=True):
        np.testing.assert_array_equal(other, array, err_msg=name)
    measured = ("seconds", "target_tokens_per_second", "peak_memory_mb")
    lines = [
        [
            {key: value for key, value in record.items() if key not in measured}
            for record in RunFolder(folder).read_metrics()
        ]
        for folder in (straight, resumed)
    ]
    assert lines[0] == lines[1] and [record["epoch"] for record in lines[0]] == [1, 2]


def test_float16_goes_together_with_the_moving_average_and_the_log_of_gradients(prepared, tmp_path):
    config = dataclasses.replace(CONFIG, precision="mixed_float16", ema=0.9, log_gradients=True)
    try:
        model = train(config, prepared, tmp_path / "run")
    finally:
        keras.config.set_dtype_policy("float32")
    first, second = RunFolder(tmp_path / "run").read_metrics()
    assert second["loss"] < first["loss"] and 0 < second["gradient_norm"] < 100
    stored = keras.saving.load_model(tmp_path / "run" / "model.keras").trainable_weights
    kept = zip(stored, model.trainable_weights, strict=True)
    assert any(not np.array_equal(average, last) for average, last in kept), "the average is stored, not the last step"


def test_a_training_leaves_everything_in_its_folder(straight, prepared, batches):
    names = {path.name for path in straight.iterdir()}
    assert names == {
        "config.json",
        "corpus.json",
        "versions.json",
        "tokenizers",
        "checkpoints",
        "tensorboard",
        "metrics.jsonl",
        "model.keras",
    }
    records = RunFolder(straight).read_metrics()
    assert [record["step"] for record in records] == [batches, 2 * batches]
    assert records[1]["loss"] < records[0]["loss"]
    assert [record["traces"] for record in records] == [1, 1]  # batches of all widths, and a second epoch, add none
    assert {record["target_tokens"] for record in records} == {sum(len(ids) - 1 for ids in prepared.train.target)}
    assert len(list((straight / "tensorboard").glob("events.out.tfevents.*"))) == 1


def test_the_stored_model_has_the_weights_of_the_last_checkpoint(straight):
    model, _ = RunFolder(straight).load_model()
    arrays = list(load_newest(straight / "checkpoints").arrays.values())
    assert all(any(np.array_equal(weight, array) for array in arrays) for weight in model.weights)


@pytest.mark.parametrize(("epoch", "batch"), [(0, 2), (1, 1)])
def test_a_run_stopped_in_an_epoch_ends_where_an_unbroken_one_does(
    prepared, straight, tmp_path, monkeypatch, capsys, epoch, batch
):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        disturb(patch, epoch, batch, send(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            train(CONFIG, prepared, folder)
        assert load_newest(folder / "checkpoints").state["batch"] == batch
        disturb(patch, -1, 0, None)
        train(CONFIG, prepared, folder)
    assert f"(epoch {epoch + 1}, batch {batch})" in capsys.readouterr().err
    assert_same_end(straight, folder)


def test_a_run_stopped_in_the_last_step_of_an_epoch_ends_where_an_unbroken_one_does(
    prepared, straight, batches, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "run"
    disturb(monkeypatch, 0, batches, send(signal.SIGTERM))
    with pytest.raises(SystemExit) as left:
        train(CONFIG, prepared, folder)
    assert left.value.code == 143 and len(RunFolder(folder).read_metrics()) == 1
    disturb(monkeypatch, -1, 0, None)
    train(CONFIG, prepared, folder)
    assert f"Resuming from step {batches} (epoch 2)." in capsys.readouterr().err
    assert_same_end(straight, folder)


def test_a_run_that_was_killed_ends_where_an_unbroken_one_does(prepared, straight, batches, tmp_path, monkeypatch):
    folder, handlers = tmp_path / "run", [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    disturb(monkeypatch, 0, batches, crash)
    with pytest.raises(CrashError):
        train(CONFIG, prepared, folder, save_every_minutes=0.0)
    assert load_newest(folder / "checkpoints").state["batch"] == batches - 1
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    disturb(monkeypatch, -1, 0, None)
    train(CONFIG, prepared, folder)
    assert_same_end(straight, folder)


EVERYTHING = dataclasses.replace(
    CONFIG, joint_vocab=True, tied_embeddings="all", norm="pre", label_smoothing=0.1, clip_norm=1.0, weight_decay=0.1,
    residual_dropout=0.1, accumulate=2, subword_sampling=0.3, schedule="cosine", bleu_sentences=4,
)  # fmt: skip


@pytest.mark.parametrize("averaging", [{"ema": 0.9}, {"average_last": 2}], ids=["ema", "average_last"])
def test_averages_accumulation_and_sampling_survive_a_kill(tiny_corpus, tmp_path, monkeypatch, averaging):
    config = dataclasses.replace(EVERYTHING, **averaging)
    prepared = prepare(open_corpus(str(tiny_corpus)), config, tmp_path / "cache")
    train(config, prepared, tmp_path / "straight")
    for epoch, batch in ((0, 3), (1, 2)):
        disturb(monkeypatch, epoch, batch, crash)
        with pytest.raises(CrashError):
            train(config, prepared, tmp_path / "run", save_every_minutes=0.0)
    disturb(monkeypatch, -1, 0, None)
    train(config, prepared, tmp_path / "run")
    assert_same_end(tmp_path / "straight", tmp_path / "run")
    kept, again = (RunFolder(tmp_path / name).load_model()[0].get_weights() for name in ("straight", "run"))
    for expected, found in zip(kept, again, strict=True):
        np.testing.assert_array_equal(found, expected)
    last = list(load_newest(tmp_path / "run/checkpoints").arrays.values())
    assert not any(np.array_equal(kept[0], array) for array in last[:3]), "what is stored is the mean"
    (tmp_path / "run/model.keras").write_bytes(b"damaged")
    train(config, prepared, tmp_path / "run")
    for expected, found in zip(kept, RunFolder(tmp_path / "run").load_model()[0].get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_moving_average_takes_no_part_in_the_training(prepared, straight, tmp_path):
    train(dataclasses.replace(CONFIG, ema=0.9), prepared, tmp_path / "run")
    expected, found = (
        [array for name, array in load_newest(folder / "checkpoints").arrays.items() if "|weights|" in name]
        for folder in (straight, tmp_path / "run")
    )
    assert len(expected) > 10
    for here, there in zip(expected, found, strict=True):
        np.testing.assert_array_equal(here, there)


def test_a_training_that_gets_no_better_stops_and_stays_stopped(prepared, tmp_path, capsys):
    config = dataclasses.replace(
        CONFIG, epochs=6, schedule="linear", peak_rate=1e-12, select="bleu", bleu_sentences=4, patience=2
    )
    for _ in range(2):
        train(config, prepared, tmp_path / "run")
        assert [record["epoch"] for record in RunFolder(tmp_path / "run").read_metrics()] == [1, 2, 3]
    assert "All 3 epochs are done." in capsys.readouterr().err
    # As if it had been killed when the record of the last epoch was written and its checkpoint was not.
    shutil.rmtree(load_newest(tmp_path / "run" / "checkpoints").folder)
    train(config, prepared, tmp_path / "run")
    assert "(epoch 3)." in capsys.readouterr().err
    assert load_newest(tmp_path / "run" / "checkpoints").state["epoch"] == 3


def test_the_best_epochs_checkpoint_is_kept_and_gives_its_model_again(prepared, tmp_path, monkeypatch):
    def spoil(trainer):
        bias = trainer.trainable_variables[-1]
        bias.assign(np.where(np.arange(bias.shape[0]) == 7, 50.0, 0.0))

    disturb(monkeypatch, 1, 1, spoil)
    config = dataclasses.replace(CONFIG, epochs=5, schedule="linear", peak_rate=1e-4, warmup_steps=1000, select="loss")
    train(config, prepared, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert best_epoch(run.read_metrics(), "loss") == 1
    steps = [record["step"] for record in run.read_metrics()]
    kept = sorted(int(folder.name[5:]) for folder in run.checkpoints.glob("ckpt-*"))
    assert kept == [steps[0], *steps[-3:]]
    assert load_newest(run.checkpoints).state["best"] == {"step": steps[0], "epoch": 1}
    weights = run.load_model()[0].get_weights()
    run.model.unlink()
    train(config, prepared, tmp_path / "run")
    for expected, found in zip(weights, run.load_model()[0].get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_finished_run_is_left_as_it_is_and_a_damaged_model_is_written_anew(prepared, straight, capsys):
    model = straight / "model.keras"
    before = {path: path.stat().st_mtime_ns for path in straight.rglob("*") if "tensorboard" not in path.parts}
    train(CONFIG, prepared, straight)
    assert "All 2 epochs are done." in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in straight.rglob("*") if "tensorboard" not in path.parts}
    weights = [np.asarray(weight) for weight in RunFolder(straight).load_model()[0].weights]
    model.write_bytes(model.read_bytes()[:100])
    train(CONFIG, prepared, straight)
    for here, there in zip(weights, RunFolder(straight).load_model()[0].weights, strict=True):
        np.testing.assert_array_equal(here, there)


def test_a_loss_that_is_not_finite_ends_training_and_the_last_good_checkpoint_stays(
    prepared, batches, tmp_path, monkeypatch
):
    def poison(trainer):
        weight = trainer.trainable_variables[0]
        weight.assign(np.full(weight.shape, np.nan))

    disturb(monkeypatch, 1, 1, poison)
    with pytest.raises(Failure, match=rf"The loss is not finite at step {batches + 2} \(epoch 2, batch 2\)") as caught:
        train(CONFIG, prepared, tmp_path / "run")
    assert f"It comes from {prepared.corpus.name}/pt.train and " in str(caught.value)
    kept = json.loads((tmp_path / "run/lost-batches.json").read_text())["lines_of_batch"]
    expected = make_batches_for(CONFIG, prepared.train, CONFIG.seed).plan(1)
    assert kept == {str(number + 1): sorted(expected[number].indices + 1) for number in (0, 1)}
    checkpoint = load_newest(tmp_path / "run/checkpoints")
    assert checkpoint.step == batches
    assert all(np.isfinite(array).all() for array in checkpoint.arrays.values())
    assert all(np.isfinite(weight).all() for weight in RunFolder(tmp_path / "run").load_model()[0].weights)


def test_gradient_norms_go_into_the_record_and_leave_the_weights_as_they_are(prepared, straight, tmp_path, monkeypatch):
    monkeypatch.setattr(Samples, "examples", lambda self: [])
    train(dataclasses.replace(CONFIG, log_gradients=True), prepared, tmp_path / "run")
    for folder in (straight, tmp_path / "run"):
        assert ("gradient_norm" in RunFolder(folder).read_metrics()[1]) == (folder != straight)
    record = RunFolder(tmp_path / "run").read_metrics()[1]
    assert record["gradient_norm"] ** 2 == pytest.approx(sum(norm**2 for norm in record["gradient_norms"].values()))
    models = (RunFolder(folder).load_model()[0] for folder in (straight, tmp_path / "run"))
    for here, there in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))


def test_a_folder_of_another_training_is_refused(prepared, straight):
    with pytest.raises(UsageError, match=r"another config: dropout_rate: 0\.1 -> 0\.3\. Use the same config"):
        train(dataclasses.replace(CONFIG, dropout_rate=0.3), prepared, straight)


def test_a_changed_corpus_is_refused(prepared, straight):
    with pytest.raises(UsageError, match="has changed since"):
        train(CONFIG, prepared._replace(digest="0" * 64), straight)


def test_the_config_is_the_models(prepared):
    trainer = training.build_trainer(dataclasses.replace(CONFIG, beta_2=0.9, head_dim=4), prepared)
    assert trainer.optimizer.beta_2 == 0.9 and trainer.optimizer.epsilon == 1e-9 and trainer.optimizer.beta_1 == 0.9
    assert isinstance(trainer.optimizer, keras.optimizers.Adam)
    config = json.loads(json.dumps(trainer.model.get_config()))
    assert (config["d_model"], config["dff"], config["head_dim"], config["num_layers"]) == (16, 32, 4, 1)
    assert config["input_vocab_size"] == prepared.tokenizers.source.get_vocab_size()
