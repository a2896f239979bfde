"""Where a token stands: sines and cosines added to its embedding.

    (1)  angle(p, i) = p / 10000^(i / (depth/2))        i = 0 .. depth/2 - 1
    (2)  encoding(p) = [sin angle(p, ·) | cos angle(p, ·)]

The paper interleaves the two halves; the tutorial puts them side by side, and so does this file. The information is
the same, the order of the columns is not, so weights do not transfer between the two.

Source: Vaswani et al. 2017, section 3.5.
Next: masks.py
"""

import keras
import numpy as np
from keras import ops


def positional_encoding(length: int, depth: int):
    """The table of equation (2) as a float32 tensor, (length, depth).

    Args:
        length: number of positions, at least 1.
        depth: width of one encoding, an even number.

    Raises:
        ValueError: `depth` is odd.
    """
    return ops.convert_to_tensor(_sinusoids(length, depth))


def _sinusoids(length: int, depth: int) -> np.ndarray:
    if depth % 2:
        raise ValueError(f"depth must be even, one half for sines and one for cosines, got depth={depth}.")
    half = depth // 2
    angle = np.arange(length)[:, np.newaxis] / 10000 ** (np.arange(half) / half)  # (1)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")  # (2)


@keras.saving.register_keras_serializable("transformer_tutorial")
class PositionalEmbedding(keras.layers.Layer):
    """Token embedding, scaled by √d_model, plus the encoding of its position.

    Args:
        vocab_size: number of tokens; any integer type, NumPy's included.
        d_model: width of the output, even.
        max_length: the longest sequence that can be embedded. The tutorial's 2,048.
        embeddings_initializer: of the token embedding.

    Call arguments:
        ids: int, (B, T), start + T at most `max_length`.
        start: int scalar, position of the first id.

    Returns:
        float, (B, T, d_model).

    Raises:
        ValueError: `d_model` is odd, or a sequence is longer than `max_length`.

    Source: Vaswani et al. 2017, sections 3.4 and 3.5.
    """

    def __init__(
        self, vocab_size: int, d_model: int, max_length: int = 2048, embeddings_initializer="uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.d_model, self.max_length = int(vocab_size), int(d_model), int(max_length)
        self.embedding = keras.layers.Embedding(
            self.vocab_size, self.d_model, embeddings_initializer, name="embedding", dtype=self.dtype_policy
        )
        self._encoding = _sinusoids(self.max_length, self.d_model)

    def build(self, ids_shape):
        if not self.embedding.built:  # one that is shared is built once
            self.embedding.build(ids_shape)

    def call(self, ids, start=0):
        if ids.shape[1] is not None and ids.shape[1] > self.max_length:
            raise ValueError(
                f"A sequence may have at most max_length={self.max_length} tokens, got {ids.shape[1]}. "
                "Split it, truncate it, or build the layer with a larger max_length."
            )
        # In the compute dtype: a float32 constant times a bfloat16 activation is an error in TensorFlow.
        scale = ops.cast(self.d_model**0.5, self.compute_dtype)
        table = ops.cast(self._encoding, self.compute_dtype)
        positions = ops.slice(table, (start, 0), (ops.shape(ids)[1], self.d_model))
        return self.embedding(ids) * scale + positions

    def compute_output_shape(self, ids_shape):
        return (*ids_shape, self.d_model)

    def get_config(self):
        own = {"vocab_size": self.vocab_size, "d_model": self.d_model, "max_length": self.max_length}
        own["embeddings_initializer"] = keras.initializers.serialize(self.embedding.embeddings_initializer)
        return {**super().get_config(), **own}
