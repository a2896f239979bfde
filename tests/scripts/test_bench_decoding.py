"""The decoding benchmark runs end to end, in small."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow_text")

from transformer_tutorial.cli import main

ROOT = Path(__file__).resolve().parents[2]
OURS = ("cached step, batch 64", "cached step, one sentence")
SIDES = {*OURS, "cached step, batch 8", "cached step, batch 64, 4 beams", "plain step, batch 64"}
TUTORIALS = {"tutorial's way, as in the notebook", "tutorial's way, exported"}
TINY = "--preset tutorial --tokenizer sentencepiece --no-lower-case --vocab-size 300 --num-layers 1 --d-model 8"
TINY += " --num-heads 2 --dff 8 --epochs 1 --tokens-per-batch 512 --max-tokens 24"


def bench(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/bench_decoding.py", "--smoke", "--json", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=550)


def last_line(finished) -> dict:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_an_untrained_model_translates_a_corpus_in_every_way(tiny_corpus):
    finished = bench("--data", tiny_corpus, "--data-dir", tiny_corpus / "kept")
    printed = last_line(finished)
    assert printed["sides"].keys() == SIDES | TUTORIALS and all(rate > 0 for rate in printed["sides"].values())
    for name in TUTORIALS:
        expected = printed["sides"][OURS[1]] / printed["sides"][name]
        assert printed["ratios"][f"one sentence over {name}"] == pytest.approx(expected)
    assert {"device", "cores", "tensorflow", "keras", "matrix product, float32, GFLOP/s"} <= printed["machine"].keys()
    assert "CTranslate2 is left out: it needs the package and --ctranslate2 FOLDER." in finished.stderr
    shares = [line.split(", ")[-1] for line in finished.stdout.splitlines() if "as expected" in line]
    assert len(shares) == 7 and shares.count("100.0% of the translations as expected") >= 6  # beams may find others


def test_a_run_and_its_export_take_part(tiny_corpus, tmp_path):
    place = ["--data", str(tiny_corpus), "--data-dir", str(tmp_path / "data")]
    assert main(["train", *TINY.split(), *place, "--run-dir", str(tmp_path / "run")]) == 0
    flags = ["--run-dir", tmp_path / "run", "--data-dir", tmp_path / "data", "--sides", "cached", "ctranslate2"]
    expected = SIDES - {"plain step, batch 64"}
    if importlib.util.find_spec("ctranslate2") is not None:
        export = ["export", "--run-dir", str(tmp_path / "run"), "--format", "ctranslate2", "-o", str(tmp_path / "out")]
        assert main(export) == 0
        flags += ["--ctranslate2", tmp_path / "out"]
        expected |= {f"CTranslate2 {kind}, {n}" for kind in ("float32", "int8") for n in ("one sentence", "batch 64")}
    assert last_line(bench(*flags))["sides"].keys() == expected
