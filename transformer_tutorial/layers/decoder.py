"""The decoder: from the target so far, and the encoded source, to one vector a position that predicts what comes next.

    (1)  x = Dropout(Embedding(ids) √d_model + positions)
    (2)  x = FeedForward(CrossAttention(CausalSelfAttention(x), context))      num_layers times

Source: Vaswani et al. 2017, section 3.1, with the norm after each residual addition.
Next: ../model.py
"""

import keras

from transformer_tutorial.layers.attention import CausalSelfAttention, CrossAttention
from transformer_tutorial.layers.feed_forward import FeedForward
from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.layers.positions import PositionalEmbedding


@keras.saving.register_keras_serializable("transformer_tutorial")
class DecoderLayer(keras.layers.Layer):
    """Causal self-attention, attention to the source, then the feed-forward network.

    Args:
        d_model: width of input and output.
        num_heads: H.
        dff: width of the feed-forward network's hidden layer.
        dropout_rate: share of attention weights and feed-forward outputs dropped in training, in [0, 1).
        head_dim: D; None takes d_model / H.

    Call arguments:
        x: float, (B, T, d_model).
        context: the encoded source, float, (B, S, d_model).
        allowed: bool, broadcastable to (B, H, T, T), beside causality, which always holds. None adds nothing.
        context_allowed: bool, broadcastable to (B, H, T, S). None sees the whole source.

    Returns:
        float, (B, T, d_model). `attend` also returns the self and cross weights, float32, (B, H, T, T) and
        (B, H, T, S).
    """

    def __init__(self, *, d_model, num_heads, dff, dropout_rate=0.1, head_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.d_model, self.num_heads, self.dff = d_model, num_heads, dff
        self.dropout_rate, self.head_dim = dropout_rate, head_dim
        key_dim = head_dim or d_model // num_heads
        self.causal_self_attention = CausalSelfAttention(
            num_heads, key_dim, dropout_rate, name="causal_self_attention", dtype=self.dtype_policy
        )
        self.cross_attention = CrossAttention(
            num_heads, key_dim, dropout_rate, name="cross_attention", dtype=self.dtype_policy
        )
        self.ffn = FeedForward(d_model, dff, dropout_rate, name="ffn", dtype=self.dtype_policy)

    def build(self, x_shape, context_shape):
        self.causal_self_attention.build(x_shape)
        self.cross_attention.build(x_shape, context_shape)
        self.ffn.build(x_shape)

    def attend(self, x, context, allowed=None, context_allowed=None):
        x, self_weights = self.causal_self_attention.attend(x, allowed)
        x, cross_weights = self.cross_attention.attend(x, context, context_allowed)
        return self.ffn(x), self_weights, cross_weights

    def call(self, x, context, allowed=None, context_allowed=None):
        return self.attend(x, context, allowed, context_allowed)[0]

    def compute_output_shape(self, x_shape, context_shape, allowed_shape=None, context_allowed_shape=None):
        return x_shape

    def get_config(self):
        own = ("d_model", "num_heads", "dff", "dropout_rate", "head_dim")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("transformer_tutorial")
class Decoder(keras.layers.Layer):
    """Embedding and `num_layers` decoder layers.

    Args:
        num_layers: N, at least 1.
        d_model, num_heads, dff, dropout_rate, head_dim: as in `DecoderLayer`.
        vocab_size: number of target tokens; any integer type.

    Call arguments:
        x: target ids, int, (B, T); 0 is padding.
        context: the encoded source, float, (B, S, d_model).
        context_allowed: bool, broadcastable to (B, H, T, S): `padding_allowed(source ids)`. None sees all of it.

    Returns:
        float, (B, T, d_model). `attend` also returns the self and the cross weights of each layer, two lists of
        float32, (B, H, T, T) and (B, H, T, S).

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, *, num_layers, d_model, num_heads, dff, vocab_size, dropout_rate=0.1, head_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.num_layers, self.vocab_size = num_layers, int(vocab_size)
        self.layer_config = {
            "d_model": d_model,
            "num_heads": num_heads,
            "dff": dff,
            "dropout_rate": dropout_rate,
            "head_dim": head_dim,
        }
        self.d_model = d_model
        self.pos_embedding = PositionalEmbedding(
            self.vocab_size, d_model, name="pos_embedding", dtype=self.dtype_policy
        )
        self.dropout = keras.layers.Dropout(dropout_rate, name="dropout", dtype=self.dtype_policy)
        self.dec_layers = [
            DecoderLayer(**self.layer_config, name=f"layer_{n}", dtype=self.dtype_policy) for n in range(num_layers)
        ]

    def build(self, x_shape, context_shape):
        self.pos_embedding.build(x_shape)
        for layer in self.dec_layers:
            layer.build((*x_shape, self.d_model), context_shape)

    def attend(self, x, context, context_allowed=None):
        allowed = padding_allowed(x)
        x = self.dropout(self.pos_embedding(x))  # (1)
        self_maps, cross_maps = [], []
        for layer in self.dec_layers:
            x, self_weights, cross_weights = layer.attend(x, context, allowed, context_allowed)  # (2)
            self_maps.append(self_weights)
            cross_maps.append(cross_weights)
        return x, self_maps, cross_maps

    def call(self, x, context, context_allowed=None):
        return self.attend(x, context, context_allowed)[0]

    def compute_output_shape(self, x_shape, context_shape, context_allowed_shape=None):
        return (*x_shape, self.d_model)

    def get_config(self):
        own = {"num_layers": self.num_layers, "vocab_size": self.vocab_size, **self.layer_config}
        return {**super().get_config(), **own}
