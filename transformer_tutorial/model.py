"""The Transformer: encoder, decoder, and a projection to the target vocabulary.

    (1)  context = Encoder(source ids)
    (2)  x = Decoder(target ids, context)
    (3)  logits = x W + b                     W may be the transposed embedding, without b

Source: Vaswani et al. 2017, section 3; Press & Wolf 2017 for tying.
Next: learning/schedule.py, learning/loss.py
"""

from typing import NamedTuple

import keras
from keras import ops

from transformer_tutorial.layers.decoder import Decoder
from transformer_tutorial.layers.encoder import Encoder
from transformer_tutorial.layers.masks import padding_allowed


class AttentionMaps(NamedTuple):
    """The attention weights of one forward pass; every row sums to 1.

    Attributes:
        encoder: float32, (L, B, H, S, S).
        decoder: float32, (L, B, H, T, T).
        cross: float32, (L, B, H, T, S).
    """

    encoder: object
    decoder: object
    cross: object


@keras.saving.register_keras_serializable("transformer_tutorial")
class Transformer(keras.Model):
    """Predicts each target token from the source and the target tokens before it.

    Padding never changes the logits of a real position: what may be seen is computed here from the ids.

    Args:
        num_layers: N, encoder layers and decoder layers each.
        d_model: width of the model, even.
        num_heads: H.
        dff: width of the feed-forward networks' hidden layer.
        input_vocab_size: number of source tokens; any integer type, NumPy's included.
        target_vocab_size: number of target tokens; any integer type.
        num_decoder_layers: decoder layers, if not as many as encoder layers.
        tied_embeddings: "none"; "output": the target's embedding is W, and there is no b; "all": the source's, too.
        dropout_rate, head_dim, attention_dropout, residual_dropout, activation_dropout, norm: as in `Block` of
            layers/stack.py. The current notebook's heads are d_model wide.

    Call arguments:
        inputs: the pair (source ids, int, (B, S); target ids, int, (B, T)); 0 is padding.

    Returns:
        Logits, float32, (B, T, target_vocab_size).

    Source: Vaswani et al. 2017, section 3.
    """

    def __init__(
        self,
        *,
        num_layers,
        d_model,
        num_heads,
        dff,
        input_vocab_size,
        target_vocab_size,
        dropout_rate=0.1,
        head_dim=None,
        attention_dropout=None,
        residual_dropout=0.0,
        activation_dropout=0.0,
        norm="post",
        num_decoder_layers=None,
        tied_embeddings="none",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if head_dim is None and d_model % num_heads:
            raise ValueError(f"d_model must be divisible by num_heads, got {d_model=}, {num_heads=}.")
        shape = {"d_model": d_model, "num_heads": num_heads, "dff": dff, "dropout_rate": dropout_rate}
        shape |= {"head_dim": head_dim, "attention_dropout": attention_dropout, "residual_dropout": residual_dropout}
        shape |= {"activation_dropout": activation_dropout, "norm": norm}
        self.shape_config, self.num_layers, self.num_decoder_layers = shape, num_layers, num_decoder_layers
        self.input_vocab_size, self.target_vocab_size = int(input_vocab_size), int(target_vocab_size)
        self.tied_embeddings = tied_embeddings
        self._check_tying()
        # A tied embedding is a projection, too: with this deviation it starts with logits of about unit variance.
        initializer = "uniform" if tied_embeddings == "none" else keras.initializers.RandomNormal(stddev=d_model**-0.5)
        shape = {**shape, "embeddings_initializer": initializer, "dtype": self.dtype_policy}
        self.encoder = Encoder(**shape, num_layers=num_layers, vocab_size=self.input_vocab_size, name="encoder")
        num_decoder_layers = num_decoder_layers or num_layers
        self.decoder = Decoder(
            **shape, num_layers=num_decoder_layers, vocab_size=self.target_vocab_size, name="decoder"
        )
        if tied_embeddings == "all":
            self.decoder.pos_embedding.embedding = self.encoder.pos_embedding.embedding
        if tied_embeddings == "none":
            self.final_layer = keras.layers.Dense(self.target_vocab_size, name="final_layer", dtype=self.dtype_policy)

    def _check_tying(self):
        if self.tied_embeddings not in ("none", "output", "all"):
            raise ValueError(f"tied_embeddings must be none, output or all, got {self.tied_embeddings!r}.")
        if self.tied_embeddings == "all" and self.input_vocab_size != self.target_vocab_size:
            raise ValueError(
                "tied_embeddings='all' needs one vocabulary for both languages, "
                f"got {self.input_vocab_size} source and {self.target_vocab_size} target tokens."
            )

    def build(self, inputs_shape):
        source_shape, target_shape = inputs_shape
        d_model = self.shape_config["d_model"]
        self.encoder.build(source_shape)
        self.decoder.build(target_shape, (*source_shape, d_model))
        if self.tied_embeddings == "none":
            self.final_layer.build((*target_shape, d_model))

    def call(self, inputs):
        source, target = inputs
        context = self.encoder(source)  # (1)
        x = self.decoder(target, context, padding_allowed(source))  # (2)
        return self.project(x)

    def project(self, x):
        """Equation (3): float, (..., d_model) -> logits, float32, (..., target_vocab_size)."""
        if self.tied_embeddings == "none":
            logits = self.final_layer(x)  # (3)
        else:
            table = ops.cast(self.decoder.pos_embedding.embedding.embeddings, self.compute_dtype)
            logits = ops.matmul(x, ops.transpose(table))  # (3), W the embedding's transpose
        return ops.cast(logits, "float32")

    def attention_maps(self, inputs) -> AttentionMaps:
        """The weights of every layer and head for the pair (source ids, target ids), without dropout."""
        source, target = (ops.convert_to_tensor(ids) for ids in inputs)
        if not self.built:
            self.build((source.shape, target.shape))
        context, encoder = self.encoder.attend(source)
        _, decoder, cross = self.decoder.attend(target, context, padding_allowed(source))
        return AttentionMaps(*(ops.stack(maps) for maps in (encoder, decoder, cross)))

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[1], self.target_vocab_size)

    def compute_output_spec(self, inputs, **kwargs):
        # Keras would take the compute dtype from the shape alone; the logits are float32 in every precision.
        return keras.KerasTensor(self.compute_output_shape([ids.shape for ids in inputs]), "float32")

    def get_config(self):
        own = ("num_layers", "num_decoder_layers", "input_vocab_size", "target_vocab_size", "tied_embeddings")
        return {**super().get_config(), **self.shape_config, **{name: getattr(self, name) for name in own}}


def in_precision(model: Transformer, precision: str) -> Transformer:
    """`model`, or a copy of it that computes in `precision`, a Keras dtype policy such as "float32"."""
    if model.dtype_policy.name == precision:
        return model
    copy = Transformer.from_config({**model.get_config(), "dtype": precision})
    copy.build(((None, None), (None, None)))
    copy.set_weights(model.get_weights())
    return copy
