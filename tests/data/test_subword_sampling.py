"""Segmentations are a function of (seed, epoch), whatever else draws at the same time."""

import numpy as np
import pytest

pytest.importorskip("tensorflow_text")

from transformer_tutorial.data.corpus import Split
from transformer_tutorial.data.subword_sampling import SubwordSampler
from transformer_tutorial.data.tokenizer_pair import TokenizerPair

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
