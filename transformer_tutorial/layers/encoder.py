"""The encoder: from source ids to one vector a token that knows its whole sentence.

    (1)  x = Dropout(Embedding(ids) √d_model + positions)
    (2)  x = FeedForward(GlobalSelfAttention(x))               num_layers times

Source: Vaswani et al. 2017, section 3.1, with the norm after each residual addition.
Next: decoder.py
"""

import keras

from transformer_tutorial.layers.attention import GlobalSelfAttention
from transformer_tutorial.layers.feed_forward import FeedForward
from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.layers.positions import PositionalEmbedding


@keras.saving.register_keras_serializable("transformer_tutorial")
class EncoderLayer(keras.layers.Layer):
    """Self-attention, then the feed-forward network.

    Args:
        d_model: width of input and output.
        num_heads: H.
        dff: width of the feed-forward network's hidden layer.
        dropout_rate: share of attention weights and feed-forward outputs dropped in training, in [0, 1).
        head_dim: D; None takes d_model / H.

    Call arguments:
        x: float, (B, S, d_model).
        allowed: bool, broadcastable to (B, H, S, S); True means "may be seen". None sees everything.

    Returns:
        float, (B, S, d_model). `attend` also returns the weights, float32, (B, H, S, S).
    """

    def __init__(self, *, d_model, num_heads, dff, dropout_rate=0.1, head_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.d_model, self.num_heads, self.dff = d_model, num_heads, dff
        self.dropout_rate, self.head_dim = dropout_rate, head_dim
        key_dim = head_dim or d_model // num_heads
        self.self_attention = GlobalSelfAttention(
            num_heads, key_dim, dropout_rate, name="self_attention", dtype=self.dtype_policy
        )
        self.ffn = FeedForward(d_model, dff, dropout_rate, name="ffn", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.self_attention.build(x_shape)
        self.ffn.build(x_shape)

    def attend(self, x, allowed=None):
        x, weights = self.self_attention.attend(x, allowed)
        return self.ffn(x), weights

    def call(self, x, allowed=None):
        return self.attend(x, allowed)[0]

    def compute_output_shape(self, x_shape, allowed_shape=None):
        return x_shape

    def get_config(self):
        own = ("d_model", "num_heads", "dff", "dropout_rate", "head_dim")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("transformer_tutorial")
class Encoder(keras.layers.Layer):
    """Embedding and `num_layers` encoder layers.

    Args:
        num_layers: N, at least 1.
        d_model, num_heads, dff, dropout_rate, head_dim: as in `EncoderLayer`.
        vocab_size: number of source tokens; any integer type.

    Call arguments:
        x: source ids, int, (B, S); 0 is padding.
        allowed: bool, broadcastable to (B, H, S, S); None hides the padding.

    Returns:
        float, (B, S, d_model). `attend` also returns the weights of each layer, a list of float32 (B, H, S, S).

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
        self.enc_layers = [
            EncoderLayer(**self.layer_config, name=f"layer_{n}", dtype=self.dtype_policy) for n in range(num_layers)
        ]

    def build(self, x_shape):
        self.pos_embedding.build(x_shape)
        for layer in self.enc_layers:
            layer.build((*x_shape, self.d_model))

    def attend(self, x, allowed=None):
        allowed = padding_allowed(x) if allowed is None else allowed
        x = self.dropout(self.pos_embedding(x))  # (1)
        maps = []
        for layer in self.enc_layers:
            x, weights = layer.attend(x, allowed)  # (2)
            maps.append(weights)
        return x, maps

    def call(self, x, allowed=None):
        return self.attend(x, allowed)[0]

    def compute_output_shape(self, x_shape, allowed_shape=None):
        return (*x_shape, self.d_model)

    def get_config(self):
        own = {"num_layers": self.num_layers, "vocab_size": self.vocab_size, **self.layer_config}
        return {**super().get_config(), **own}
