"""The model with its loss: what `fit` trains.

Keras averages the losses of batches. Here loss and accuracy are sums over tokens divided by tokens, over everything
seen so far, so that they do not depend on how the sentences were batched.

Next: checkpoints.py
"""

import keras

from transformer_tutorial.learning.loss import token_sums


class TranslationTrainer(keras.Model):
    """A translation model, trained with teacher forcing on batches ((source ids, target ids), label ids).

    The gradient is that of the batch's mean negative log likelihood per real token. `fit` and `evaluate` report `loss`
    and `accuracy` over all real tokens, and `tokens`, their number.

    Args:
        model: from (source ids, target ids) to logits, (B, T, V); a `Transformer`.
    """

    def __init__(self, model: keras.Model, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.loss_per_token = keras.metrics.Mean(name="loss")
        self.token_accuracy = keras.metrics.Mean(name="accuracy")
        self.token_count = keras.metrics.Sum(name="tokens")

    def build(self, inputs_shape):
        if not self.model.built:  # a model read from a file is
            self.model.build(inputs_shape)

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        sums = token_sums(y, y_pred)
        tokens = keras.ops.maximum(sums.tokens, 1.0)
        mean = sums.nll / tokens
        self.loss_per_token.update_state(mean, sample_weight=sums.tokens)
        self.token_accuracy.update_state(sums.correct / tokens, sample_weight=sums.tokens)
        self.token_count.update_state(sums.tokens)
        return mean

    @property
    def metrics(self):
        return [self.loss_per_token, self.token_accuracy, self.token_count]
