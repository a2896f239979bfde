"""Segmentations are a function of (seed, epoch), whatever else draws at the same time."""

import importlib.metadata
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow_text")

from transformer_tutorial.data.corpus import Split
from transformer_tutorial.data.subword_sampling import (
    SubwordSampler,
    check_same_in_every_process,
    same_in_every_process,
)
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.runtime.errors import UsageError

TEXTS = ["o gato dorme na casa grande."] * 50 + ["a casa é grande e o gato é pequeno."] * 50


@pytest.fixture(scope="module")
def make():
    tokenizers = TokenizerPair.train(TEXTS, TEXTS, kind="sentencepiece", vocab_size=300, lower_case=False)
    return lambda: SubwordSampler(Split(TEXTS, TEXTS, 0), tokenizers, 0.2, 128, seed=0)


def test_samplers_side_by_side_draw_what_one_alone_draws(make):
    alone = make()
    expected = [np.concatenate(alone.epoch(epoch).target) for epoch in range(4)]
    assert len({ids.tobytes() for ids in expected}) == 4
    for _ in range(10):
        several = [make() for _ in range(3)]
        for epoch, ids in enumerate(expected):
            for sampler in several:
                np.testing.assert_array_equal(np.concatenate(sampler.epoch(epoch).target), ids)


DRAW = """
import sys, sentencepiece
sentencepiece.set_random_generator_seed(7)
processor = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
lines = [" o gato dorme na casa grande."] * 50
print(processor.encode(lines, enable_sampling=True, alpha=0.2, nbest_size=-1, num_threads=1))
"""


def test_it_is_known_whether_the_library_draws_the_same_in_every_process(make, tmp_path):
    """If this fails with a newer sentencepiece, it draws by its seed alone again, and the check may go."""
    (tmp_path / "pt.model").write_bytes(make().tokenizers.source.to_bytes())
    command = [sys.executable, "-c", DRAW, tmp_path / "pt.model"]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert len(first) > 1000 and (first == second) == same_in_every_process()


@pytest.mark.parametrize(("version", "same"), [("0.2.0", True), ("0.2.1", True), ("0.2.2", False), ("0.10.0", False)])
def test_what_needs_the_same_segmentations_is_refused_without_them(monkeypatch, capsys, version, same):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    assert same_in_every_process() == same
    check_same_in_every_process(None)
    if same:
        check_same_in_every_process("--deterministic")
        assert capsys.readouterr().err == ""
        return
    assert f"Warning: sentencepiece {version} draws other segmentations in each process" in capsys.readouterr().err
    with pytest.raises(UsageError, match="--deterministic and --subword-sampling do not go together: .*==0.2.1"):
        check_same_in_every_process("--deterministic")
