"""The command line on a tiny corpus, as a user meets it."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from transformer_tutorial.cli import main

EPOCHS = 40
SMALL = {
    "num-layers": 1,
    "d-model": 64,
    "num-heads": 2,
    "dff": 128,
    "dropout-rate": 0,
    "tokens-per-batch": 128,
    "max-tokens": 32,
    "warmup-steps": 1000,
    "vocab-size": 400,
}


def train_arguments(corpus: Path, run_dir: Path, *more: str) -> list[str]:
    small = [text for name, value in SMALL.items() for text in (f"--{name}", str(value))]
    where = ["--data", str(corpus), "--run-dir", str(run_dir), "--data-dir", str(corpus / "kept")]
    return ["train", *where, *small, *more]


@pytest.fixture(scope="module")
def run_dir(tiny_corpus, tmp_path_factory) -> Path:
    """A run long enough to learn most of the tiny corpus."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(train_arguments(tiny_corpus, folder, "--epochs", str(EPOCHS))) == 0
    return folder


def test_a_run_folder_holds_everything(run_dir):
    names = {path.name for path in run_dir.iterdir()}
    assert {"config.json", "versions.json", "tokenizers", "checkpoints", "model.keras", "metrics.jsonl"} <= names
    assert list((run_dir / "tensorboard").glob("events.out.tfevents.*"))
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, EPOCHS + 1))
    keys = {"loss", "accuracy", "val_loss", "val_accuracy", "target_tokens_per_second", "seconds"}
    assert keys <= set(lines[0])
    assert lines[-1]["loss"] < lines[0]["loss"] / 2


def test_the_same_command_again_changes_nothing(run_dir, tiny_corpus, capsys):
    before = (run_dir / "metrics.jsonl").read_text(), (run_dir / "model.keras").stat().st_mtime_ns
    assert main(train_arguments(tiny_corpus, run_dir, "--epochs", str(EPOCHS))) == 0
    assert f"All {EPOCHS} epochs are done." in capsys.readouterr().err
    assert before == ((run_dir / "metrics.jsonl").read_text(), (run_dir / "model.keras").stat().st_mtime_ns)


def test_another_config_is_refused_by_field(run_dir, tiny_corpus, capsys):
    assert main(train_arguments(tiny_corpus, run_dir, "--epochs", "41", "--dropout-rate", "0.3")) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"epochs: {EPOCHS} -> 41" in error and "dropout_rate: 0.0 -> 0.3" in error


def test_evaluate_prints_one_json_object_and_keeps_it(run_dir, capsys):
    assert main(["evaluate", "--run-dir", str(run_dir), "--split", "test", "--beam-size", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((run_dir / "evaluation-test.json").read_text())
    assert result["sentences"] == 8 and result["beam_size"] == 2 and result["seconds"] > 0
    assert "tok:none" in result["bleu_tok_signature"] and "case:lc" in result["bleu_detok_signature"]
    assert len((run_dir / "evaluation-test.hypotheses.txt").read_text().splitlines()) == 8
    references = (run_dir / "evaluation-test.references.txt").read_text()
    assert references == (Path(json.loads((run_dir / "config.json").read_text())["data"]) / "en.test").read_text()
    assert sum(bucket["sentences"] for bucket in result["by_source_words"].values()) == 8
    assert result["output"] == {"copied": 0, "empty": 0, "cut": 0}


def test_evaluate_notices_what_is_cut_at_the_length_limit(run_dir, tmp_path, capsys, monkeypatch):
    copy = shutil.copytree(run_dir, tmp_path / "copy")
    monkeypatch.setattr("transformer_tutorial.decoding.search.BatchSearch.length_limit", lambda self, width: 3)
    assert main(["evaluate", "--run-dir", str(copy), "--compare", str(run_dir), "--limit", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["output"]["cut"] == 1 and result["sentences"] == 5
    assert result["comparison"]["bleu_tok"]["difference"] == 0


def test_the_model_has_learnt_its_training_sentences(run_dir, tiny_corpus, capsys):
    sources = (tiny_corpus / "pt.train").read_text().splitlines()
    targets = (tiny_corpus / "en.train").read_text().splitlines()
    assert main(["translate", "--run-dir", str(run_dir), *sources]) == 0
    translations = capsys.readouterr().out.splitlines()
    assert sum(a == b for a, b in zip(translations, targets, strict=True)) > len(targets) / 2


def test_stdin_gives_a_line_for_a_line_and_a_blank_for_a_blank(run_dir, capsys, monkeypatch):
    lines = "O gato vê o cão .\n\n  \nA avó ouve a casa .\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["translate", "--run-dir", str(run_dir)]) == 0
    piped = capsys.readouterr().out.split("\n")
    assert main(["translate", "--run-dir", str(run_dir), "O gato vê o cão .", "", "  ", "A avó ouve a casa ."]) == 0
    assert piped == capsys.readouterr().out.split("\n")
    assert len(piped) == 5 and piped[1] == piped[2] == piped[4] == "" and piped[0] and piped[3]


def test_translate_saves_one_attention_picture_a_sentence(run_dir, tmp_path, capsys):
    sentences = ["O gato vê o cão .", "A avó ouve as maçãs ."]
    assert main(["translate", "--run-dir", str(run_dir), "--attention", str(tmp_path / "a.png"), *sentences]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert [(tmp_path / name).read_bytes()[:4] for name in ("a.png", "a-2.png")] == [b"\x89PNG"] * 2


def test_a_layer_that_does_not_exist_is_named(run_dir, capsys):
    assert main(["plot", "attention", "O gato .", "--run-dir", str(run_dir), "--layer", "2"]) == 2
    assert "--layer must be between 1 and 1" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["positions", "schedule", "lengths", "history", "attention"])
def test_every_picture_is_drawn(what, run_dir, tiny_corpus, tmp_path, capsys):
    text = ["O gato vê o cão ."] if what == "attention" else []
    where = ["--run-dir", str(run_dir), "--data-dir", str(tiny_corpus / "kept"), "--output", str(tmp_path / "p.png")]
    assert main(["plot", what, *text, *where]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert Path(line).read_bytes().startswith(b"\x89PNG")


def test_data_prints_counts_lengths_and_examples(tiny_corpus, tmp_path, capsys):
    arguments = ["data", "--data", str(tiny_corpus), "--data-dir", str(tmp_path), "--examples", "2"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "train: 48 pairs" in printed and "validation: 8 pairs" in printed and "test: kept for the end" in printed
    assert "validation lines that also stand in train: 0 pairs, 0 sources, 0 targets" in printed.splitlines()
    assert "pt  A menina vê o cão ." not in printed.splitlines()[:3]
    first = (tiny_corpus / "pt.train").read_text().splitlines()[0]
    assert f"pt  {first}" in printed


def test_a_missing_file_of_the_corpus_is_one_line_and_exit_2(tiny_corpus, tmp_path, capsys):
    (tmp_path / "pt.train").write_text("um\n")
    assert main(train_arguments(tmp_path, tmp_path / "run")) == 2
    assert "en.train is missing" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def start(arguments: list[str]) -> subprocess.Popen:
    command = [sys.executable, "-m", "transformer_tutorial", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(run_dir: Path, epochs: int, process: subprocess.Popen) -> None:
    """Waits until so many epochs are in metrics.jsonl."""
    metrics = run_dir / "metrics.jsonl"
    deadline = time.monotonic() + 240
    while not metrics.exists() or len(metrics.read_text().splitlines()) < epochs:
        if time.monotonic() > deadline or process.poll() is not None:
            process.kill()
            pytest.fail(f"training did not reach epoch {epochs}: {process.communicate()[0]}")
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_run_is_resumed_by_the_same_command(number, code, tiny_corpus, tmp_path):
    run_dir = tmp_path / "run"
    arguments = train_arguments(tiny_corpus, run_dir, "--epochs", "300")
    process = start(arguments)
    wait_for(run_dir, 3, process)
    os.kill(process.pid, number)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == code, output
    done = len((run_dir / "metrics.jsonl").read_text().splitlines())
    again = start(arguments)
    wait_for(run_dir, done + 2, again)
    again.send_signal(signal.SIGINT)
    output = again.communicate(timeout=120)[0]
    assert "Resuming from step" in output
    epochs = [json.loads(line)["epoch"] for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, len(epochs) + 1))


def test_the_data_may_be_kept_inside_the_run_folder(tiny_corpus, tmp_path):
    arguments = train_arguments(tiny_corpus, tmp_path / "run", "--epochs", "1")
    arguments[arguments.index("--data-dir") + 1] = str(tmp_path / "run" / "data")
    assert main(arguments) == 0
    assert (tmp_path / "run" / "model.keras").is_file()
