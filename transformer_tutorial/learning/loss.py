"""How wrong the predictions are, counted over real tokens only.

    (1)  nll = Σ -log softmax(logits)[label]                                 over the real tokens
    (2)  smoothed = (1 - ε) nll + ε Σ mean_v -log softmax(logits)[v]         what label smoothing trains
    (3)  masked_loss = nll / number of real tokens
    (4)  masked_accuracy = number of real tokens predicted exactly / number of real tokens

A label is real when it is not 0. The sums are kept apart from the counts, because a mean of batch means depends on how
the sentences were batched. `token_sums` is the definition; its twin in fast/fused_loss.py computes the same in one
pass over the logits.

Source: Szegedy et al. 2016, section 7, for (2).
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
        smoothed: the same against smoothed labels; what is trained.
        correct: number of tokens whose largest logit is the label's.
        tokens: number of real tokens.
    """

    nll: object
    smoothed: object
    correct: object
    tokens: object


def token_sums(labels, logits, label_smoothing: float = 0.0) -> TokenSums:
    """Equations (1) and (2), and the counts.

    Args:
        labels: int, (B, T); 0 is padding.
        logits: float, (B, T, V).
        label_smoothing: ε, in [0, 1).
    """
    labels = ops.cast(labels, "int32")
    logits = ops.cast(logits, "float32")
    real = ops.cast(ops.not_equal(labels, PADDING_ID), "float32")
    nll = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True) * real  # (1)
    smoothed = nll
    if label_smoothing:
        uniform = (ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)) * real
        smoothed = (1 - label_smoothing) * nll + label_smoothing * uniform  # (2)
    correct = ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), labels), "float32") * real
    return TokenSums(ops.sum(nll), ops.sum(smoothed), ops.sum(correct), ops.sum(real))


@keras.saving.register_keras_serializable("transformer_tutorial")
def masked_loss(label, pred):
    """Mean negative log likelihood of the real tokens, float32 scalar; 0 for a batch without any.

    Args:
        label: int, (B, T); 0 is padding.
        pred: logits, float, (B, T, V).
    """
    sums = token_sums(label, pred)
    return sums.nll / ops.maximum(sums.tokens, 1.0)  # (3)


@keras.saving.register_keras_serializable("transformer_tutorial")
def masked_accuracy(label, pred):
    """Share of the real tokens that are predicted exactly, float32 scalar; 0 for a batch without any.

    Args:
        label: int, (B, T); 0 is padding.
        pred: logits, float, (B, T, V).
    """
    sums = token_sums(label, pred)
    return sums.correct / ops.maximum(sums.tokens, 1.0)  # (4)
