"""The scaling benchmark runs end to end, in small, and fits what it says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CURVES = {
    "training step over sequence length": ["training step, sequence length 4", "training step, sequence length 8"],
    "training step over d_model": ["training step, d_model 16", "training step, d_model 32"],
    "training step over vocabulary": ["training step, vocabulary 50", "training step, vocabulary 100"],
    "decoding over output length": ["decoding, output length 4", "decoding, output length 8"],
    "decoding over batch": ["decoding, batch 1", "decoding, batch 2"],
}


@pytest.fixture
def bench_scaling(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import bench_scaling

    return bench_scaling


def bench(corpus: Path, *arguments: str) -> subprocess.CompletedProcess:
    where = ["--data", str(corpus), "--data-dir", str(corpus / "kept")]
    command = [sys.executable, SCRIPTS / "bench_scaling.py", "--smoke", *where, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=550)


def test_every_curve_is_measured_fitted_and_drawn(tiny_corpus, tmp_path):
    finished = bench(tiny_corpus, "--json", "--picture", str(tmp_path / "scaling.png"))
    assert finished.returncode == 0, finished.stderr
    printed = json.loads(finished.stdout.splitlines()[-1])
    assert set(printed["sides"]) == {label for labels in CURVES.values() for label in labels}
    for title, (small, large) in CURVES.items():
        exponent = np.log2(printed["sides"][small] / printed["sides"][large])  # of seconds; the figures are a second's
        assert printed["ratios"][f"exponent of {title}"] == pytest.approx(exponent)
        assert np.isfinite(printed["ratios"][f"exponent of {title}, by CPU time"])
    assert {"device", "cores", "tensorflow", "matrix product, float32, GFLOP/s"} <= printed["machine"].keys()
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def counting(shape, vocab_size):
    return (4 + np.arange(np.prod(shape)) % (vocab_size - 4)).reshape(shape).astype("int32")


def test_tokens_are_the_corpus_and_fit_any_vocabulary(bench_scaling):
    ids = bench_scaling.corpus_ids([np.array([2, 5, 6, 3]), np.array([2, 9, 3])])
    assert ids((2, 4), 10).tolist() == [[5, 6, 9, 5], [6, 9, 5, 6]]
    assert ids((3,), 7).tolist() == [5, 6, 6] and ids((3,), 7).dtype == "int32"


def test_tied_embeddings_are_an_error_only_where_decoding_is_measured(bench_scaling):
    from transformer_tutorial.config import Config
    from transformer_tutorial.runtime.errors import UsageError

    config = Config(num_layers=1, d_model=8, num_heads=2, dff=8, vocab_size=50, tied_embeddings="output")
    with pytest.raises(UsageError, match="decoding needs a preset with an output layer of its own"):
        bench_scaling.make_sides("batch", (1, 2), config, 0.0, counting)
    assert len(bench_scaling.make_sides("length", (4, 8), config, 0.0, counting)) == 2


def test_a_power_law_is_recovered(bench_scaling):
    sizes = [16, 64, 256]
    fit = bench_scaling.fit_power(sizes, [0.5 * size**1.5 for size in sizes])
    assert fit == pytest.approx((0.5, 1.5))


def test_outputs_have_the_length_that_was_asked_for(bench_scaling, monkeypatch):
    from transformer_tutorial.config import Config

    found = []

    class Watched(bench_scaling.BatchSearch):
        def __call__(self, source):
            found.extend(super().__call__(source))
            return found

    monkeypatch.setattr(bench_scaling, "BatchSearch", Watched)
    config = Config(num_layers=1, d_model=8, num_heads=2, dff=8, vocab_size=50)
    (side,) = bench_scaling.make_sides("output-length", (20,), config, 0.0, counting)
    assert side(0).amount == 2
    assert {len(ids) for ids in found} == {20}
    assert len(found) == 2 * bench_scaling.SENTENCES


def test_a_wider_model_keeps_the_width_of_its_heads(bench_scaling):
    from transformer_tutorial.config import Config

    wide = bench_scaling.widened(Config(), 256)
    assert (wide.d_model, wide.num_heads, wide.dff) == (256, 16, 1024)
