import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from fake_steps import SpellingStep, TableStep, spell, word
from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.greedy import greedy_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.token_ids import END_ID, START_ID


def search(step, max_length):
    return greedy_search(step, step.start(), len(np.asarray(step.start())), max_length)


@pytest.mark.tensorflow
def test_a_certain_word_is_spelled_to_its_end():
    step = SpellingStep(word("obrigado"))
    assert spell(search(step, max_length=12).ids) == ["_obrigado|.."]


@pytest.mark.tensorflow
def test_sentences_of_a_batch_end_at_their_own_length():
    step = SpellingStep(word("oi"), word("obrigado"), word(""))
    assert spell(search(step, max_length=11).ids) == ["_oi|.......", "_obrigado|.", "_|........."]


@pytest.mark.tensorflow
def test_a_sentence_that_reaches_max_length_stays_without_an_end():
    step = SpellingStep(word("obrigado"), word("oi"))
    assert spell(search(step, max_length=8).ids) == ["_obrigad", "_oi|...."]
    assert step.calls == len("obrigad")
    assert spell(search(step, max_length=1).ids) == ["_", "_"]


@pytest.mark.tensorflow
def test_the_search_stops_when_all_sentences_have_ended():
    step = SpellingStep(word("oi"), word("bem"))
    search(step, max_length=40)
    assert step.calls == len("bem|")


@pytest.mark.tensorflow
def test_the_most_probable_letter_is_taken():
    step = SpellingStep({"_": {"a": 0.3, "b": 0.5, "c": 0.2}, "_b": {"a": 0.6, "|": 0.4}})
    assert spell(search(step, max_length=6).ids) == ["_ba|.."]


@pytest.mark.tensorflow
def test_the_state_goes_from_step_to_step():
    def step(token_ids, state, position):
        assert int(state) == int(position)
        return ops.one_hot(ops.full((1,), 4), 6), state + 1

    ids = greedy_search(step, ops.convert_to_tensor(0), 1, 5).ids
    assert spell(ids) == ["_aaaa"]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_scores_are_sums_of_log_probabilities_up_to_the_end(seed):
    length = 5
    step = TableStep(np.random.default_rng(seed).normal(size=(3, length, 5, 5)))
    found = search(step, length)
    for sentence, (row, score) in enumerate(zip(np.asarray(found.ids), np.asarray(found.scores), strict=True)):
        ends = np.flatnonzero(row == END_ID)
        ids = row[: ends[0] + 1] if len(ends) else row
        assert row[0] == START_ID and not np.any(row[len(ids) :])
        np.testing.assert_allclose(score, step.log_probability(sentence, ids), rtol=1e-4, atol=1e-5)


def test_each_token_of_a_model_is_the_one_that_it_finds_most_probable():
    model = tiny_transformer()
    source = np.array([[2, 5, 7, 3], [2, 8, 3, 0]])
    step = PlainStep(model)
    ids = np.asarray(greedy_search(step, step.start(source), 2, 6).ids)
    best = np.asarray(model((source, ids))).argmax(axis=-1)
    for row, following in zip(ids, best, strict=True):
        ends = np.flatnonzero(row == END_ID)
        last = ends[0] if len(ends) else len(row) - 1
        np.testing.assert_array_equal(row[1 : last + 1], following[:last])


def test_of_two_equally_probable_tokens_the_first_is_taken():
    step = TableStep(np.zeros((1, 3, 6, 6)))
    assert np.asarray(search(step, 3).ids).tolist() == [[START_ID, 0, 0]]


def test_a_score_is_right_however_large_the_logits_are():
    logits = np.full((1, 3, 6, 6), -1e4)
    logits[..., 4], logits[..., 5] = 1e4, 1e4 - 1
    np.testing.assert_allclose(search(TableStep(logits), 3).scores, [-2 * np.log(1 + np.exp(-1))], rtol=1e-4)
