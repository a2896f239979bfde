"""Twin of decoding/plain_step.py: the next token's logits from the newest token and what is kept of the others.

A token's keys and values never change once it is written, and the source's never change at all. So the encoder and the
cross-attention's keys and values are computed once, and each step computes those of one token, puts them into buffers
of fixed size, and lets that token look at the buffers. The shapes are the same at every position: one trace for all.

Cost of one step: the decoder over one position; attention over the length of the buffer.
"""

from typing import NamedTuple

from keras import ops

from transformer_tutorial.layers.attention import attention_weights
from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.model import Transformer


class CachedState(NamedTuple):
    """What the decoder needs of the source and of the target so far; each tuple has one tensor a decoder layer.

    R rows are R translations: B of them, or B·K while a search pursues K for each sentence.

    Attributes:
        keys, values: of the target, float, (R, H, T, D); 0 where nothing is written yet.
        source_keys, source_values: of the source, float, (B, H, S, D).
        source_allowed: bool, (B, 1, 1, S).
    """

    keys: tuple
    values: tuple
    source_keys: tuple
    source_values: tuple
    source_allowed: object

    def take_rows(self, rows):
        """The state of the translations `rows`, int, (R',). What is the source's, all its translations share."""
        keys, values = (tuple(ops.take(kept, rows, axis=0) for kept in side) for side in (self.keys, self.values))
        return self._replace(keys=keys, values=values)

    def lengthen(self, length):
        """The same with room for `length` target tokens, at least as many as before."""
        more = length - ops.shape(self.keys[0])[2]
        room = ((0, 0), (0, 0), (0, more), (0, 0))
        keys, values = (tuple(ops.pad(kept, room) for kept in side) for side in (self.keys, self.values))
        return self._replace(keys=keys, values=values)


class CachedStep:
    """Steps of a `Transformer`.

    Args:
        model: the Transformer.
        max_length: T, the target tokens that there is room for, [START] included. A token at `position` needs
            T > `position`.
    """

    def __init__(self, model: Transformer, max_length):
        self.model, self.max_length = model, max_length

    def start(self, source_ids) -> CachedState:
        """Encodes the sources, int, (B, S)."""
        context, layers = self.model.encoder(source_ids), self.model.decoder.dec_layers
        sides = [layer.cross_attention.mha.project_context(context) for layer in layers]
        source_keys, source_values = zip(*sides, strict=True)
        batch, heads, _, head_dim = ops.shape(source_keys[0])
        nothing = ops.zeros((batch, heads, self.max_length, head_dim), source_keys[0].dtype)
        empty = (nothing,) * len(layers)
        return CachedState(empty, empty, source_keys, source_values, padding_allowed(source_ids))

    def __call__(self, token_ids, state: CachedState, position):
        """Logits of the token after `position`.

        Args:
            token_ids: the targets so far, int, (R, T) or wider, filled with 0 after `position`.
            state: from the step before, at `position` - 1; from `start` where `position` is 0.
            position: int scalar, index of the last known token.

        Returns:
            Logits, float32, (R, V), and the next state.
        """
        decoder = self.model.decoder
        allowed = padding_allowed(token_ids)[..., : ops.shape(state.keys[0])[2]]  # what comes later is 0, too
        x = decoder.embed(ops.take(token_ids, position, axis=1)[:, None], start=position)
        keys, values = [], []
        for n, layer in enumerate(decoder.dec_layers):
            attention = layer.causal_self_attention
            key, value = attention.mha.project_context(attention.before(x))
            keys.append(_write(state.keys[n], key, position))
            values.append(_write(state.values[n], value, position))
            x = _attend(attention, x, keys[n], values[n], allowed)
            # To the source's keys, the K translations of a sentence are K positions of one target.
            beams = ops.reshape(x, (ops.shape(state.source_allowed)[0], -1, decoder.d_model))
            source = state.source_keys[n], state.source_values[n], state.source_allowed
            x = layer.ffn(ops.reshape(_attend(layer.cross_attention, beams, *source), ops.shape(x)))
        logits = self.model.project(decoder.finish(x)[:, 0])
        return logits, state._replace(keys=tuple(keys), values=tuple(values))


def _attend(sub_layer, x, keys, values, allowed):
    """The sub-layer's output for keys and values that are there already."""
    weights = attention_weights(sub_layer.mha.project_query(sub_layer.before(x)), keys, allowed)
    heads = ops.matmul(ops.cast(weights, values.dtype), values)
    return sub_layer.after(x, sub_layer.mha.merge_heads(heads))


def _write(buffer, new, position):
    """`buffer`, (R, H, T, D), with `new`, (R, H, 1, D), at `position`."""
    return ops.where((ops.arange(ops.shape(buffer)[2]) == position)[:, None], new, buffer)
