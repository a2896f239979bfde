import numpy as np
import pytest

from transformer_tutorial.layers.decoder import Decoder, DecoderLayer
from transformer_tutorial.layers.masks import padding_allowed

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(2, 5, 6)).astype("float32")
CONTEXT = DRAW.normal(size=(2, 3, 6)).astype("float32")
IDS = np.array([[2, 0, 5, 3, 0], [2, 6, 7, 4, 3]])
ALLOWED = np.asarray(padding_allowed(IDS))
CONTEXT_ALLOWED = np.array([[True, True, False], [True, True, True]])[:, None, None, :]


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder(num_layers=2, d_model=6, num_heads=2, dff=9, vocab_size=8, dropout_rate=0.5)
    decoder(IDS, CONTEXT)
    return decoder


@pytest.fixture(scope="module")
def layer():
    layer = DecoderLayer(d_model=6, num_heads=2, dff=9)
    layer(X, CONTEXT)
    return layer


def test_a_layer_looks_at_the_target_then_at_the_source_then_feeds_forward(layer):
    x = layer.causal_self_attention(X, ALLOWED)
    expected = layer.ffn(layer.cross_attention(x, CONTEXT, CONTEXT_ALLOWED))
    np.testing.assert_allclose(layer(X, CONTEXT, ALLOWED, CONTEXT_ALLOWED), expected, atol=1e-6)


def test_a_layer_does_not_see_the_future(layer):
    changed = X.copy()
    changed[:, 3:] += 1.0
    before, after = np.asarray(layer(X, CONTEXT)), np.asarray(layer(changed, CONTEXT))
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-6)
    assert not np.allclose(after[:, 3:], before[:, 3:], atol=1e-3)


def test_hidden_source_positions_have_no_influence(layer):
    changed = CONTEXT.copy()
    changed[0, 2] += 1.0
    np.testing.assert_allclose(
        layer(X, changed, None, CONTEXT_ALLOWED), layer(X, CONTEXT, None, CONTEXT_ALLOWED), atol=1e-6
    )
    assert not np.allclose(layer(X, changed), layer(X, CONTEXT), atol=1e-3)


def test_the_decoder_applies_its_layers_one_after_the_other(decoder):
    x = decoder.pos_embedding(IDS)
    for layer in decoder.dec_layers:
        x = layer(x, CONTEXT, ALLOWED, CONTEXT_ALLOWED)
    assert len(decoder.dec_layers) == 2
    np.testing.assert_allclose(decoder(IDS, CONTEXT, CONTEXT_ALLOWED), x, atol=1e-6)


def test_real_positions_do_not_see_target_padding_before_them(decoder):
    before = np.asarray(decoder(IDS, CONTEXT))
    table = decoder.pos_embedding.embedding.embeddings
    kept = np.array(table)
    table.assign(np.concatenate([kept[:1] + 1.0, kept[1:]]))
    after = np.asarray(decoder(IDS, CONTEXT))
    table.assign(kept)
    np.testing.assert_allclose(after[IDS != 0], before[IDS != 0], atol=1e-5)
    assert not np.allclose(after[IDS == 0], before[IDS == 0], atol=1e-3)


def test_the_decoder_returns_the_weights_of_each_layer(decoder):
    output, self_maps, cross_maps = decoder.attend(IDS, CONTEXT, CONTEXT_ALLOWED)
    np.testing.assert_array_equal(output, decoder(IDS, CONTEXT, CONTEXT_ALLOWED))
    assert [weights.shape for weights in self_maps] == [(2, 2, 5, 5)] * 2
    assert [weights.shape for weights in cross_maps] == [(2, 2, 5, 3)] * 2
    np.testing.assert_array_equal(np.asarray(cross_maps)[:, 0, ..., 2], 0.0)


def test_the_embeddings_are_dropped_in_training():
    decoder = Decoder(num_layers=1, d_model=6, num_heads=2, dff=9, vocab_size=8, dropout_rate=0.999999)
    assert np.abs(decoder(IDS, CONTEXT)).max() > 0.1
    np.testing.assert_allclose(decoder(IDS, CONTEXT, training=True), np.zeros((2, 5, 6)), atol=1e-5)
