import numpy as np
import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.decoding.beam import BeamSearch
from transformer_tutorial.decoding.greedy import GreedySearch
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.export.graph_search import GraphSearch, in_groups
from transformer_tutorial.export.limits import Limits
from transformer_tutorial.token_ids import END_ID, START_ID

LENGTHS = (3, 30, 5, 12, 4, 9, 8, 30, 17)


@pytest.fixture(scope="module")
def model():
    """With an end that comes soon for some sources and never for others."""
    model, draw = tiny_transformer(seed=3), np.random.default_rng(6)
    model.set_weights([draw.normal(0, 0.6, w.shape) if len(w.shape) == 2 else w for w in model.get_weights()])
    model.final_layer.bias.assign(1.0 * (np.arange(9) == END_ID))
    return model


@pytest.fixture(scope="module")
def source():
    draw = np.random.default_rng(0)
    return [np.array([START_ID, *draw.integers(4, 11, n - 2), END_ID], np.int32) for n in LENGTHS]


@pytest.mark.parametrize("search", [GreedySearch(), BeamSearch(3, 0.6)], ids=["greedy", "beam"])
def test_translations_are_those_of_the_batch_search(search, model, source):
    batch_search = BatchSearch(model, search, max_length=41)
    expected = [best for best, *_ in in_order(search_all(batch_search.translations, source), len(source))]
    assert len({len(one.ids) for one in expected}) > 3 and max(len(one.ids) for one in expected) > 16  # several rounds
    ragged = tf.ragged.constant([list(ids) for ids in source], tf.int32)
    graph_search = tf.function(GraphSearch(model, search, Limits(max_length=41, batch_size=2)), autograph=False)
    found = graph_search(ragged)
    assert found.ids.shape == (len(source), 41)
    for ids, score, one in zip(found.ids.numpy(), found.scores.numpy(), expected, strict=True):
        np.testing.assert_array_equal(ids, np.pad(one.ids, (0, 41 - len(one.ids))))
        assert score == pytest.approx(one.score, rel=1e-5)


def test_a_group_has_one_key_and_a_limited_number_of_rows():
    keys = tf.constant([16, 8, 16, 8, 8, 24, 8])
    groups = []

    def double(numbers):
        groups.append(numbers.numpy().tolist())
        return 2 * tf.gather(keys, numbers)

    results = in_groups(double, tf.argsort(keys, stable=True), keys, tf.zeros(7, tf.int32), batch_size=3)
    assert groups == [[1, 3, 4], [6], [0, 2], [5]]
    np.testing.assert_array_equal(results, 2 * keys)
