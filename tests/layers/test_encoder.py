import numpy as np
import pytest

from transformer_tutorial.layers.encoder import Encoder, EncoderLayer
from transformer_tutorial.layers.masks import padding_allowed

X = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
IDS = np.array([[2, 5, 3, 0], [2, 6, 7, 3]])
ALLOWED = np.asarray(padding_allowed(IDS))


@pytest.fixture(scope="module")
def encoder():
    encoder = Encoder(num_layers=2, d_model=6, num_heads=2, dff=9, vocab_size=8, dropout_rate=0.5)
    encoder(IDS)
    return encoder


def test_a_layer_is_attention_and_then_the_feed_forward_network():
    layer = EncoderLayer(d_model=6, num_heads=2, dff=9)
    output = layer(X, ALLOWED)
    np.testing.assert_allclose(output, layer.ffn(layer.self_attention(X, ALLOWED)), atol=1e-6)


@pytest.mark.parametrize(("head_dim", "width"), [(None, 6), (5, 10)])
def test_the_heads_share_the_width_unless_they_are_given_one(head_dim, width):
    layer = EncoderLayer(d_model=6, num_heads=2, dff=9, head_dim=head_dim)
    layer(X)
    assert layer.self_attention.mha.width == width


def test_the_encoder_applies_its_layers_one_after_the_other(encoder):
    x = encoder.pos_embedding(IDS)
    for layer in encoder.enc_layers:
        x = layer(x, ALLOWED)
    assert len(encoder.enc_layers) == 2
    np.testing.assert_allclose(encoder(IDS), x, atol=1e-6)


def test_the_encoder_hides_padding_unless_told_what_may_be_seen(encoder):
    np.testing.assert_array_equal(encoder(IDS), encoder(IDS, ALLOWED))
    assert not np.allclose(encoder(IDS)[0], encoder(IDS, np.ones_like(ALLOWED))[0], atol=1e-3)


def test_the_encoder_returns_the_weights_of_each_layer(encoder):
    output, maps = encoder.attend(IDS)
    np.testing.assert_array_equal(output, encoder(IDS))
    assert [weights.shape for weights in maps] == [(2, 2, 4, 4)] * 2
    assert not np.allclose(maps[0], maps[1])


def test_the_embeddings_are_dropped_in_training():
    encoder = Encoder(num_layers=1, d_model=6, num_heads=2, dff=9, vocab_size=8, dropout_rate=0.999999)
    assert np.abs(encoder(IDS)).max() > 0.1
    np.testing.assert_allclose(encoder(IDS, training=True), np.zeros((2, 4, 6)), atol=1e-5)
