"""The same two-layer network at every position.

    (1)  FFN(x) = max(0, x W₁ + b₁) W₂ + b₂
    (2)  sub-layer: LayerNorm(x + Dropout(FFN(x)))

Source: Vaswani et al. 2017, section 3.3.
Next: encoder.py
"""

import keras


@keras.saving.register_keras_serializable("transformer_tutorial")
class FeedForward(keras.layers.Layer):
    """Widens each position to `dff`, applies ReLU, and comes back to `d_model`.

    Args:
        d_model: width of input and output.
        dff: width of the hidden layer.
        dropout_rate: share of the output that is dropped in training, in [0, 1).

    Call arguments:
        x: float, (B, T, d_model).

    Returns:
        float, (B, T, d_model).

    Source: Vaswani et al. 2017, section 3.3.
    """

    def __init__(self, d_model: int, dff: int, dropout_rate: float = 0.1, **kwargs):
        super().__init__(**kwargs)
        self.d_model, self.dff, self.dropout_rate = int(d_model), int(dff), dropout_rate
        self.hidden = keras.layers.Dense(self.dff, activation="relu", name="hidden", dtype=self.dtype_policy)
        self.output_dense = keras.layers.Dense(self.d_model, name="output", dtype=self.dtype_policy)
        self.dropout = keras.layers.Dropout(dropout_rate, name="dropout", dtype=self.dtype_policy)
        self.layernorm = keras.layers.LayerNormalization(name="layernorm", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.hidden.build(x_shape)
        self.output_dense.build((*x_shape[:-1], self.dff))
        self.layernorm.build(x_shape)

    def call(self, x):
        update = self.output_dense(self.hidden(x))  # (1)
        return self.layernorm(x + self.dropout(update))  # (2)

    def compute_output_shape(self, x_shape):
        return x_shape

    def get_config(self):
        own = {"d_model": self.d_model, "dff": self.dff, "dropout_rate": self.dropout_rate}
        return {**super().get_config(), **own}
