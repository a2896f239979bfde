"""What the encoder and the decoder have in common: hyper-parameters, the embedded input, and the order of layers.

    (1)  x = Dropout(Embedding(ids) √d_model + positions)         before the layers
    (2)  x = LayerNorm(x)                                         behind them, with pre-norm only

Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020, section 3, for (2).
Next: encoder.py
"""

import keras

from transformer_tutorial.layers.dropout import Dropout
from transformer_tutorial.layers.feed_forward import FeedForward
from transformer_tutorial.layers.layer_norm import LayerNormalization
from transformer_tutorial.layers.positions import PositionalEmbedding


class Block(keras.layers.Layer):
    """One encoder or decoder layer: its hyper-parameters and its feed-forward network.

    Args:
        d_model: width of input and output.
        num_heads: H.
        dff: width of the feed-forward network's hidden layer.
        dropout_rate: share of the feed-forward network's output that is dropped in training, in [0, 1).
        head_dim: D; None takes d_model / H.
        attention_dropout: share of the attention weights that is dropped; None takes `dropout_rate`.
        residual_dropout: share of an attention's output that is dropped; the paper has `dropout_rate`, the tutorial 0.
        activation_dropout: share of the feed-forward network's hidden layer that is dropped.
        norm: "post" or "pre", as in `SubLayer`.
    """

    def __init__(
        self,
        *,
        d_model,
        num_heads,
        dff,
        dropout_rate=0.1,
        head_dim=None,
        attention_dropout=None,
        residual_dropout=0.0,
        activation_dropout=0.0,
        norm="post",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.d_model, self.num_heads, self.dff, self.norm = d_model, num_heads, dff, norm
        self.dropout_rate, self.head_dim = dropout_rate, head_dim
        self.attention_dropout, self.residual_dropout = attention_dropout, residual_dropout
        self.activation_dropout = activation_dropout
        self.ffn = FeedForward(
            d_model, dff, dropout_rate, activation_dropout, norm=norm, name="ffn", dtype=self.dtype_policy
        )

    def attention(self, kind, name):
        """An attention sub-layer of the class `kind`, with this block's hyper-parameters."""
        rate = self.dropout_rate if self.attention_dropout is None else self.attention_dropout
        return kind(
            self.num_heads,
            self.head_dim or self.d_model // self.num_heads,
            rate,
            norm=self.norm,
            residual_dropout=self.residual_dropout,
            name=name,
            dtype=self.dtype_policy,
        )

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in HYPER_PARAMETERS}}


HYPER_PARAMETERS = (
    "d_model",
    "num_heads",
    "dff",
    "dropout_rate",
    "head_dim",
    "attention_dropout",
    "residual_dropout",
    "activation_dropout",
    "norm",
)


class Stack(keras.layers.Layer):
    """Embedded input, `num_layers` blocks, and the last norm of pre-norm.

    Args:
        num_layers: N, at least 1.
        vocab_size: number of tokens; any integer type.
        embeddings_initializer: of the token embedding, Keras's default unless given.
        **hyper_parameters: those of `Block` and of every Keras layer.
    """

    block: type[Block]

    def __init__(self, *, num_layers, vocab_size, embeddings_initializer="uniform", **hyper_parameters):
        shared = {name: hyper_parameters.pop(name) for name in HYPER_PARAMETERS if name in hyper_parameters}
        super().__init__(**hyper_parameters)
        self.num_layers, self.vocab_size = num_layers, int(vocab_size)
        self.blocks = [self.block(**shared, name=f"layer_{n}", dtype=self.dtype_policy) for n in range(num_layers)]
        first = self.blocks[0]
        self.d_model = first.d_model
        self.pos_embedding = PositionalEmbedding(
            self.vocab_size,
            self.d_model,
            embeddings_initializer=embeddings_initializer,
            name="pos_embedding",
            dtype=self.dtype_policy,
        )
        self.dropout = Dropout(first.dropout_rate, name="dropout", dtype=self.dtype_policy)
        self.layernorm = None
        if first.norm == "pre":
            self.layernorm = LayerNormalization(name="layernorm", dtype=self.dtype_policy)

    def build(self, x_shape, *context_shape):
        self.pos_embedding.build(x_shape)
        for block in self.blocks:
            block.build((*x_shape, self.d_model), *context_shape)
        if self.layernorm:
            self.layernorm.build((*x_shape, self.d_model))

    def embed(self, ids, start=0):
        """Equation (1): ids, int, (B, T), the first of them at position `start` -> float, (B, T, d_model)."""
        return self.dropout(self.pos_embedding(ids, start=start))  # (1)

    def finish(self, x):
        """Equation (2)."""
        return self.layernorm(x) if self.layernorm else x  # (2)

    def compute_output_shape(self, x_shape, *context_shapes):
        return (*x_shape, self.d_model)

    def get_config(self):
        initializer = self.pos_embedding.get_config()["embeddings_initializer"]
        own = {"num_layers": self.num_layers, "vocab_size": self.vocab_size, "embeddings_initializer": initializer}
        return {**super().get_config(), **{name: getattr(self.blocks[0], name) for name in HYPER_PARAMETERS}, **own}
