import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.greedy import GreedySearch, greedy_search
from transformer_tutorial.decoding.plain_step import PlainStep
from transformer_tutorial.decoding.search import BatchSearch, in_order, padded_width, search_all
from transformer_tutorial.fast.cached_step import CachedStep
from transformer_tutorial.token_ids import END_ID, START_ID

ROOT = Path(__file__).resolve().parents[2]
LENGTHS = [9, 2, 17, 3, 8, 10, 4]
SOURCE = [
    np.concatenate([[START_ID], np.random.default_rng(length).integers(4, 11, length - 2), [END_ID]]).astype("int32")
    for length in LENGTHS
]

SOURCE_OF_ONE_WIDTH = [
    np.array([START_ID, *np.random.default_rng(n).integers(4, 11, n % 7), END_ID], "int32") for n in range(12)
]

FIRST_LETTER_ON = np.where(np.arange(9) < END_ID, -1e4, 0.0)  # a bias against padding and the like


@pytest.fixture(scope="module")
def model():
    """With weights as large as trained ones; all translations of a fresh model would be alike."""
    model, draw = tiny_transformer(), np.random.default_rng(6)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    model.final_layer.bias.assign(FIRST_LETTER_ON + 2.0 * (np.arange(9) == END_ID))
    return model


@pytest.fixture(scope="module", params=[GreedySearch(), BeamSearch(3)], ids=["greedy", "beam"])
def search(model, request):
    return BatchSearch(model, request.param, max_length=40)


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


@pytest.fixture(scope="module")
def alone(search):
    """Each sentence's translation where it is searched by itself."""
    found = [search([source])[0].tolist() for source in SOURCE]
    assert len(set(map(tuple, found))) > 3
    return found


@given(order=st.permutations(range(len(LENGTHS))), size=st.integers(1, len(LENGTHS)))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_translation_does_not_depend_on_its_neighbours(search, alone, order, size):
    found = in_order(search_all(search, [SOURCE[number] for number in order], size), len(order))
    assert [ids.tolist() for ids in found] == [alone[number] for number in order]


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


@pytest.mark.parametrize("limit", [1, 2, 15, 16, 17, 18, 32, 33])
def test_the_limit_may_be_any_place_of_a_round(limit):
    model = tiny_transformer()
    model.final_layer.bias.assign(FIRST_LETTER_ON - 1e4 * (np.arange(9) == END_ID))
    ((found,),) = BatchSearch(model, max_length=limit).translations([SOURCE[2]])
    assert len(found.ids) == limit and found.cut and np.isfinite(found.score)


def test_whether_a_translation_was_cut_is_told(model):
    (((long,),), ((short,),)) = (BatchSearch(model, max_length=limit).translations(SOURCE[:1]) for limit in (40, 2))
    assert long.cut is False and long.ids[-1] == END_ID and len(long.ids) > 2
    assert short.cut is True and len(short.ids) == 2


def test_a_search_gives_all_it_finds_best_first(model):
    (found,) = BatchSearch(model, BeamSearch(3), max_length=40).translations(SOURCE[:1])
    assert [translation.score for translation in found] == sorted((t.score for t in found), reverse=True)
    assert len({tuple(translation.ids) for translation in found}) == 3
    for translation in found:
        assert translation.ids[0] == START_ID and (translation.cut or translation.ids[-1] == END_ID)


@pytest.mark.tensorflow
def test_sentences_that_are_done_leave_after_the_round(model):
    search, rows = BatchSearch(model, max_length=40), []
    advance = search._advance
    search._advance = lambda progress, sentences, length: (
        rows.append((len(sentences), length)) or advance(progress, sentences, length=length)
    )
    lengths = np.array([len(ids) for ids in search(SOURCE_OF_ONE_WIDTH)])
    assert rows == [(12, 16), (np.sum(lengths > 16), 32)]
    assert 0 < rows[1][0] < 12


@pytest.mark.tensorflow
def test_all_batches_rounds_and_widths_share_one_trace(search):
    traced = []
    step = search.make_step

    class Watched(CachedStep):
        def __call__(self, *arguments):
            traced.append(1)
            return super().__call__(*arguments)

    fresh = BatchSearch(search.model, search.search, max_length=40, make_step=Watched)
    for source in (SOURCE[:1], SOURCE_OF_ONE_WIDTH, SOURCE[2:3]):
        fresh(source)
    assert len(traced) == 1 and step is CachedStep


def test_compiled_by_xla_it_finds_the_same(model):
    source = [ids for ids in SOURCE if len(ids) <= 8]
    assert len(source) == 4
    for method in (GreedySearch(), BeamSearch(2)):
        plain, xla = (BatchSearch(model, method, max_length=24, jit_compile=jit) for jit in (False, True))
        for expected, found in zip(plain(source[:3]), xla(source[:3]), strict=True):
            np.testing.assert_array_equal(found, expected)


PROGRAM = """
import numpy as np
from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.sampling import SamplingSearch
from transformer_tutorial.decoding.search import BatchSearch

model, draw = tiny_transformer(), np.random.default_rng(6)
model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
source = [np.array([2, *range(4, 4 + n), 3], "int32") for n in (2, 4, 5)]
for search in (None, BeamSearch(2), SamplingSearch(seed=1, top_k=5, top_p=0.9, samples=2)):
    print([[one.ids.tolist() for one in each] for each in BatchSearch(model, search, 20).translations(source)])
"""


def test_on_jax_the_same_is_found_and_no_tensorflow_is_needed():
    pytest.importorskip("jax")
    printed = {}
    for backend in ("tensorflow", "jax"):
        without = "import sys; sys.modules['tensorflow'] = None" if backend == "jax" else ""
        path = os.pathsep.join([str(ROOT / "tests"), *sys.path])
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
        command = [sys.executable, "-c", without + PROGRAM]
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
        printed[backend] = finished.stdout
    assert printed["jax"] == printed["tensorflow"] and len(set(printed["jax"].splitlines())) == 3
