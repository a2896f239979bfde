import math

import numpy as np
import pytest

from transformer_tutorial.layers.positions import PositionalEmbedding, positional_encoding


def test_the_encoding_is_sines_beside_cosines_of_ever_longer_waves():
    length, depth = 7, 6
    expected = np.zeros((length, depth))
    for position in range(length):
        for i in range(depth // 2):
            angle = position / 10000 ** (i / (depth / 2))
            expected[position, i] = math.sin(angle)
            expected[position, depth // 2 + i] = math.cos(angle)
    encoding = positional_encoding(length, depth)
    assert encoding.dtype == "float32"
    np.testing.assert_allclose(encoding, expected, atol=1e-7)


def test_the_encoding_of_a_position_does_not_depend_on_the_length():
    np.testing.assert_array_equal(positional_encoding(9, 4)[:3], positional_encoding(3, 4))


def test_the_layer_adds_the_encoding_to_the_scaled_embedding():
    layer = PositionalEmbedding(5, 6)
    ids = np.array([[4, 0, 4], [1, 2, 3]])
    output = layer(ids)
    table = np.asarray(layer.embedding.embeddings)
    for b in range(2):
        for t in range(3):
            expected = table[ids[b, t]] * math.sqrt(6) + np.asarray(positional_encoding(3, 6))[t]
            np.testing.assert_allclose(output[b, t], expected, atol=1e-6)


def test_an_odd_depth_is_an_error():
    with pytest.raises(ValueError, match=r"depth must be even.*got depth=7\."):
        positional_encoding(4, 7)
    with pytest.raises(ValueError, match=r"depth must be even.*got depth=7\."):
        PositionalEmbedding(5, 7)


def test_a_sequence_longer_than_max_length_is_an_error():
    layer = PositionalEmbedding(5, 4, max_length=3)
    assert layer(np.ones((1, 3), "int32")).shape == (1, 3, 4)
    with pytest.raises(ValueError, match=r"at most max_length=3 tokens, got 4\. Split it, truncate it, or build"):
        layer(np.ones((1, 4), "int32"))
