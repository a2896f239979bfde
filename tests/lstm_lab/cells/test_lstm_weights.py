"""Weights of the variants: stacked and named."""

import numpy as np
import pytest
import tensorflow as tf

from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_variants import VARIANTS
from lstm_lab.cells.lstm_weights import Weights, block_names, check_weights, named, stacked, weight_shapes
from lstm_lab.sequence import forward
from transformer_tutorial.runtime.errors import UsageError

M, N = 3, 5


def draw_weights(variant):
    random = np.random.default_rng(0)
    shapes = weight_shapes(variant, M, N)
    return Weights(*(tf.constant(random.normal(size=shape)) if shape else () for shape in shapes))


@pytest.mark.parametrize("variant", VARIANTS)
def test_stacking_named_weights_gives_the_stacked_ones_back(variant):
    weights = draw_weights(variant)
    again = stacked(variant, named(variant, weights))
    tf.nest.map_structure(np.testing.assert_array_equal, weights, again)


def test_the_blocks_stand_in_the_order_of_keras():
    parts = named("V", draw_weights("V"))
    assert list(parts)[:4] == ["Wi", "Wf", "Wz", "Wo"]
    np.testing.assert_array_equal(parts["Wz"], draw_weights("V").W[:, 2 * N : 3 * N])
    np.testing.assert_array_equal(parts["pf"], draw_weights("V").p[1])


def test_rab_leads_from_the_rows_of_a_to_the_columns_of_b():
    parts = named("FGR", draw_weights("FGR"))
    np.testing.assert_array_equal(parts["Rif"], draw_weights("FGR").G[:N, N : 2 * N])
    np.testing.assert_array_equal(parts["Rfi"], draw_weights("FGR").G[N : 2 * N, :N])


def test_a_variant_has_no_names_for_what_it_lacks():
    assert block_names("NIG")["W"] == ("Wf", "Wz", "Wo")
    assert block_names("NOG")["p"] == ("pi", "pf")
    assert block_names("NP")["p"] == ()
    assert block_names("CIFG")["R"] == ("Ri", "Rz", "Ro")


@pytest.mark.parametrize(
    ("variant", "change", "text"),
    [
        ("NP", {"p": tf.zeros((3, N))}, r"variant NP has no weights p, got some of shape \(3, 5\)\. Leave p out"),
        ("V", {"G": tf.zeros((15, 15))}, "variant V has no weights G"),
        ("V", {"p": ()}, r"p of variant V must have the shape \(3, 5\), got nothing"),
        ("NIG", {"W": tf.zeros((M, 4 * N))}, r"W of variant NIG must have the shape \(3, 15\), got \(3, 20\)"),
        ("V", {"b": tf.zeros(7)}, r"b of variant V must have the shape \(20\), got \(7\)"),
        ("V", {"R": tf.zeros(7)}, r"R must have the shape \(any, any\), got \(7\)"),
    ],
)
def test_weights_that_are_not_those_of_the_variant_are_refused(variant, change, text):
    weights = draw_weights(variant)._replace(**change)
    with pytest.raises(UsageError, match=text):
        check_weights(variant, weights, M)
    with pytest.raises(UsageError, match=text):
        forward(LSTMCell(variant), weights, tf.zeros((2, 4, M), tf.float64))


def test_names_that_the_variant_lacks_or_misses_are_refused():
    parts = dict(named("NIG", draw_weights("NIG")))
    with pytest.raises(UsageError, match="variant NIG has no weights Wi; it has Rf, Ro, Rz, Wf, Wo, Wz, bf"):
        stacked("NIG", parts | {"Wi": parts["Wf"]})
    del parts["bz"]
    with pytest.raises(UsageError, match="variant NIG needs weights bz; it has"):
        stacked("NIG", parts)


def test_an_unknown_variant_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="unknown variant 'NPP'. Did you mean NP"):
        weight_shapes("NPP", M, N)
    with pytest.raises(UsageError, match="unknown variant 'FRG'. Did you mean NFG or FGR"):
        block_names("FRG")
