import json

import pytest

from learning.test_callbacks import BATCHES, LOGS, make_model
from transformer_tutorial.config import Config
from transformer_tutorial.learning import report as report_module
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.report import Report
from transformer_tutorial.learning.run_folder import RunFolder


class SilentSamples:
    """Two lines to read, and the BLEU it is given."""

    score = None

    def examples(self):
        return ["source     um", "reference  one"]

    def bleu(self):
        return self.score


@pytest.fixture
def report(tmp_path):
    position = Position(0, BATCHES, 2.0)
    position.batches = BATCHES
    report = Report(RunFolder(tmp_path), position, Config(epochs=3), SilentSamples())
    model = make_model()
    model.optimizer.iterations.assign(12)
    model.traces = 1
    report.set_model(model)
    return report


def end_epoch(report, epoch: int, **logs):
    report.on_epoch_begin(epoch)
    report.on_epoch_end(epoch, LOGS | logs)


def test_an_epoch_is_one_line_of_metrics_and_tensorboard_events(report, tmp_path, monkeypatch):
    monkeypatch.setattr(report_module, "peak_memory_mb", lambda: 512.0)
    end_epoch(report, 0)
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record.pop("learning_rate") == pytest.approx(0.001)
    assert record.pop("peak_memory_mb") == 512.0
    assert record == {
        "epoch": 1,
        "step": 12,
        "loss": 2.0,
        "accuracy": 0.25,
        "val_loss": 3.0,
        "val_accuracy": 0.125,
        "target_tokens": 100,
        "target_tokens_per_second": 50.0,
        "seconds": 2.0,
        "traces": 1,
    }
    (events,) = (tmp_path / "tensorboard").glob("events.out.tfevents.*")
    assert b"val_loss" in events.read_bytes() and b"learning_rate" in events.read_bytes()


def test_an_epoch_is_reported_with_examples_and_the_best_is_marked(report, capsys):
    for epoch, val_loss in enumerate((3.0, 2.0, 2.5)):
        end_epoch(report, epoch, val_loss=val_loss)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(
        "Epoch 1/3: loss 2.0000, accuracy 0.2500, validation loss 3.0000, accuracy 0.1250, 50 target"
    )
    assert [line.endswith("* best so far") for line in lines[::3]] == [True, True, False]
    assert lines[1:3] == ["    source     um", "    reference  one"]


def test_without_a_terminal_a_line_appears_every_half_minute(report, monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(report_module.time, "monotonic", lambda: now[0])
    report.on_epoch_begin(0)
    report.position.batch = 2
    for now[0] in (29.0, 31.0, 40.0, 62.0):
        report.on_train_batch_end(0, LOGS)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0] == "epoch 1/3 step 2/4  loss 2.0000  accuracy 0.2500  50 tokens/s  rate 1.00e-03  2 s left"


def test_bleu_is_reported_and_may_decide_which_epoch_is_the_best(report, capsys):
    report.config = Config(epochs=3, select="bleu", bleu_sentences=5)
    for epoch, (bleu, val_loss) in enumerate([(20.0, 2.0), (21.5, 3.0), (21.0, 1.0)]):
        report.samples.score = bleu
        end_epoch(report, epoch, val_loss=val_loss)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Epoch")]
    assert [line.endswith("* best so far") for line in lines] == [True, True, False]
    assert "BLEU 21.50" in lines[1]
    assert [record["bleu"] for record in report.run.read_metrics()] == [20.0, 21.5, 21.0]
