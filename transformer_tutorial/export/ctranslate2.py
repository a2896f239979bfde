"""The weights in CTranslate2's format: a C++ engine for CPUs and GPUs, with int8 and other number formats.

CTranslate2 computes the same formulas; only the arrangement differs. Its matrices are transposed, and the projections
of an attention that have the same input are one matrix.

    ours                                     there
    query, key, value of self-attention      linear_0, one above the other
    query of cross-attention                 linear_0
    key, value of cross-attention            linear_1
    output of an attention                   the last linear
    positions: sines | cosines               position_encodings, given as a table; its own begin with position 1

Source: CTranslate2's ctranslate2.specs; Klein et al. 2020 for the engine.
Next: keras_file.py
"""

import importlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras import ops

from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.data.tokenizers import Tokenizer
from transformer_tutorial.layers.attention import MultiHeadAttention
from transformer_tutorial.layers.feed_forward import FeedForward
from transformer_tutorial.layers.positions import positional_encoding
from transformer_tutorial.layers.stack import Stack
from transformer_tutorial.model import Transformer
from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.token_ids import END_ID, RESERVED_TOKENS, START_ID, UNKNOWN_ID


def export_ctranslate2(model: Transformer, tokenizers: TokenizerPair, folder: Path, quantization: str | None) -> None:
    """Writes model.bin, config.json and the vocabularies into `folder`.

    Args:
        model: the Transformer, in any precision.
        tokenizers: its tokenizers.
        folder: is there already.
        quantization: the number format of the stored matrices, such as "int8"; None is float32.

    Raises:
        Failure: the package ctranslate2 is not installed.
    """
    spec = make_spec(model)
    spec.register_source_vocabulary(vocabulary(tokenizers.source))
    spec.register_target_vocabulary(vocabulary(tokenizers.target))
    spec.validate()
    spec.optimize(quantization)
    spec.save(str(folder))


def make_spec(model: Transformer):
    """A `ctranslate2.specs.TransformerSpec` with the weights of `model`, its vocabularies still empty."""
    specs = ctranslate2().specs.transformer_spec
    encoder, decoder = model.encoder, model.decoder
    heads, head_dim = encoder.blocks[0].num_heads, encoder.blocks[0].head_dim
    shape = {"pre_norm": encoder.layernorm is not None, "head_dim": head_dim}
    spec = specs.TransformerSpec(
        specs.TransformerEncoderSpec(len(encoder.blocks), heads, **shape),
        specs.TransformerDecoderSpec(len(decoder.blocks), heads, **shape),
    )
    _set_stack(spec.encoder, spec.encoder.embeddings[0], encoder)
    _set_stack(spec.decoder, spec.decoder.embeddings, decoder)
    for layer_spec, layer in zip(spec.encoder.layer, encoder.enc_layers, strict=True):
        _set_self_attention(layer_spec.self_attention, layer.self_attention)
        _set_feed_forward(layer_spec.ffn, layer.ffn)
    for layer_spec, layer in zip(spec.decoder.layer, decoder.dec_layers, strict=True):
        _set_self_attention(layer_spec.self_attention, layer.causal_self_attention)
        _set_cross_attention(layer_spec.attention, layer.cross_attention)
        _set_feed_forward(layer_spec.ffn, layer.ffn)
    if model.tied_embeddings == "none":
        _set_linear(spec.decoder.projection, model.final_layer)
    else:
        spec.decoder.projection.weight = _array(decoder.pos_embedding.embedding.embeddings)
    _set_config(spec.config, model)
    return spec


def ctranslate2():
    """The module ctranslate2.

    Raises:
        Failure: it is not installed.
    """
    try:
        importlib.import_module("ctranslate2.specs")
        return importlib.import_module("ctranslate2")
    except ImportError as error:
        raise Failure(
            f"This format needs the package ctranslate2, which cannot be imported: {error}. "
            "Install it: pip install ctranslate2"
        ) from error


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    """All pieces, by id."""
    pieces = tokenizer.lookup(tf.range(tokenizer.get_vocab_size(), dtype=tf.int64))
    return [piece.decode() for piece in pieces.numpy()]


def _set_config(config, model: Transformer) -> None:
    config.unk_token = RESERVED_TOKENS[UNKNOWN_ID]
    config.bos_token = config.decoder_start_token = RESERVED_TOKENS[START_ID]
    config.eos_token = RESERVED_TOKENS[END_ID]
    config.add_source_bos = config.add_source_eos = True
    config.layer_norm_epsilon = model.encoder.blocks[0].ffn.layernorm.epsilon


def _set_stack(spec, embeddings_spec, stack: Stack) -> None:
    embedding = stack.pos_embedding
    embeddings_spec.weight = _array(embedding.embedding.embeddings)
    spec.position_encodings.encodings = _array(positional_encoding(embedding.max_length, embedding.d_model))
    if stack.layernorm is not None:
        _set_layer_norm(spec.layer_norm, stack.layernorm)


def _set_self_attention(spec, sub_layer) -> None:
    mha: MultiHeadAttention = sub_layer.mha
    _set_linear(spec.linear[0], mha.query_dense, mha.key_dense, mha.value_dense)
    _set_linear(spec.linear[1], mha.output_dense)
    _set_layer_norm(spec.layer_norm, sub_layer.layernorm)


def _set_cross_attention(spec, sub_layer) -> None:
    mha: MultiHeadAttention = sub_layer.mha
    _set_linear(spec.linear[0], mha.query_dense)
    _set_linear(spec.linear[1], mha.key_dense, mha.value_dense)
    _set_linear(spec.linear[2], mha.output_dense)
    _set_layer_norm(spec.layer_norm, sub_layer.layernorm)


def _set_feed_forward(spec, ffn: FeedForward) -> None:
    _set_linear(spec.linear_0, ffn.hidden)
    _set_linear(spec.linear_1, ffn.output_dense)
    _set_layer_norm(spec.layer_norm, ffn.layernorm)


def _set_linear(spec, *layers) -> None:
    spec.weight = np.concatenate([_array(layer.kernel).T for layer in layers])
    spec.bias = np.concatenate([_array(layer.bias) for layer in layers])


def _set_layer_norm(spec, layer) -> None:
    spec.gamma, spec.beta = _array(layer.gamma), _array(layer.beta)


def _array(variable) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable), np.float32)
