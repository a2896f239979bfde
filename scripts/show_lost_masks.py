"""Shows why the tutorial has to be ported: on Keras 3 its padding masks are lost without an error.

A decoder layer in the tutorial's manner (an `Embedding` with `mask_zero=True`, custom layers around
`keras.layers.MultiHeadAttention`, no explicit masks) and ours, both with random weights, see the same sentence twice:
as it is, and with padding added to the source. Padding means nothing, so no logit should move.

    python scripts/show_lost_masks.py
"""

import warnings

import keras
import numpy as np

from transformer_tutorial import Transformer

VOCABULARY, D_MODEL = 1000, 64


class ImplicitAttention(keras.layers.Layer):
    """Attention that relies on the masks Keras attaches to tensors, as the tutorial's layers do."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = keras.layers.MultiHeadAttention(num_heads=4, key_dim=D_MODEL)
        self.norm = keras.layers.LayerNormalization()

    def call(self, x, context):
        return self.norm(x + self.attention(query=x, value=context, key=context))


class ImplicitTransformer(keras.Model):
    """Two rounds of self-attention over the source, then one of cross-attention: enough for a mask to get lost."""

    def __init__(self):
        super().__init__()
        self.source, self.target = (keras.layers.Embedding(VOCABULARY, D_MODEL, mask_zero=True) for _ in range(2))
        self.encoder = [ImplicitAttention(), ImplicitAttention()]
        self.decoder, self.project = ImplicitAttention(), keras.layers.Dense(VOCABULARY)

    def call(self, inputs):
        source, target = inputs
        context = self.source(source)
        for layer in self.encoder:
            context = layer(context, context)
        return self.project(self.decoder(self.target(target), context))


def shift_by_padding(model) -> tuple[float, float]:
    """Largest change of a logit when 20 pads are added to the source, and the largest logit."""
    random = np.random.default_rng(0)
    source, target = random.integers(1, VOCABULARY, (4, 12)), random.integers(1, VOCABULARY, (4, 10))
    logits = np.asarray(model((source, target)))
    padded = np.asarray(model((np.pad(source, ((0, 0), (0, 20))), target)))
    return float(np.abs(logits - padded).max()), float(np.abs(logits).max())


def main() -> None:
    """Prints both models' numbers."""
    warnings.simplefilter("ignore")  # Keras's only hint; `fit` shows it once, among others
    keras.utils.set_random_seed(0)
    ours = Transformer(
        num_layers=2,
        d_model=D_MODEL,
        num_heads=4,
        dff=128,
        input_vocab_size=VOCABULARY,
        target_vocab_size=VOCABULARY,
    )
    print(f"Keras {keras.__version__}: largest change of a logit when only padding is added to the source")
    for name, model in (("implicit masks, as in the tutorial", ImplicitTransformer()), ("this package", ours)):
        change, largest = shift_by_padding(model)
        print(f"  {name:<36} {change:.1e}   (largest logit {largest:.2f})")


if __name__ == "__main__":
    main()
