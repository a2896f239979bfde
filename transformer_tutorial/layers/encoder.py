"""The encoder: from source ids to one vector a token that knows its whole sentence.

    (1)  x = Dropout(Embedding(ids) √d_model + positions)
    (2)  x = FeedForward(GlobalSelfAttention(x))               num_layers times
    (3)  x = LayerNorm(x)                                      with pre-norm only

Source: Vaswani et al. 2017, section 3.1; stack.py has what the decoder shares.
Next: decoder.py
"""

import keras

from transformer_tutorial.layers.attention import GlobalSelfAttention
from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.layers.stack import Block, Stack


@keras.saving.register_keras_serializable("transformer_tutorial")
class EncoderLayer(Block):
    """Self-attention, then the feed-forward network. Constructor arguments: `Block`.

    Call arguments:
        x: float, (B, S, d_model).
        allowed: bool, broadcastable to (B, H, S, S); True means "may be seen". None sees everything.

    Returns:
        float, (B, S, d_model). `attend` also returns the weights, float32, (B, H, S, S).
    """

    def __init__(self, **hyper_parameters):
        super().__init__(**hyper_parameters)
        self.self_attention = self.attention(GlobalSelfAttention, "self_attention")

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


@keras.saving.register_keras_serializable("transformer_tutorial")
class Encoder(Stack):
    """Embedding and `num_layers` encoder layers. Constructor arguments: `Stack`.

    Call arguments:
        x: source ids, int, (B, S); 0 is padding.
        allowed: bool, broadcastable to (B, H, S, S); None hides the padding.

    Returns:
        float, (B, S, d_model). `attend` also returns the weights of each layer, a list of float32 (B, H, S, S).

    Source: Vaswani et al. 2017, section 3.1.
    """

    block = EncoderLayer

    @property
    def enc_layers(self) -> list[EncoderLayer]:
        """The layers, first to last."""
        return self.blocks

    def build(self, x_shape):
        super().build(x_shape)

    def attend(self, x, allowed=None):
        allowed = padding_allowed(x) if allowed is None else allowed
        x = self.embed(x)  # (1)
        maps = []
        for layer in self.enc_layers:
            x, weights = layer.attend(x, allowed)  # (2)
            maps.append(weights)
        return self.finish(x), maps  # (3)

    def call(self, x, allowed=None):
        return self.attend(x, allowed)[0]

    def compute_output_shape(self, x_shape, allowed_shape=None):
        return super().compute_output_shape(x_shape)
