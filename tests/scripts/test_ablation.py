"""The recipes of scripts/ablation.py are flags of `train`, and each row changes what its name says."""

import dataclasses
import json

import pytest

pytest.importorskip("tensorflow_text")

import tyro

from scripts import ablation
from transformer_tutorial.cli import COMMANDS


def config_of(flags):
    arguments = [*flags, "--run-dir", "unused"]
    command = COMMANDS["train"]
    return tyro.cli(command.options, args=arguments, default=command.default(arguments)).config


def changed(before, after) -> set[str]:
    before, after = dataclasses.asdict(config_of(before)), dataclasses.asdict(config_of(after))
    return {name for name in after if after[name] != before[name]}


def test_each_option_changes_one_thing():
    assert {name: changed(ablation.TYING, flags) for name, flags in ablation.OPTIONS.items()} == {
        "subword sampling": {"subword_sampling"},
        "bpe": {"sentencepiece_model"},
        "separate vocabularies": {"joint_vocab", "tied_embeddings"},
        "weight decay": {"weight_decay"},
        "activation dropout": {"activation_dropout"},
        "cosine": {"schedule"},
        "inverse square root": {"schedule"},
        "mean of the last 2 epochs": {"average_last"},
    }


def test_each_step_adds_to_the_one_before():
    rows = list(ablation.STEPS.values())
    assert all(after[: len(before)] == before for before, after in zip(rows, rows[1:], strict=False))
    assert changed(ablation.REGULAR, ablation.STEPS["averaging"]) == {"tied_embeddings", "ema"}


def test_the_table_has_a_row_for_each_step(monkeypatch, tmp_path, capsys):
    trained, scores = [], iter([10.0, 15.0, 18.0, 20.0, 19.5, 21.0])

    def run(command, *flags):
        if command == "train":
            trained.append(flags[flags.index("--run-dir") + 1])
        return json.dumps({"bleu_tok": next(scores)}) if command == "evaluate" else ""

    monkeypatch.setattr(ablation, "run", run)
    monkeypatch.setattr(ablation, "with_last_weights", lambda run_dir: run_dir)
    monkeypatch.setattr("sys.argv", ["ablation.py", "--output-dir", str(tmp_path)])
    ablation.main()
    names = ("tutorial", "lossless_tokens", "regularisation", "averaging")
    assert trained == [str(tmp_path / name) for name in names]
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| tutorial | 10.00 |  |",
        "| + lossless tokens | 15.00 | +5.00 |",
        "| + regularisation | 18.00 | +3.00 |",
        "| + tying | 20.00 | +2.00 |",
        "| + averaging | 19.50 | -0.50 |",
        "| + beam 4 | 21.00 | +1.50 |",
    ]
