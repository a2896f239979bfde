"""The notebook's cells, in its order and with its keywords, on a corpus of our own: one import replaces its classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import tiny_pairs
from transformer_tutorial import (
    CausalSelfAttention,
    CrossAttention,
    CustomSchedule,
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    ExportTranslator,
    FeedForward,
    GlobalSelfAttention,
    PositionalEmbedding,
    TokenizerPair,
    Transformer,
    Translator,
    make_batches,
    masked_accuracy,
    masked_loss,
    positional_encoding,
)


@pytest.fixture(scope="module")
def pairs():
    portuguese, english = zip(*tiny_pairs(), strict=True)
    return list(portuguese), list(english)


@pytest.fixture(scope="module")
def tokenizers(pairs):
    return TokenizerPair.train(*pairs, kind="wordpiece", vocab_size=200, lower_case=True)


@pytest.fixture(scope="module")
def batches(pairs, tokenizers):
    return make_batches(tf.data.Dataset.from_tensor_slices(pairs), tokenizers, batch_size=16)


def test_the_cells_from_embedding_to_decoder(tokenizers, batches):
    assert positional_encoding(length=2048, depth=512).numpy().shape == (2048, 512)
    (pt, en), en_labels = next(iter(batches))
    assert en.shape == en_labels.shape and (en[:, 0] == 2).numpy().all()
    embed_pt = PositionalEmbedding(vocab_size=tokenizers.pt.get_vocab_size(), d_model=512)
    embed_en = PositionalEmbedding(vocab_size=np.int32(tokenizers.en.get_vocab_size()), d_model=512)
    pt_emb, en_emb = embed_pt(pt), embed_en(en)
    assert CrossAttention(num_heads=2, key_dim=512)(en_emb, pt_emb).shape == en_emb.shape
    assert GlobalSelfAttention(num_heads=2, key_dim=512)(pt_emb).shape == pt_emb.shape
    sample_csa = CausalSelfAttention(num_heads=2, key_dim=512)
    difference = sample_csa(embed_en(en[:, :3])) - sample_csa(embed_en(en))[:, :3]
    assert tf.reduce_max(tf.abs(difference)) < 1e-5
    assert FeedForward(512, 2048)(en_emb).shape == en_emb.shape
    assert EncoderLayer(d_model=512, num_heads=8, dff=2048)(pt_emb).shape == pt_emb.shape
    size = tokenizers.pt.get_vocab_size()
    encoder = Encoder(num_layers=4, d_model=512, num_heads=8, dff=2048, vocab_size=size)
    assert encoder(pt, training=False).shape == pt_emb.shape
    assert DecoderLayer(d_model=512, num_heads=8, dff=2048)(x=en_emb, context=pt_emb).shape == en_emb.shape
    decoder = Decoder(num_layers=4, d_model=512, num_heads=8, dff=2048, vocab_size=size)
    assert decoder(x=en, context=pt_emb).shape == en_emb.shape


def test_the_cells_from_training_to_export(tokenizers, batches, pairs, tmp_path):
    keras.utils.set_random_seed(1)
    transformer = Transformer(
        num_layers=1,
        d_model=64,
        num_heads=4,
        dff=128,
        input_vocab_size=np.int32(tokenizers.pt.get_vocab_size()),
        target_vocab_size=np.int32(tokenizers.en.get_vocab_size()),
        dropout_rate=0.0,
    )
    learning_rate = CustomSchedule(64, warmup_steps=60)
    optimizer = keras.optimizers.Adam(learning_rate, beta_1=0.9, beta_2=0.98, epsilon=1e-9)
    transformer.compile(loss=masked_loss, optimizer=optimizer, metrics=[masked_accuracy])
    history = transformer.fit(batches, epochs=30, validation_data=batches, verbose=0).history
    assert history["val_masked_accuracy"][-1] > 0.95 > history["val_masked_accuracy"][0]

    translator = Translator(tokenizers, transformer)
    text, tokens, attention = translator(tf.constant(pairs[0][0]))
    assert text.numpy().decode() == pairs[1][0].lower()
    assert tokens[0] == b"[START]" and attention.shape == (1, 4, len(tokens) - 1, attention.shape[-1])

    tf.saved_model.save(ExportTranslator(translator), export_dir=str(tmp_path / "translator"))
    reloaded = tf.saved_model.load(str(tmp_path / "translator"))
    assert reloaded(pairs[0][0]).numpy() == text.numpy()
