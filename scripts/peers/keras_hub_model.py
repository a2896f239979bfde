"""The architecture of a config, built from KerasHub's `TransformerEncoder` and `TransformerDecoder`.

Embeddings and the final projection are Keras's own, trained as the tutorial does. The padding masks are handed to each
layer, as its documentation says.
"""

import keras
import keras_hub
from keras import ops
from peers.tutorial_training import compile_as_the_tutorial

from transformer_tutorial.config import Config


def build_keras_hub_model(config: Config, input_vocab_size: int, target_vocab_size: int) -> keras.Model:
    """A compiled model from (source ids, target ids) to logits, (B, T, target_vocab_size)."""
    source, target = (keras.Input((None,), dtype="int32", name=name) for name in ("source", "target"))
    layer = {"intermediate_dim": config.dff, "num_heads": config.num_heads, "dropout": config.dropout_rate}
    source_real, target_real = ops.not_equal(source, 0), ops.not_equal(target, 0)
    context = _embed(source, input_vocab_size, config)
    for _ in range(config.num_layers):
        context = keras_hub.layers.TransformerEncoder(**layer)(context, padding_mask=source_real)
    x = _embed(target, target_vocab_size, config)
    for _ in range(config.num_decoder_layers or config.num_layers):
        decoder_layer = keras_hub.layers.TransformerDecoder(**layer)
        x = decoder_layer(x, context, decoder_padding_mask=target_real, encoder_padding_mask=source_real)
    logits = keras.layers.Dense(target_vocab_size)(x)
    return compile_as_the_tutorial(keras.Model((source, target), ops.cast(logits, "float32")), config)


def _embed(ids, vocab_size: int, config: Config):
    x = keras.layers.Embedding(vocab_size, config.d_model)(ids) * config.d_model**0.5
    return keras.layers.Dropout(config.dropout_rate)(x + keras_hub.layers.SinePositionEncoding()(x))
