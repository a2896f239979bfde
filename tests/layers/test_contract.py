"""Every public layer keeps the same promises."""

import functools
import importlib
import pkgutil

import keras
import numpy as np
import pytest

from layer_contract import (
    Contract,
    check_compiled,
    check_config,
    check_precision,
    check_saving,
    check_symbolic_shape,
)
from transformer_tutorial import layers, model
from transformer_tutorial.layers.attention import (
    CausalSelfAttention,
    CrossAttention,
    GlobalSelfAttention,
    MultiHeadAttention,
)
from transformer_tutorial.layers.decoder import Decoder, DecoderLayer
from transformer_tutorial.layers.dropout import Dropout
from transformer_tutorial.layers.encoder import Encoder, EncoderLayer
from transformer_tutorial.layers.feed_forward import FeedForward
from transformer_tutorial.layers.layer_norm import LayerNormalization
from transformer_tutorial.layers.positions import PositionalEmbedding
from transformer_tutorial.model import Transformer

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
CONTEXT = np.random.default_rng(1).normal(size=(2, 3, 8)).astype("float32")
IDS = np.array([[2, 5, 7, 3, 0], [2, 8, 9, 4, 3]], np.int32)
TARGET_IDS = np.array([[2, 5, 4, 3], [2, 6, 3, 0]], np.int32)
BLOCK = {"d_model": 8, "num_heads": 2, "dff": 12, "dropout_rate": 0.25, "head_dim": 3}
BLOCK |= {"attention_dropout": 0.5, "residual_dropout": 0.125, "activation_dropout": 0.0625, "norm": "pre"}
STACK = {"num_layers": 2, **BLOCK}
TEN, ELEVEN = np.int64(10), np.int32(11)  # tokenizers count in NumPy's and TensorFlow's integers

CONTRACTS = [
    Contract(Dropout, {"rate": 0.25}, (X,)),
    Contract(LayerNormalization, {"epsilon": 1e-4}, (X,)),
    Contract(PositionalEmbedding, {"vocab_size": TEN, "d_model": 8, "max_length": 9}, (IDS,)),
    Contract(MultiHeadAttention, {"d_model": 8, "num_heads": 2, "head_dim": 3, "dropout_rate": 0.25}, (X, CONTEXT)),
    Contract(CrossAttention, {"num_heads": 2, "key_dim": 3, "dropout": 0.25}, (X, CONTEXT)),
    Contract(GlobalSelfAttention, {"num_heads": 2, "key_dim": 3, "dropout": 0.25}, (X,)),
    Contract(CausalSelfAttention, {"num_heads": 2, "key_dim": 3, "dropout": 0.25}, (X,)),
    Contract(FeedForward, {"d_model": 8, "dff": 12, "dropout_rate": 0.25}, (X,)),
    Contract(EncoderLayer, BLOCK, (X,)),
    Contract(Encoder, {**STACK, "vocab_size": TEN}, (IDS,)),
    Contract(DecoderLayer, BLOCK, (X, CONTEXT)),
    Contract(Decoder, {**STACK, "vocab_size": ELEVEN}, (TARGET_IDS, CONTEXT)),
    Contract(
        Transformer, {**STACK, "input_vocab_size": TEN, "target_vocab_size": ELEVEN}, ((IDS, TARGET_IDS),), "float32"
    ),
]

under_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.layer.__name__)


@functools.cache
def built(name):
    return next(contract for contract in CONTRACTS if contract.layer.__name__ == name).build()


@under_contract
def test_a_layer_can_be_made_again_from_its_config(contract):
    check_config(contract, built(contract.layer.__name__))


@under_contract
def test_the_symbolic_shape_is_the_real_one(contract):
    check_symbolic_shape(contract, built(contract.layer.__name__))


@pytest.mark.tensorflow
@under_contract
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
def test_compiled_equals_eager(contract, jit_compile):
    check_compiled(contract, built(contract.layer.__name__), jit_compile)


@pytest.mark.tensorflow
@under_contract
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_layer_computes_in_the_precision_it_is_given_and_has_finite_gradients(contract, policy):
    check_precision(contract, policy)


@under_contract
def test_a_stored_layer_gives_the_same_answers(contract, tmp_path):
    check_saving(contract, built(contract.layer.__name__), tmp_path / "model.keras")


def test_every_layer_is_under_contract_and_registered():
    modules = [
        importlib.import_module(f"{layers.__name__}.{found.name}") for found in pkgutil.iter_modules(layers.__path__)
    ]
    defined = {
        cls
        for module in (*modules, model)
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, keras.layers.Layer) and cls.__module__ == module.__name__
    }
    callable_layers = {cls for cls in defined if cls.call is not keras.layers.Layer.call}
    assert callable_layers == {contract.layer for contract in CONTRACTS}
    for cls in callable_layers:
        assert keras.saving.get_registered_name(cls) == f"transformer_tutorial>{cls.__name__}"
