"""Attention: each query takes a weighted mean of the values, the weights from how well it fits the keys.

    (1)  weights = softmax(Q Kᵀ / √D)          over the keys that are allowed
    (2)  Attention(Q, K, V) = weights V
    (3)  MultiHead(x, context) = Concat(head₁ … head_H) Wᵒ,   head_h = Attention(x Wᵠ, context Wᴷ, context Wⱽ)
    (4)  sub-layer: LayerNorm(x + MultiHead(x, context)), or with the norm before, as sub_layer.py says

Symbol    Code                       Shape
x         x, query                   (B, T, d_model)
context   context                    (B, S, d_model)
Q         project_query(x)           (B, H, T, D)
K, V      project_context(context)   (B, H, S, D) each
allowed   allowed                    bool, broadcastable to (B, H, T, S)

Source: Vaswani et al. 2017, sections 3.1, 3.2.1 and 3.2.2.
Next: feed_forward.py
"""

import keras
from keras import ops

from transformer_tutorial.layers.dropout import Dropout
from transformer_tutorial.layers.masks import causal_allowed
from transformer_tutorial.layers.sub_layer import SubLayer

# A finite number: with -inf a row that may see nothing would become NaN instead of a harmless uniform row.
HIDDEN_SCORE = -1e9


def attention_weights(query, key, allowed=None):
    """Equation (1).

    Args:
        query: float, (..., T, D).
        key: float, (..., S, D).
        allowed: bool, broadcastable to (..., T, S); None sees everything.

    Returns:
        float32, (..., T, S); each row sums to 1.
    """
    # Less work than dividing the scores, which are larger, and than choosing among them, which has a gradient.
    scores = ops.matmul(query * query.shape[-1] ** -0.5, ops.swapaxes(key, -1, -2))
    # float32 from here: a softmax over bfloat16 scores is wrong by more than a per cent, and -1e9 is -inf in float16.
    scores = ops.cast(scores, "float32")
    if allowed is not None:
        scores = scores + ops.where(allowed, 0.0, HIDDEN_SCORE)
    return ops.softmax(scores, axis=-1)  # (1)


def scaled_dot_product_attention(q, k, v, mask=None):
    """Equations (1) and (2) as the 2019 to 2022 notebooks call them.

    Args:
        q: float, (..., T, D).
        k: float, (..., S, D).
        v: float, (..., S, D_v).
        mask: those notebooks' mask, broadcastable to (..., T, S): nonzero means **hidden**. None hides nothing.

    Returns:
        The output, (..., T, D_v), and the weights, float32, (..., T, S).
    """
    q, k, v = (ops.convert_to_tensor(array) for array in (q, k, v))
    weights = attention_weights(q, k, None if mask is None else ops.equal(mask, 0))
    return ops.matmul(ops.cast(weights, v.dtype), v), weights


@keras.saving.register_keras_serializable("transformer_tutorial")
class MultiHeadAttention(keras.layers.Layer):
    """Runs `num_heads` attentions side by side in subspaces of width `head_dim`.

    `call` returns the output alone. `attend` does the same work and also returns the weights; the three methods it is
    made of (`project_query`, `project_context`, `merge_heads`) serve decoders that keep keys and values.

    Args:
        d_model: width of the output; None takes the query's width.
        num_heads: H, at least 1.
        head_dim: D, at least 1; None takes d_model / H, as the paper does.
        dropout_rate: share of the weights that is dropped in training, in [0, 1).

    Call arguments:
        query: float, (B, T, width).
        context: float, (B, S, width); None is self-attention.
        allowed: bool, broadcastable to (B, H, T, S); True means "may be seen". None sees everything.

    Returns:
        float, (B, T, d_model).

    Raises:
        ValueError: `num_heads` or `head_dim` is below 1, or `d_model` is not divisible by `num_heads`.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model=None, num_heads=8, head_dim=None, dropout_rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.d_model, self.num_heads, self.head_dim = d_model, int(num_heads), head_dim
        if self.num_heads < 1 or (head_dim is not None and head_dim < 1):
            raise ValueError(f"num_heads and head_dim must be at least 1, got {num_heads=}, {head_dim=}.")
        if head_dim is None and d_model is not None and d_model % self.num_heads:
            raise ValueError(f"d_model must be divisible by num_heads, got {d_model=}, {num_heads=}.")
        self.dropout_rate = dropout_rate
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=self.dtype_policy)

    def build(self, query_shape, context_shape=None):
        d_model = self.d_model or query_shape[-1]
        if self.head_dim is None and d_model % self.num_heads:
            raise ValueError(f"d_model must be divisible by num_heads, got {d_model=}, num_heads={self.num_heads}.")
        self.width = self.num_heads * (self.head_dim or d_model // self.num_heads)
        self.query_dense = self._dense("query", self.width, query_shape)
        self.key_dense = self._dense("key", self.width, context_shape or query_shape)
        self.value_dense = self._dense("value", self.width, context_shape or query_shape)
        self.output_dense = self._dense("output", d_model, (*query_shape[:-1], self.width))

    def _dense(self, name, units, input_shape):
        dense = keras.layers.Dense(units, name=name, dtype=self.dtype_policy)
        dense.build(input_shape)
        return dense

    def project_query(self, query):
        """(B, T, width) -> Q, (B, H, T, D)."""
        return self._split_heads(self.query_dense(query))

    def project_context(self, context):
        """(B, S, width) -> K and V, (B, H, S, D) each."""
        return self._split_heads(self.key_dense(context)), self._split_heads(self.value_dense(context))

    def merge_heads(self, heads):
        """(B, H, T, D) -> (B, T, d_model)."""
        heads = ops.transpose(heads, (0, 2, 1, 3))
        return self.output_dense(ops.reshape(heads, (-1, ops.shape(heads)[1], self.width)))

    def _split_heads(self, x):
        split = ops.reshape(x, (-1, ops.shape(x)[1], self.num_heads, self.width // self.num_heads))
        return ops.transpose(split, (0, 2, 1, 3))

    def attend(self, query, context=None, allowed=None):
        """Returns the output, (B, T, d_model), and the weights, float32, (B, H, T, S)."""
        key, value = self.project_context(query if context is None else context)
        weights = attention_weights(self.project_query(query), key, allowed)
        heads = ops.matmul(self.dropout(ops.cast(weights, value.dtype)), value)  # (2)
        return self.merge_heads(heads), weights  # (3)

    def call(self, query, context=None, allowed=None):
        return self.attend(query, context, allowed)[0]

    def compute_output_shape(self, query_shape, context_shape=None, allowed_shape=None):
        return (*query_shape[:-1], self.d_model or query_shape[-1])

    def get_config(self):
        own = ("d_model", "num_heads", "head_dim", "dropout_rate")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("transformer_tutorial")
class BaseAttention(SubLayer):
    """What the three uses of attention share: attend, add to the input, normalise. Equation (4).

    Args:
        num_heads: H, at least 1.
        key_dim: D, width of a head. The paper uses d_model / H; the current notebook passes d_model.
        dropout: share of the attention weights that is dropped in training, in [0, 1).
        norm, residual_dropout: as in `SubLayer`.

    Call arguments (`context` for `CrossAttention` only):
        x: float, (B, T, d_model).
        context: float, (B, S, d_model).
        allowed: bool, broadcastable to (B, H, T, S); True means "may be seen". None sees everything.

    Returns:
        float, (B, T, d_model). `attend` with the same arguments also returns the weights, float32, (B, H, T, S).

    Source: Vaswani et al. 2017, sections 3.1 and 3.2.3.
    """

    def __init__(self, num_heads: int, key_dim: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim, self.dropout = int(num_heads), int(key_dim), dropout
        self.mha = MultiHeadAttention(None, self.num_heads, self.key_dim, dropout, name="mha", dtype=self.dtype_policy)

    # Without `context_shape`: Keras wants an argument of `call` for each argument of `build` and its like.
    def build(self, x_shape):
        self.mha.build(x_shape)
        self.layernorm.build(x_shape)

    def _attend(self, x, context, allowed):
        update, weights = self.mha.attend(self.before(x), context, allowed)
        return self.after(x, update), weights  # (4)

    def compute_output_shape(self, x_shape, allowed_shape=None):
        return x_shape

    def get_config(self):
        own = {"num_heads": self.num_heads, "key_dim": self.key_dim, "dropout": self.dropout}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("transformer_tutorial")
class CrossAttention(BaseAttention):
    """The target looks at the encoded source. Arguments: `BaseAttention`."""

    def build(self, x_shape, context_shape):
        self.mha.build(x_shape, context_shape)
        self.layernorm.build(x_shape)

    def attend(self, x, context, allowed=None):
        return self._attend(x, context, allowed)

    def call(self, x, context, allowed=None):
        return self.attend(x, context, allowed)[0]

    def compute_output_shape(self, x_shape, context_shape, allowed_shape=None):
        return x_shape


@keras.saving.register_keras_serializable("transformer_tutorial")
class GlobalSelfAttention(BaseAttention):
    """Every token looks at the whole sequence. Arguments: `BaseAttention`."""

    def attend(self, x, allowed=None):
        return self._attend(x, None, allowed)

    def call(self, x, allowed=None):
        return self.attend(x, allowed)[0]


@keras.saving.register_keras_serializable("transformer_tutorial")
class CausalSelfAttention(GlobalSelfAttention):
    """Every token looks at itself and at what stands before it. Arguments: `BaseAttention`."""

    def attend(self, x, allowed=None):
        causal = causal_allowed(ops.shape(x)[1])
        return super().attend(x, causal if allowed is None else ops.logical_and(causal, allowed))
