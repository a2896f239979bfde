import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from fake_steps import TableStep
from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.greedy import greedy_search
from transformer_tutorial.decoding.loop import run_search
from transformer_tutorial.decoding.sampling import SamplingSearch
from transformer_tutorial.decoding.search import BatchSearch
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.token_ids import END_ID, START_ID

LENGTH, VOCABULARY = 6, 9
SEEDS = st.integers(0, 10**6)
few_examples = settings(max_examples=8, deadline=None, derandomize=True)


def random_table(seed, sentences=3):
    draw = np.random.default_rng(seed)
    return TableStep(draw.normal(0, 2, size=(sentences, LENGTH, VOCABULARY, VOCABULARY)))


def sample(step, search, sources=((2, 5, 3), (2, 6, 3), (2, 7, 3))):
    """Ids (B, N, T) and scores (B, N), NumPy arrays."""
    inputs = search.inputs([np.array(ids) for ids in sources], LENGTH)
    found = run_search(search, step, ops.arange(len(sources), dtype="int32"), len(sources), LENGTH, *inputs)
    return tuple(map(np.asarray, found))


def drawn(step, ids):
    """For each token that was drawn: the logits of all tokens there, and the token."""
    for sentence, samples in enumerate(ids):
        for row in samples:
            for position, (last, token) in enumerate(zip(row[:-1], row[1:], strict=True)):
                if last == END_ID:
                    break
                yield step.logits[sentence, position, last], token


@given(seed=SEEDS, top_k=st.integers(1, VOCABULARY + 2))
@few_examples
def test_only_the_k_best_tokens_are_drawn(seed, top_k):
    step = random_table(seed)
    ids, _ = sample(step, SamplingSearch(3.0, top_k=top_k, seed=seed, samples=8))
    ranks = [int(np.sum(logits > logits[token])) for logits, token in drawn(step, ids)]
    assert max(ranks) < top_k
    assert top_k == 1 or max(ranks) > 0


@given(seed=SEEDS, top_p=st.floats(0.05, 1.0))
@few_examples
def test_only_tokens_before_which_less_than_p_is_reached_are_drawn(seed, top_p):
    step, temperature = random_table(seed), 1.5
    ids, _ = sample(step, SamplingSearch(temperature, top_p=top_p, seed=seed, samples=8))
    for logits, token in drawn(step, ids):
        p = np.exp(logits.astype("float64") / temperature)
        assert np.sum(p[logits > logits[token]]) / np.sum(p) < top_p + 1e-5


def test_a_nucleus_is_reached_by_the_token_that_completes_it():
    logits = np.log(np.array([0.05, 0.05, 0.05, 0.05, 0.5, 0.3]))
    search = SamplingSearch(top_p=0.6)
    ranked = np.sort(logits)[None, ::-1].astype("float32")
    places = [int(search._draw(ops.convert_to_tensor(ranked), ops.convert_to_tensor([u], "float32"))[0]) for u in GRID]
    assert set(places) == {0, 1}
    assert np.mean(np.array(places) == 0) == pytest.approx(0.5 / 0.8, abs=0.02)


GRID = np.linspace(0, 1, 200, endpoint=False, dtype="float32")


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_token_has_its_probabilitys_share_of_the_numbers(temperature):
    probabilities = np.array([0.4, 0.3, 0.2, 0.1]) ** (1 / temperature)
    ranked = np.log(np.array([[0.4, 0.3, 0.2, 0.1]], "float32"))
    search = SamplingSearch(temperature)
    places = [int(search._draw(ops.convert_to_tensor(ranked), ops.convert_to_tensor([u]))[0]) for u in GRID]
    shares = np.bincount(places, minlength=4) / len(GRID)
    np.testing.assert_allclose(shares, probabilities / probabilities.sum(), atol=0.011)


def test_the_largest_number_draws_a_token_that_stays():
    ranked = ops.convert_to_tensor(np.array([[1.0, 0.5, -50.0, -60.0]], "float32"))
    almost_one = ops.convert_to_tensor([1 - 2**-24], "float32")
    for search, last in ((SamplingSearch(top_p=0.9), 1), (SamplingSearch(), 3)):
        assert int(search._draw(ranked, almost_one)[0]) <= last


@given(seed=SEEDS)
@few_examples
def test_near_temperature_zero_it_is_greedy_search(seed):
    step = random_table(seed)
    greedy = greedy_search(step, step.start(), 3, LENGTH)
    ids, scores = sample(step, SamplingSearch(1e-4, seed=seed))
    np.testing.assert_array_equal(ids[:, 0], greedy.ids)
    np.testing.assert_allclose(scores[:, 0], greedy.scores, rtol=1e-4, atol=1e-5)


@given(seed=SEEDS)
@few_examples
def test_scores_are_the_models_log_probabilities_and_the_best_sample_is_first(seed):
    step = random_table(seed)
    ids, scores = sample(step, SamplingSearch(2.0, top_k=5, top_p=0.9, seed=seed, samples=4))
    assert np.all(np.diff(scores, axis=1) <= 0)
    for sentence in range(3):
        for row, score in zip(ids[sentence], scores[sentence], strict=True):
            ends = np.flatnonzero(row == END_ID)
            known = row[: ends[0] + 1] if len(ends) else row
            assert row[0] == START_ID and not np.any(row[len(known) :])
            np.testing.assert_allclose(score, step.log_probability(sentence, known), rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_samples_and_another_gives_others():
    step = random_table(0)
    first, again, other = (sample(step, SamplingSearch(seed=seed, samples=3))[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_numbers_depend_on_the_seed_and_the_sentence_alone():
    search = SamplingSearch(seed=1, samples=2)
    a, b = np.array([2, 5, 3]), np.array([2, 6, 7, 3])
    (both,), (swapped,), (alone,) = (search.inputs(source, 5) for source in ([a, b], [b, a], [b]))
    np.testing.assert_array_equal(both, swapped[::-1])
    np.testing.assert_array_equal(both[1:], alone)
    assert both.shape == (2, 2, 5) and both.dtype == np.float32 and len(np.unique(both)) == 20
    assert np.any(SamplingSearch(seed=2, samples=2).inputs([b], 5)[0] != alone)


def test_fewer_samples_are_the_first_of_more():
    one, three = (SamplingSearch(samples=n).inputs([np.array([2, 5, 3])], 5)[0] for n in (1, 3))
    np.testing.assert_array_equal(one[:, 0], three[:, 0])


def test_a_sentence_is_done_when_all_its_samples_have_ended():
    logits = np.zeros((1, LENGTH, VOCABULARY, VOCABULARY))
    logits[..., END_ID] = 50.0
    logits[:, 0, :, END_ID] = np.log(VOCABULARY - 1)  # at the first place by one half
    search, step = SamplingSearch(samples=12), TableStep(logits)
    (uniforms,) = search.inputs([np.array([2, 5, 3])], LENGTH)
    progress = search.begin(step.start(), 1, LENGTH, uniforms)
    progress = search.extend(step, progress)
    assert 0 < int(np.sum(progress.ended)) < 12 and not bool(search.done(progress)[0])
    assert bool(search.done(search.extend(step, progress))[0])


SOURCES = [np.array([START_ID, *range(4, 4 + n), END_ID], "int32") for n in range(1, 6)]


@pytest.fixture(scope="module")
def search():
    model, draw = tiny_transformer(), np.random.default_rng(2)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    return BatchSearch(model, SamplingSearch(1.2, top_k=6, top_p=0.95, seed=3), max_length=20)


@pytest.fixture(scope="module")
def alone(search):
    """Each sentence's sample where it is searched by itself."""
    found = [search([source])[0].tolist() for source in SOURCES]
    assert len(set(map(tuple, found))) > 1
    return found


@given(order=st.permutations(range(5)), size=st.integers(1, 5))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_sample_does_not_depend_on_its_neighbours(search, alone, order, size):
    for chosen in (order[start : start + size] for start in range(0, 5, size)):
        found = search([SOURCES[number] for number in chosen])
        assert [ids.tolist() for ids in found] == [alone[number] for number in chosen]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"temperature": float("nan")}, "temperature must be above 0, got nan"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\], got 0.0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"samples": 0}, "samples must be at least 1, got 0"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        SamplingSearch(**values)
