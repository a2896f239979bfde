"""Both ways of batching hold the same sentences."""

import numpy as np
import pytest

from scripts.same_sentences import OURS, TUTORIALS, draw_turns, real_tokens
from transformer_tutorial.config import Config
from transformer_tutorial.data.prepared import EncodedSplit
from transformer_tutorial.runtime.errors import UsageError

CONFIG = Config(max_tokens=32, tokens_per_batch=64, batch_size=8)


@pytest.fixture(scope="module")
def split() -> EncodedSplit:
    """200 pairs; the first id after [START] of both sides is the pair's number, the rest is noise."""
    random = np.random.default_rng(0)

    def sentence(number: int) -> np.ndarray:
        return np.array([2, 10 + number, *random.integers(4, 9, random.integers(1, 25)), 3], np.int32)

    return EncodedSplit([sentence(i) for i in range(200)], [sentence(i) for i in range(200)], 0, 0)


def pairs(turns: list) -> list[tuple[int, int]]:
    """Numbers of the source and of the target of each sentence in all turns but the first, sorted."""
    rows = [
        row
        for batches in turns[1:]
        for (source, inputs), _ in batches
        for row in zip(source[:, 1], inputs[:, 1], strict=True)
    ]
    return sorted((int(source), int(target)) for source, target in rows if source)


def test_both_ways_hold_the_same_pairs_once_each(split):
    turns = draw_turns(CONFIG, split, batches=5, rounds=3)
    assert pairs(turns[OURS]) == pairs(turns[TUTORIALS])
    assert len(set(pairs(turns[OURS]))) == len(pairs(turns[OURS])) > 20
    assert all(source == target for source, target in pairs(turns[OURS]))


def test_there_is_one_warm_up_and_a_turn_for_each_round(split):
    turns = draw_turns(CONFIG, split, batches=5, rounds=3)
    assert [len(batches) for batches in turns[OURS][1:]] == [5, 5, 5]
    assert len(turns[TUTORIALS]) == 4
    assert all(turns[TUTORIALS])


def test_our_warm_up_holds_each_shape_once(split):
    warm_up, *turns = draw_turns(CONFIG, split, batches=5, rounds=3)[OURS]
    shapes = [(source.shape, labels.shape) for (source, _), labels in warm_up]
    assert len(shapes) == len(set(shapes))
    assert set(shapes) == {(source.shape, labels.shape) for turn in turns for (source, _), labels in turn}


def test_padding_is_no_real_token(split):
    batches = draw_turns(CONFIG, split, batches=5, rounds=1)[OURS][1]
    numbers = [source - 10 for source, _ in pairs([[], batches])]
    assert real_tokens(batches) == sum(len(split.target[number]) - 1 for number in numbers)


def test_more_batches_than_the_corpus_holds_are_an_error(split):
    with pytest.raises(
        UsageError, match=r"3 rounds of 1000 batches are more than the corpus holds, \d+ of ours and 25"
    ):
        draw_turns(CONFIG, split, batches=1000, rounds=3)
