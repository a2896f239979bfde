import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.selection import KeepModel, best_epoch, best_step, is_exhausted


def records(*pairs):
    return [{"epoch": n, "val_loss": loss, "bleu": bleu} for n, (loss, bleu) in enumerate(pairs, 1)]


HISTORY = records((3.0, 10.0), (2.0, 12.0), (2.5, 14.0), (2.0, 13.0))


@pytest.mark.parametrize(("select", "expected"), [("loss", 2), ("last", 2), ("bleu", 3)])
def test_the_best_epoch_is_the_first_with_the_best_value(select, expected):
    assert best_epoch(HISTORY, select) == expected


def test_of_no_epochs_none_is_the_best():
    assert best_epoch([], "loss") == 0


@pytest.mark.parametrize(("epochs", "expected"), [(0, None), (1, 1), (2, 2), (4, 3)])
def test_the_best_step_is_looked_for_among_the_epochs_that_are_done(tmp_path, epochs, expected):
    run = RunFolder(tmp_path)
    for record in HISTORY:
        run.append_metrics({**record, "step": 10 * record["epoch"]})
    best = None if expected is None else {"step": 10 * expected, "epoch": expected}
    assert best_step(run, "bleu", epochs) == best
    assert best_step(run, "last", epochs) is None


@pytest.mark.parametrize(
    ("patience", "select", "exhausted"), [(1, "loss", True), (2, "loss", True), (3, "loss", False), (2, "bleu", False)]
)
def test_training_is_exhausted_after_so_many_epochs_without_a_better_one(patience, select, exhausted):
    config = Config(select=select, patience=patience, bleu_sentences=1)
    assert is_exhausted(HISTORY, config) is exhausted
    assert not is_exhausted([], config)


def test_without_patience_training_is_never_exhausted():
    assert not is_exhausted(records(*[(1.0 + n, 1.0) for n in range(50)]), Config())


class Trainer:
    model, stop_training = "the model", False


@pytest.mark.parametrize(("select", "kept"), [("last", [1, 2, 3, 4]), ("loss", [1, 2]), ("bleu", [1, 2, 3])])
def test_the_model_is_stored_when_its_epoch_is_the_one_to_keep(tmp_path, monkeypatch, select, kept):
    run, stored = RunFolder(tmp_path), []
    callback = KeepModel(run, Config(select=select, bleu_sentences=1))
    callback.set_model(Trainer())
    for record in HISTORY:
        monkeypatch.setattr(run, "save_model", lambda model, epoch=record["epoch"]: stored.append(epoch))
        run.append_metrics(record)
        callback.on_epoch_end(record["epoch"] - 1)
    assert stored == kept


def test_an_exhausted_training_is_stopped(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    monkeypatch.setattr(run, "save_model", lambda model: None)
    callback = KeepModel(run, Config(select="loss", patience=2))
    callback.set_model(Trainer())
    stops = []
    for record in HISTORY:
        run.append_metrics(record)
        callback.on_epoch_end(record["epoch"] - 1)
        stops.append(callback.model.stop_training)
    assert stops == [False, False, False, True]
