"""How wrong the predictions are, counted over real tokens only.

    (1)  nll = Σ -log softmax(logits)[label]                 over the real tokens
    (2)  masked_loss = nll / number of real tokens
    (3)  masked_accuracy = number of real tokens predicted exactly / number of real tokens

A label is real when it is not 0. The sums are kept apart from the counts, because a mean of batch means depends on how
the sentences were batched.

Next: training.py
"""

from typing import NamedTuple

import keras
from keras import ops

from transformer_tutorial.token_ids import PADDING_ID


class TokenSums(NamedTuple):
    """Sums over the real tokens of a batch; all float32 scalars.

    Attributes:
        nll: negative log likelihood, in nats.
        correct: number of tokens whose largest logit is the label's.
        tokens: number of real tokens.
    """

    nll: object
    correct: object
    tokens: object


def token_sums(labels, logits) -> TokenSums:
    """Equation (1) and the counts.

    Args:
        labels: int, (B, T); 0 is padding.
        logits: float, (B, T, V).
    """
    labels = ops.cast(labels, "int32")
    logits = ops.cast(logits, "float32")
    real = ops.cast(ops.not_equal(labels, PADDING_ID), "float32")
    nll = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True) * real
    correct = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(labels, "int32")), "float32") * real
    return TokenSums(ops.sum(nll), ops.sum(correct), ops.sum(real))  # (1)


@keras.saving.register_keras_serializable("transformer_tutorial")
def masked_loss(label, pred):
    """Mean negative log likelihood of the real tokens, float32 scalar; 0 for a batch without any.

    Args:
        label: int, (B, T); 0 is padding.
        pred: logits, float, (B, T, V).
    """
    sums = token_sums(label, pred)
    return sums.nll / ops.maximum(sums.tokens, 1.0)  # (2)


@keras.saving.register_keras_serializable("transformer_tutorial")
def masked_accuracy(label, pred):
    """Share of the real tokens that are predicted exactly, float32 scalar; 0 for a batch without any.

    Args:
        label: int, (B, T); 0 is padding.
        pred: logits, float, (B, T, V).
    """
    sums = token_sums(label, pred)
    return sums.correct / ops.maximum(sums.tokens, 1.0)  # (3)
