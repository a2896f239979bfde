import functools
import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tiny_transformer import tiny_transformer
from transformer_tutorial.data.phrasebook import phrasebook_pairs
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.greedy import GreedySearch
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.sampling import SamplingSearch
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.fast.cached_step import CachedStep
from transformer_tutorial.token_ids import END_ID, PADDING_ID, START_ID

SOURCE = np.array([[2, 5, 7, 3, 0, 0], [2, 8, 9, 6, 4, 3]])
LENGTH = 4
SHAPES = {
    "post-norm": {"num_layers": 2},
    "pre-norm, tied": {"num_layers": 2, "norm": "pre", "tied_embeddings": "output"},
    "fewer decoder layers": {"num_layers": 2, "num_decoder_layers": 1, "head_dim": 3},
}


@functools.cache
def model(name: str = "post-norm"):
    """With weights as large as trained ones, so that every part of it moves the logits."""
    model, draw = tiny_transformer(**SHAPES[name]), np.random.default_rng(2)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    return model


def logits_of(step, target, source=SOURCE):
    """Of each position but the last, (B, T - 1, V)."""
    state, found = step.start(source), []
    for position in range(target.shape[1] - 1):
        known = np.where(np.arange(target.shape[1]) <= position, target, 0).astype("int32")
        logits, state = step(known, state, ops.convert_to_tensor(position, "int32"))
        found.append(np.asarray(logits))
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", SHAPES)
@given(tokens=st.lists(st.integers(0, 8), min_size=2 * (LENGTH - 1), max_size=2 * (LENGTH - 1)))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_each_step_gives_the_logits_of_the_plain_step_whatever_the_tokens(name, tokens):
    target = np.concatenate([np.full((2, 1), START_ID), np.reshape(tokens, (2, -1))], axis=1)
    plain, cached = PlainStep(model(name)), CachedStep(model(name), LENGTH)
    np.testing.assert_allclose(logits_of(cached, target), logits_of(plain, target), atol=2e-5)


def test_a_padding_token_inside_the_target_is_hidden_as_the_plain_step_hides_it():
    target = np.array([[START_ID, 5, PADDING_ID, 6, 8], [START_ID, PADDING_ID, 7, 4, 6]])
    other = np.where(target == PADDING_ID, 4, target)
    cached = CachedStep(model(), 5)
    np.testing.assert_allclose(logits_of(cached, target), logits_of(PlainStep(model()), target), atol=2e-5)
    assert np.max(np.abs(logits_of(cached, target) - logits_of(cached, other))[:, 2:]) > 0.01


def test_padding_of_the_source_has_no_influence():
    target = np.array([[START_ID, 5, 4, 6], [START_ID, 6, 7, 8]])
    wider = np.pad(SOURCE, ((0, 0), (0, 5)))
    step = CachedStep(model(), 4)
    np.testing.assert_allclose(logits_of(step, target, wider), logits_of(step, target), atol=2e-5)


def test_a_step_writes_one_position_and_leaves_the_others():
    step = CachedStep(model(), 4)
    state = step.start(SOURCE)
    assert not any(np.any(kept) for kept in (*state.keys, *state.values))
    for position in range(3):
        before, (_, state) = state, step(np.full((2, 4), 5), state, position)
        for old, new in zip((*before.keys, *before.values), (*state.keys, *state.values), strict=True):
            changed = np.any(np.asarray(old) != np.asarray(new), axis=(0, 1, 3))
            assert changed.tolist() == (np.arange(4) == position).tolist()


def test_the_translations_of_a_sentence_share_its_source():
    step, rows = CachedStep(model(), LENGTH), np.array([0, 0, 0, 1, 1, 1])
    state = step.start(SOURCE)
    taken = state.take_rows(rows)
    assert taken.source_keys is state.source_keys and taken.source_values is state.source_values
    assert taken.keys[0].shape[0] == 6
    target = np.array([4, 5, 6, 7, 8, 4])[:, None] * (np.arange(LENGTH) == 0)
    plain = PlainStep(model())
    expected, _ = plain(target, plain.start(SOURCE[rows]), 0)
    np.testing.assert_allclose(step(target, taken, 0)[0], expected, atol=2e-5)


def test_rows_are_taken_with_what_was_kept_for_them():
    step, order = CachedStep(model(), 3), np.array([1, 0])
    tokens = np.array([[START_ID, 5, 0], [START_ID, 8, 0]])
    _, state = step(tokens, step.start(np.tile(SOURCE[1], (2, 1))), 0)
    straight, _ = step(tokens, state, 1)
    swapped, _ = step(tokens[order], state.take_rows(order), 1)
    np.testing.assert_allclose(np.asarray(swapped)[order], straight, atol=2e-5)


def test_a_state_that_is_lengthened_keeps_what_it_has():
    tokens = np.array([[START_ID, 5, 4, 0, 0, 0], [START_ID, 6, 7, 0, 0, 0]])
    short, long = CachedStep(model(), 3), CachedStep(model(), 6)
    state = short.start(SOURCE)
    for position in range(2):
        _, state = short(tokens, state, position)
    expected, _ = short(tokens, state, 2)
    state = state.lengthen(6)
    assert state.keys[0].shape[2] == state.values[-1].shape[2] == 6
    np.testing.assert_allclose(long(tokens, state, 2)[0], expected, atol=2e-5)


def test_in_bfloat16_the_two_steps_differ_by_rounding_alone():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = tiny_transformer(num_layers=2)
    finally:
        keras.config.set_dtype_policy("float32")
    target = np.array([[START_ID, 5, 4, 6], [START_ID, 6, 7, 8]])
    cached = CachedStep(half, 4)
    assert keras.backend.standardize_dtype(cached.start(SOURCE).keys[0].dtype) == "bfloat16"
    np.testing.assert_allclose(logits_of(cached, target), logits_of(PlainStep(half), target), atol=0.05)


@functools.cache
def thousand_sentences() -> tuple[list[np.ndarray], int]:
    """The phrasebook's 1,000 test sentences, each word an id; and the number of ids."""
    sentences = [source.split() for source, _ in phrasebook_pairs("test")]
    numbers = {word: n for n, word in enumerate(dict.fromkeys(itertools.chain(*sentences)), start=4)}
    ids = [[START_ID, *(numbers[word] for word in sentence), END_ID] for sentence in sentences]
    return [np.array(row, "int32") for row in ids], len(numbers) + 4


@functools.cache
def model_of_sentences():
    """Untrained, with large weights, and an end that becomes likely after some tokens."""
    model = tiny_transformer(input_vocab_size=thousand_sentences()[1], target_vocab_size=40)
    draw = np.random.default_rng(4)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    model.final_layer.bias.assign(np.where(np.arange(40) < END_ID, -1e4, np.where(np.arange(40) == END_ID, 2.5, 0.0)))
    return model


SEARCHES = {
    "greedy": GreedySearch(),
    "beam": BeamSearch(3, length_penalty=0.6),
    "sampling": SamplingSearch(top_k=20, top_p=0.95, seed=5, samples=2),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_thousand_sentences_get_the_tokens_of_the_plain_step_in_any_batches_and_order(name):
    source, _ = thousand_sentences()
    plain = BatchSearch(model_of_sentences(), SEARCHES[name], 40, make_step=PlainStep)
    cached = BatchSearch(model_of_sentences(), SEARCHES[name], 40)
    expected = in_order(search_all(plain.translations, source, 250), len(source))
    assert len(expected) == 1000 and len({tuple(found[0].ids) for found in expected}) > 100
    order = np.random.default_rng(0).permutation(len(source))
    shuffled = in_order(search_all(cached.translations, [source[i] for i in order], 64), len(source))
    for number, found in zip(order, shuffled, strict=True):
        for mine, plains in zip(found, expected[number], strict=True):
            assert mine.ids.tolist() == plains.ids.tolist()
            assert mine.score == pytest.approx(plains.score, abs=1e-4)
