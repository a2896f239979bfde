"""The model with its loss: what `fit` trains.

Keras averages the losses of batches. Here loss and accuracy are sums over tokens divided by tokens, over everything
seen so far, so that they do not depend on how the sentences were batched.

Next: checkpoints.py
"""

import keras

from transformer_tutorial.learning.loss import TokenSums, token_sums


class TranslationTrainer(keras.Model):
    """A translation model, trained with teacher forcing on batches ((source ids, target ids), label ids).

    The gradient is that of the batch's mean negative log likelihood per real token, of smoothed labels if asked for.
    `fit` and `evaluate` report `loss` (of the labels as they are) and `accuracy` over all real tokens, and `tokens`,
    their number. A third element of a batch, floats, weighs the whole batch by its first value; gradient accumulation
    needs it (see `accumulation_weights`).

    Args:
        model: from (source ids, target ids) to logits, (B, T, V); a `Transformer`.
        label_smoothing: ε, in [0, 1).
    """

    def __init__(self, model: keras.Model, label_smoothing: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.model, self.label_smoothing = model, label_smoothing
        self.loss_per_token = keras.metrics.Mean(name="loss")
        self.token_accuracy = keras.metrics.Mean(name="accuracy")
        self.token_count = keras.metrics.Sum(name="tokens")

    def build(self, inputs_shape):
        if not self.model.built:  # a model read from a file is
            self.model.build(inputs_shape)

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        sums = sum_tokens(y, y_pred, self.label_smoothing)
        tokens = keras.ops.maximum(sums.tokens, 1.0)
        self.loss_per_token.update_state(sums.nll / tokens, sample_weight=sums.tokens)
        self.token_accuracy.update_state(sums.correct / tokens, sample_weight=sums.tokens)
        self.token_count.update_state(sums.tokens)
        mean = sums.smoothed / tokens
        return mean if sample_weight is None else mean * keras.ops.ravel(sample_weight)[0]

    @property
    def metrics(self):
        return [self.loss_per_token, self.token_accuracy, self.token_count]


def sum_tokens(labels, logits, label_smoothing: float = 0.0) -> TokenSums:
    """`token_sums`, by its fast twin where that runs."""
    if keras.backend.backend() != "tensorflow":
        return token_sums(labels, logits, label_smoothing)
    from transformer_tutorial.fast.fused_loss import fused_token_sums

    return TokenSums(*fused_token_sums(labels, logits, label_smoothing))
