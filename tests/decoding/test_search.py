import numpy as np
import pytest

from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.greedy import END_ID, START_ID, greedy_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.search import BatchSearch, in_order, padded_width, search_all

LENGTHS = [9, 2, 17, 3, 8, 10, 4]
SOURCE = [
    np.concatenate([[START_ID], np.random.default_rng(length).integers(4, 11, length - 2), [END_ID]]).astype("int32")
    for length in LENGTHS
]

FIRST_LETTER_ON = np.where(np.arange(9) < END_ID, -1e4, 0.0)  # a bias against padding and the like


@pytest.fixture(scope="module")
def model():
    """With weights as large as trained ones; all translations of a fresh model would be alike."""
    model, draw = tiny_transformer(), np.random.default_rng(2)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    model.final_layer.bias.assign(FIRST_LETTER_ON - 3.0 * (np.arange(9) == END_ID))
    return model


@pytest.fixture(scope="module", params=[1, 3], ids=["greedy", "beam"])
def search(model, request):
    return BatchSearch(model, beam_size=request.param, max_length=40)


def recording(batches):
    """A search that gives the sources back and notes how they came."""

    def search(source):
        batches.append([len(ids) for ids in source])
        return list(source)

    return search


def test_widths_are_multiples_of_eight():
    assert [padded_width(length) for length in (1, 7, 8, 9, 16, 17)] == [8, 8, 8, 16, 16, 24]


def test_results_come_back_in_the_order_of_the_sources():
    results = in_order(search_all(recording([]), SOURCE, batch_size=2), len(SOURCE))
    for result, source in zip(results, SOURCE, strict=True):
        assert result is source
    assert in_order(search_all(recording([]), []), 0) == []


def test_sentences_are_searched_shortest_first_with_others_of_their_width():
    batches = []
    list(search_all(recording(batches), SOURCE, batch_size=3))
    assert batches == [[2, 3, 4], [8], [9, 10], [17]]


def test_a_translation_does_not_depend_on_its_neighbours(search):
    together = in_order(search_all(search, SOURCE, batch_size=3), len(SOURCE))
    for source, translation in zip(SOURCE, together, strict=True):
        np.testing.assert_array_equal(search([source])[0], translation)
    assert len({tuple(translation) for translation in together}) > 1


def test_a_translation_goes_from_start_to_end_without_padding():
    model = tiny_transformer()
    model.final_layer.bias.assign(np.where(np.arange(9) == END_ID, 1e4, 0.0))
    for translation in BatchSearch(model, max_length=5)(SOURCE[:2]):
        assert translation.tolist() == [START_ID, END_ID]


def test_the_compiled_search_finds_what_the_plain_search_finds(model):
    source = SOURCE[0]
    step, search = PlainStep(model), BatchSearch(model, max_length=24)
    padded = np.pad(source, (0, 16 - len(source)))[None]
    expected = np.asarray(greedy_search(step, step.start(padded), 1, 24).ids)[0]
    found = search([source])[0]
    np.testing.assert_array_equal(found, expected[: len(found)])
    assert not np.any(expected[len(found) :])


def test_the_limit_grows_with_the_source_up_to_max_length(model):
    search = BatchSearch(model, max_length=60)
    assert [search.length_limit(width) for width in (8, 16, 24)] == [32, 48, 60]


def test_no_translation_is_longer_than_max_length():
    model = tiny_transformer()
    model.final_layer.bias.assign(FIRST_LETTER_ON - 1e4 * (np.arange(9) == END_ID))
    (translation,) = BatchSearch(model, max_length=5)([SOURCE[1]])
    assert END_ID not in translation and len(translation) == 5


def test_the_beam_size_and_the_length_penalty_reach_the_search(model, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "transformer_tutorial.decoding.search.beam_search",
        lambda step, state, batch_size, max_length, *options: (
            seen.append(options) or greedy_search(step, state, batch_size, max_length)
        ),
    )
    BatchSearch(model, beam_size=5, length_penalty=0.7, max_length=4)([SOURCE[1]])
    assert set(seen) == {(5, 0.7)}
