import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from fake_steps import SpellingStep, TableStep, spell, word
from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.beam import BeamSearch, beam_search
from transformer_tutorial.decoding.greedy import greedy_search
from transformer_tutorial.decoding.loop import run_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID, START_ID

SEEDS = st.integers(0, 10**6)
few_examples = settings(max_examples=8, deadline=None, derandomize=True)


def search(step, max_length, **options):
    return beam_search(step, step.start(), len(np.asarray(step.start())), max_length, **options)


def random_table(seed, sentences, length, vocab_size):
    return TableStep(np.random.default_rng(seed).normal(0, 2, size=(sentences, length, vocab_size, vocab_size)))


@pytest.mark.tensorflow
def test_certain_words_are_spelled_to_their_ends():
    step = SpellingStep(word("obrigado"), word("oi"))
    assert spell(search(step, max_length=11).ids) == ["_obrigado|.", "_oi|......."]


@pytest.mark.tensorflow
def test_a_sentence_that_reaches_max_length_stays_without_an_end():
    story = {"_" + "a" * n: {"a": 0.9, "b": 0.1} for n in range(9)}
    found = search(SpellingStep(story), max_length=6, beam_size=1, length_penalty=1.0)
    assert spell(found.ids) == ["_aaaaa"]
    np.testing.assert_allclose(found.scores, [np.log(0.9)], rtol=1e-3)


@given(seed=SEEDS)
@few_examples
def test_one_beam_is_greedy_search(seed):
    step = random_table(seed, sentences=3, length=6, vocab_size=6)
    greedy = greedy_search(step, step.start(), 3, 6)
    beam = search(step, 6, beam_size=1, length_penalty=0.0)
    np.testing.assert_array_equal(beam.ids, greedy.ids)
    np.testing.assert_allclose(beam.scores, greedy.scores, rtol=1e-4)


def test_one_beam_of_a_model_is_greedy_search():
    model, source = tiny_transformer(), np.array([[2, 5, 7, 3], [2, 8, 3, 0]])
    step = PlainStep(model)
    greedy = greedy_search(step, step.start(source), 2, 6)
    np.testing.assert_array_equal(beam_search(step, step.start(source), 2, 6, beam_size=1).ids, greedy.ids)


def finished_sentences(step, sentence, max_length, vocab_size, length_penalty):
    """All of them: (score, ids)."""
    others = [token for token in range(vocab_size) if token != END_ID]
    for length in range(1, max_length):
        for body in itertools.product(others, repeat=length - 1):
            ids = (START_ID, *body, END_ID)
            yield step.log_probability(sentence, ids) / length**length_penalty, ids


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@given(seed=SEEDS)
@few_examples
def test_with_a_beam_for_every_sentence_the_best_of_all_is_found(seed, length_penalty):
    max_length, vocab_size = 4, 4
    step = random_table(seed, 2, max_length, vocab_size)
    found = search(step, max_length, beam_size=vocab_size ** (max_length - 1), length_penalty=length_penalty)
    for sentence in range(2):
        score, ids = max(finished_sentences(step, sentence, max_length, vocab_size, length_penalty))
        assert tuple(np.trim_zeros(np.asarray(found.ids)[sentence], "b")) == ids
        np.testing.assert_allclose(found.scores[sentence], score, rtol=1e-4)


def test_more_beams_than_tokens_do_not_end_the_search_early():
    logits = np.zeros((1, 8, 4, 4))
    logits[:, 5:, :, END_ID] = 20.0  # five tokens drawn by lot, then a certain end
    found = search(TableStep(logits), 8, beam_size=64)
    np.testing.assert_allclose(found.scores, [5 / 6 * np.log(1 / 4)], rtol=1e-3)


@pytest.mark.tensorflow
def test_two_beams_find_a_better_sentence_than_one():
    story = {"_": {"a": 0.6, "b": 0.4}, "_a": {"c": 0.4, "d": 0.3, "e": 0.3}}
    step = SpellingStep(story)
    assert spell(search(step, 5, beam_size=1, length_penalty=0.0).ids) == ["_ac|."]
    found = search(step, 5, beam_size=2, length_penalty=0.0)
    assert spell(found.ids) == ["_b|.."]
    np.testing.assert_allclose(found.scores, [np.log(0.4)], rtol=1e-3)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("length_penalty", "best"), [(0.0, "_b|..."), (1.0, "_aaa|.")])
def test_the_length_penalty_chooses_between_short_and_long(length_penalty, best):
    step = SpellingStep({"_": {"a": 0.5, "b": 0.5}, "_b": {"|": 0.9}, "_a": {"a": 0.9}, "_aa": {"a": 0.9}})
    assert spell(search(step, 6, beam_size=2, length_penalty=length_penalty).ids) == [best]


@pytest.mark.tensorflow
def test_a_sentence_is_done_when_as_many_translations_as_beams_have_finished():
    step = SpellingStep({"_": {"a": 0.9, "|": 0.1}, "_a": {"|": 0.8, "a": 0.2}, "_aa": {"a": 1.0}})
    search(step, 30, beam_size=2)
    assert step.calls == 2


@pytest.mark.tensorflow
def test_a_done_sentence_does_not_change_while_its_neighbours_go_on():
    story = {"_": {"a": 0.5, "b": 0.5}, "_a": {"|": 0.6, "c": 0.4}, "_b": {"|": 0.6, "c": 0.4}}
    late = {"_ac": {"|": 1.0}, "_bc": {"|": 1.0}}  # better a token, yet too late
    alone = search(SpellingStep(story | late), 12, beam_size=2)
    beside = search(SpellingStep(story | late, word("obrigado")), 12, beam_size=2)
    assert spell(beside.ids)[0] == spell(alone.ids)[0] == "_a|........."
    np.testing.assert_allclose(beside.scores[0], alone.scores[0])


@pytest.mark.tensorflow
@given(seed=SEEDS)
@few_examples
def test_the_state_stays_with_the_sentence_that_it_belongs_to(seed):
    table, length = random_table(seed, sentences=2, length=6, vocab_size=7), 6

    def step(token_ids, state, position):
        number, history = state
        known = np.asarray(token_ids)[:, : int(position)]
        np.testing.assert_array_equal(np.asarray(history)[:, : int(position)], known)
        logits, number = table(token_ids, number, position)
        last = ops.take(token_ids, position, axis=1)
        return logits, (number, ops.where(ops.arange(length) == position, last[:, None], history))

    state = table.start(), ops.zeros((2, length), "int32")
    found = beam_search(step, state, 2, length, beam_size=3)
    np.testing.assert_array_equal(found.ids, search(table, length, beam_size=3).ids)


def n_best(step, max_length, beam_size, length_penalty=1.0):
    """Of the first sentence: texts and scores."""
    search = BeamSearch(beam_size, length_penalty)
    found = run_search(search, step, step.start(), len(np.asarray(step.start())), max_length)
    return spell(found.ids[0]), np.asarray(found.scores[0])


@pytest.mark.tensorflow
def test_all_that_a_beam_has_finished_comes_back_best_first():
    step = SpellingStep({"_": {"a": 0.5, "b": 0.3, "c": 0.2}})
    texts, scores = n_best(step, 5, beam_size=3, length_penalty=0.0)
    assert texts == ["_a|..", "_b|..", "_c|.."]
    np.testing.assert_allclose(scores, np.log([0.5, 0.3, 0.2]), rtol=1e-3)


@pytest.mark.tensorflow
def test_what_has_not_finished_at_the_limit_comes_after_what_has():
    step = SpellingStep({"_": {"|": 0.1, "a": 0.9}, "_a": {"a": 0.6, "b": 0.4}})
    texts, scores = n_best(step, 3, beam_size=2)
    assert texts == ["_|.", "_aa"]
    np.testing.assert_allclose(scores, np.log([0.1, 0.54]) / [1, 2], rtol=1e-3)


@pytest.mark.tensorflow
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_with_room_for_the_start_alone_the_score_is_0(length_penalty):
    step = SpellingStep(word("oi"))
    found = search(step, max_length=1, beam_size=2, length_penalty=length_penalty)
    assert spell(found.ids) == ["_"] and np.asarray(found.scores).tolist() == [0.0] and step.calls == 0


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@given(seed=SEEDS)
@few_examples
def test_a_beam_for_every_sentence_never_scores_below_greedy(seed, length_penalty):
    max_length, vocab_size = 4, 5
    step = random_table(seed, 3, max_length, vocab_size)
    step.logits[:, -2:, :, END_ID] += 20.0  # all sentences end
    greedy = greedy_search(step, step.start(), 3, max_length)
    length = np.array([list(row).index(END_ID) for row in np.asarray(greedy.ids)])
    beam = search(step, max_length, beam_size=vocab_size**2, length_penalty=length_penalty)
    assert np.all(np.asarray(beam.scores) >= np.asarray(greedy.scores) / length**length_penalty - 1e-5)


def test_of_equally_good_extensions_the_first_beams_first_token_comes_first():
    step = TableStep(np.zeros((1, 3, 6, 6)))
    found = run_search(BeamSearch(3), step, step.start(), 1, 3)
    assert np.asarray(found.ids).tolist() == [[[START_ID, 0, 0], [START_ID, 0, 1], [START_ID, 0, 2]]]


def test_a_beam_of_none_is_refused():
    with pytest.raises(UsageError, match="beam_size must be at least 1, got 0"):
        BeamSearch(0)
