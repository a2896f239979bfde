"""The same two-layer network at every position.

    (1)  FFN(x) = Dropout(max(0, x W₁ + b₁)) W₂ + b₂
    (2)  sub-layer: LayerNorm(x + Dropout(FFN(x))), or with the norm before, as sub_layer.py says

Source: Vaswani et al. 2017, section 3.3.
Next: stack.py
"""

import keras

from transformer_tutorial.layers.dropout import Dropout
from transformer_tutorial.layers.sub_layer import SubLayer


@keras.saving.register_keras_serializable("transformer_tutorial")
class FeedForward(SubLayer):
    """Widens each position to `dff`, applies ReLU, and comes back to `d_model`.

    Args:
        d_model: width of input and output.
        dff: width of the hidden layer.
        dropout_rate: share of the output that is dropped in training, in [0, 1).
        activation_dropout: share of the hidden layer that is dropped in training, in [0, 1).
        norm: "post" or "pre", as in `SubLayer`.

    Call arguments:
        x: float, (B, T, d_model).

    Returns:
        float, (B, T, d_model).

    Source: Vaswani et al. 2017, section 3.3.
    """

    def __init__(
        self,
        d_model: int,
        dff: int,
        dropout_rate: float = 0.1,
        activation_dropout: float = 0.0,
        norm: str = "post",
        **kwargs,
    ):
        super().__init__(norm=norm, residual_dropout=dropout_rate, **kwargs)
        self.d_model, self.dff = int(d_model), int(dff)
        self.dropout_rate, self.activation_dropout = dropout_rate, activation_dropout
        self.hidden = keras.layers.Dense(self.dff, activation="relu", name="hidden", dtype=self.dtype_policy)
        self.dropout = Dropout(activation_dropout, name="dropout", dtype=self.dtype_policy)
        self.output_dense = keras.layers.Dense(self.d_model, name="output", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.hidden.build(x_shape)
        self.output_dense.build((*x_shape[:-1], self.dff))
        self.layernorm.build(x_shape)

    def call(self, x):
        update = self.output_dense(self.dropout(self.hidden(self.before(x))))  # (1)
        return self.after(x, update)  # (2)

    def compute_output_shape(self, x_shape):
        return x_shape

    def get_config(self):
        config = super().get_config()
        del config["residual_dropout"]  # it is dropout_rate
        own = ("d_model", "dff", "dropout_rate", "activation_dropout")
        return {**config, **{name: getattr(self, name) for name in own}}
