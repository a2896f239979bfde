"""The training benchmark runs end to end, in small."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_training.py"
TUTORIALS = {"tutorial_wide_heads, tutorial's batches, float32", "tutorial, tutorial's batches, float32"}
OURS = {"tutorial, our batches, mixed_bfloat16", "tutorial, our batches, float32"}
PEERS = {"KerasHub": "keras_hub", "PyTorch": "torch"}


def bench(corpus: Path, *arguments: str) -> subprocess.CompletedProcess:
    where = ["--data", str(corpus), "--data-dir", str(corpus / "kept"), "--smoke", "--json"]
    return subprocess.run([sys.executable, SCRIPT, *where, *arguments], capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def finished(tiny_corpus) -> subprocess.CompletedProcess:
    return bench(tiny_corpus, "--precision", "mixed_bfloat16")


def test_the_last_line_holds_a_figure_for_each_side(finished):
    assert finished.returncode == 0, finished.stderr
    sides = json.loads(finished.stdout.splitlines()[-1])["sides"]
    assert sides.keys() >= TUTORIALS | OURS
    assert all(rate > 0 for rate in sides.values())


def test_ours_is_compared_with_every_other_side(finished):
    printed = json.loads(finished.stdout.splitlines()[-1])
    ours, ratios = printed["sides"]["tutorial, our batches, mixed_bfloat16"], printed["ratios"]
    for name in printed["sides"].keys() - {"tutorial, our batches, mixed_bfloat16"}:
        assert ratios[f"ours over {name}"] == pytest.approx(ours / printed["sides"][name])
        assert ratios[f"ours over {name}, by CPU time"] > 0


def test_shares_of_the_matrix_rate_are_shares_and_padding_is_no_real_token(finished):
    ratios = json.loads(finished.stdout.splitlines()[-1])["ratios"]
    real, padded = (
        ratios[f"ours, share of the bfloat16 matrix-product rate, {what}"] for what in ("real tokens", "with padding")
    )
    assert 0 < real < padded < 1
    assert 0 < ratios["ours, real tokens among target positions"] <= 1


def test_the_machine_is_described(finished):
    machine = json.loads(finished.stdout.splitlines()[-1])["machine"]
    assert {"device", "cores", "tensorflow", "keras", "matrix product, bfloat16, GFLOP/s"} <= machine.keys()


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_takes_part_if_it_is_installed_and_is_left_out_with_one_line_if_not(finished, peer):
    sides = json.loads(finished.stdout.splitlines()[-1])["sides"]
    expected = {
        f"{peer}, tutorial's batches, float32",
        f"{peer}, our batches, float32",
        f"{peer}, our batches, mixed_bfloat16",
    }
    missing = f"{peer} is left out, because it is not installed: pip install '.[bench]'"
    installed = importlib.util.find_spec(PEERS[peer]) is not None
    assert (expected <= sides.keys()) == installed
    assert finished.stderr.splitlines().count(missing) == (0 if installed else 1)


def test_only_the_sides_asked_for_run(tiny_corpus):
    finished = bench(tiny_corpus, "--precision", "float32", "--sides", "ours")
    printed = json.loads(finished.stdout.splitlines()[-1])
    assert set(printed["sides"]) == {"tutorial, our batches, float32"}
    assert "left out" not in finished.stderr


def test_a_corpus_that_is_not_there_is_one_line_and_exit_code_2(tmp_path):
    finished = bench(tmp_path / "nowhere")
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith("Error: there is no corpus, folder or file")
