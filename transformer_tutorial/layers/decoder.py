"""The decoder: from the target so far, and the encoded source, to one vector a position that predicts what comes next.

    (1)  x = Dropout(Embedding(ids) √d_model + positions)
    (2)  x = FeedForward(CrossAttention(CausalSelfAttention(x), context))      num_layers times
    (3)  x = LayerNorm(x)                                                      with pre-norm only

Source: Vaswani et al. 2017, section 3.1; stack.py has what the encoder shares.
Next: ../model.py
"""

import keras

from transformer_tutorial.layers.attention import CausalSelfAttention, CrossAttention
from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.layers.stack import Block, Stack


@keras.saving.register_keras_serializable("transformer_tutorial")
class DecoderLayer(Block):
    """Causal self-attention, attention to the source, the feed-forward network. Constructor arguments: `Block`.

    Call arguments:
        x: float, (B, T, d_model).
        context: the encoded source, float, (B, S, d_model).
        allowed: bool, broadcastable to (B, H, T, T), beside causality, which always holds. None adds nothing.
        context_allowed: bool, broadcastable to (B, H, T, S). None sees the whole source.

    Returns:
        float, (B, T, d_model). `attend` also returns the self and cross weights, float32, (B, H, T, T) and
        (B, H, T, S).
    """

    def __init__(self, **hyper_parameters):
        super().__init__(**hyper_parameters)
        self.causal_self_attention = self.attention(CausalSelfAttention, "causal_self_attention")
        self.cross_attention = self.attention(CrossAttention, "cross_attention")

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


@keras.saving.register_keras_serializable("transformer_tutorial")
class Decoder(Stack):
    """Embedding and `num_layers` decoder layers. Constructor arguments: `Stack`.

    Call arguments:
        x: target ids, int, (B, T); 0 is padding.
        context: the encoded source, float, (B, S, d_model).
        context_allowed: bool, broadcastable to (B, H, T, S): `padding_allowed(source ids)`. None sees all of it.

    Returns:
        float, (B, T, d_model). `attend` also returns the self and the cross weights of each layer, two lists of
        float32, (B, H, T, T) and (B, H, T, S).

    Source: Vaswani et al. 2017, section 3.1.
    """

    block = DecoderLayer

    @property
    def dec_layers(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return self.blocks

    def build(self, x_shape, context_shape):
        super().build(x_shape, context_shape)

    def attend(self, x, context, context_allowed=None):
        allowed = padding_allowed(x)
        x = self.embed(x)  # (1)
        self_maps, cross_maps = [], []
        for layer in self.dec_layers:
            x, self_weights, cross_weights = layer.attend(x, context, allowed, context_allowed)  # (2)
            self_maps.append(self_weights)
            cross_maps.append(cross_weights)
        return self.finish(x), self_maps, cross_maps  # (3)

    def call(self, x, context, context_allowed=None):
        return self.attend(x, context, context_allowed)[0]

    def compute_output_shape(self, x_shape, context_shape, context_allowed_shape=None):
        return super().compute_output_shape(x_shape)
