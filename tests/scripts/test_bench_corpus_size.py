"""The benchmark of corpora in shards runs end to end, in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def bench_corpus_size(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import bench_corpus_size

    return bench_corpus_size


def test_every_size_is_prepared_and_trained_in_processes_of_their_own(tmp_path):
    command = [sys.executable, SCRIPTS / "bench_corpus_size.py", "--sizes", "3000", "--in-memory-up-to", "0", "--json"]
    command += ["--steps", "2", "--repeats", "1", "--rounds", "1", "--folder", tmp_path]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=550)
    assert finished.returncode == 0, finished.stderr
    printed = json.loads(finished.stdout.splitlines()[-1])
    side = printed["sides"]["3,000 pairs, shards"]
    assert all(side[name] > 0 for name in ("seconds", "training", "batches", "prepare, peak_mb", "train, peak_mb"))
    assert 0.5 < side["real_token_share"] <= 1 and printed["ratios"] == {}
    assert {"device", "cores", "tensorflow", "keras"} <= printed["machine"].keys()
    assert len((tmp_path / "pairs-3000/pt.train").read_text().splitlines()) == 3000


def row(pairs, way, training, peak):
    train = {"training": training, "batches": 10 * training, "peak_mb": peak, "real_token_share": 0.9}
    return {"pairs": pairs, "way": way, "prepare": {"seconds": 1.0, "peak_mb": peak}, "train": train}


def test_ratios_are_of_sizes_and_of_ways(bench_corpus_size):
    rows = [row(100, "shards", 50, 20), row(100, "memory", 40, 10), row(900, "shards", 45, 30)]
    found = bench_corpus_size.ratios(rows)
    assert found["training speed, shards over memory, 100 pairs"] == 1.25
    assert found["peak memory of train, 900 over 100 pairs, shards"] == 1.5
    assert found["training speed, 900 over 100 pairs, shards"] == 0.9 and len(found) == 8
    assert bench_corpus_size.sides(rows)["100 pairs, memory"]["prepare, peak_mb"] == 10


def test_the_invented_target_is_the_source_reversed_in_other_forms(bench_corpus_size, tmp_path):
    bench_corpus_size.write_corpus(tmp_path / "corpus", 50)
    source, target = ((tmp_path / f"corpus/{name}.train").read_text().splitlines() for name in ("pt", "en"))
    assert len(source) == len(target) == 50
    for one, other in zip(source, target, strict=True):
        assert [word[:-1] for word in one.split()] == [word[:-3] for word in other.split()[::-1]]
