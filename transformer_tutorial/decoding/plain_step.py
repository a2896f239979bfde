"""The next token's logits, by running the whole prefix through the decoder again: the definition.

Every search here works with any step: `step(token_ids, state, position) -> (logits, state)`. The one that is used by
default is the twin of this one, ../fast/cached_step.py.

Next: loop.py
"""

from typing import NamedTuple

from keras import ops

from transformer_tutorial.layers.masks import padding_allowed
from transformer_tutorial.model import Transformer


class PlainState(NamedTuple):
    """What the decoder needs of the source.

    Attributes:
        context: the encoded source, float, (B, S, d_model).
        context_allowed: bool, (B, 1, 1, S).
    """

    context: object
    context_allowed: object


class PlainStep:
    """Steps of a `Transformer`. Cost of one step: the decoder over all positions of the buffer.

    Args:
        model: the Transformer.
        max_length: any; a step that keeps the tokens so far would make room for so many.
    """

    def __init__(self, model: Transformer, max_length=None):
        self.model = model

    def start(self, source_ids) -> PlainState:
        """Encodes the sources, int, (B, S)."""
        return PlainState(self.model.encoder(source_ids), padding_allowed(source_ids))

    def __call__(self, token_ids, state: PlainState, position):
        """Logits of the token after `position`.

        Args:
            token_ids: the targets so far, int, (B, T), filled with 0 after `position`.
            state: from `start` or from the step before.
            position: int scalar, index of the last known token.

        Returns:
            Logits, float32, (B, V), and the state, unchanged.
        """
        x = self.model.decoder(token_ids, state.context, state.context_allowed)
        return self.model.project(ops.take(x, position, axis=1)), state
