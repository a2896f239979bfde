import numpy as np
import pytest

from transformer_tutorial.layers.masks import (
    causal_allowed,
    create_look_ahead_mask,
    create_masks,
    create_padding_mask,
    padding_allowed,
)

SOURCE = np.array([[2, 5, 3, 0, 0], [2, 6, 7, 8, 3], [0, 0, 0, 0, 0]])
TARGET = np.array([[2, 4, 3, 0], [2, 3, 0, 0], [2, 4, 5, 3]])


def test_all_tokens_but_padding_may_be_seen():
    allowed = np.asarray(padding_allowed(SOURCE))
    assert allowed.shape == (3, 1, 1, 5) and allowed.dtype == bool
    for b in range(3):
        for s in range(5):
            assert allowed[b, 0, 0, s] == (SOURCE[b, s] != 0)


@pytest.mark.parametrize("length", [1, 4])
def test_a_position_sees_itself_and_what_stands_before_it(length):
    allowed = np.asarray(causal_allowed(length))
    assert allowed.shape == (1, 1, length, length) and allowed.dtype == bool
    for query in range(length):
        for key in range(length):
            assert allowed[0, 0, query, key] == (key <= query)


def test_the_earlier_notebooks_masks_are_ours_negated():
    padding, look_ahead = create_padding_mask(SOURCE), create_look_ahead_mask(4)
    assert padding.shape == (3, 1, 1, 5) and padding.dtype == "float32"
    assert look_ahead.shape == (4, 4) and look_ahead.dtype == "float32"
    np.testing.assert_array_equal(padding, 1.0 - np.asarray(padding_allowed(SOURCE)))
    np.testing.assert_array_equal(look_ahead, 1.0 - np.asarray(causal_allowed(4))[0, 0])


def test_create_masks_hides_source_padding_twice_and_the_future_with_target_padding_once():
    encoder, combined, cross = create_masks(SOURCE, TARGET)
    np.testing.assert_array_equal(encoder, create_padding_mask(SOURCE))
    np.testing.assert_array_equal(cross, create_padding_mask(SOURCE))
    assert combined.shape == (3, 1, 4, 4) and combined.dtype == "float32"
    for b in range(3):
        for query in range(4):
            for key in range(4):
                assert combined[b, 0, query, key] == float(key > query or TARGET[b, key] == 0)
