"""Where a sub-layer's update meets what it was computed from: the residual addition and its norm.

    (1)  post-norm:  y = LayerNorm(x + Dropout(f(x)))
    (2)  pre-norm:   y = x + Dropout(f(LayerNorm(x)))

Pre-norm leaves a straight path from the last layer to the first, so deep models learn without a long warm-up. Its sums
grow from layer to layer; a last norm behind the whole stack brings them back.

Source: Vaswani et al. 2017, section 3.1 (post-norm); Xiong et al. 2020, section 3 (pre-norm).
Next: attention.py
"""

import keras

from transformer_tutorial.layers.dropout import Dropout
from transformer_tutorial.layers.layer_norm import LayerNormalization

NORMS = ("post", "pre")


class SubLayer(keras.layers.Layer):
    """`before` and `after` surround the function of a sub-layer. Their arguments are float, (B, T, d_model).

    Args:
        norm: "post" or "pre", where the layer norm stands.
        residual_dropout: share of the update that is dropped in training, in [0, 1).

    Raises:
        ValueError: `norm` is neither.
    """

    def __init__(self, *, norm: str = "post", residual_dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}.")
        self.norm, self.residual_dropout = norm, residual_dropout
        self.update_dropout = Dropout(residual_dropout, name="update_dropout", dtype=self.dtype_policy)
        self.layernorm = LayerNormalization(name="layernorm", dtype=self.dtype_policy)

    def before(self, x):
        """What the sub-layer's function sees."""
        return self.layernorm(x) if self.norm == "pre" else x

    def after(self, x, update):
        """The output, from the input and the function's value."""
        y = x + self.update_dropout(update)  # (2)
        return y if self.norm == "pre" else self.layernorm(y)  # (1)

    def get_config(self):
        return {**super().get_config(), "norm": self.norm, "residual_dropout": self.residual_dropout}
