"""The model with its loss: what `fit` trains.

Keras averages the losses of batches. Here loss and accuracy are sums over tokens divided by tokens, over everything
seen so far, so that they depend neither on how the sentences were batched nor on how a batch was split over replicas.

Next: run_folder.py
"""

import keras
from keras import ops

from transformer_tutorial.learning.loss import TokenSums, token_sums
from transformer_tutorial.runtime.distributed_fit import DistributedFit, sum_over_replicas


class TokenMean(keras.metrics.Metric):
    """Sums over tokens divided by tokens, of everything since the last reset.

    Its updates are sums over all replicas, and each replica keeps them: a worker that stores or shows them asks no
    other worker.
    """

    def __init__(self, name: str):
        super().__init__(name=name)
        with keras.name_scope(name):
            self.total = keras.Variable(0.0, trainable=False, name="total")
            self.count = keras.Variable(0.0, trainable=False, name="count")

    def update_state(self, total, tokens):
        """Adds one batch: a sum over its real tokens, and their number; float scalars."""
        self.total.assign_add(total)
        self.count.assign_add(tokens)

    def result(self):
        return self.total / ops.maximum(self.count, 1.0)


class TokenCount(keras.metrics.Metric):
    """Number of real tokens since the last reset; kept as those of `TokenMean`."""

    def __init__(self, name: str):
        super().__init__(name=name)
        with keras.name_scope(name):
            self.total = keras.Variable(0.0, trainable=False, name="total")

    def update_state(self, tokens):
        """Adds the tokens of one batch, float scalar."""
        self.total.assign_add(tokens)

    def result(self):
        return ops.cast(self.total, self.dtype)


class TranslationTrainer(DistributedFit, keras.Model):
    """A translation model, trained with teacher forcing on batches ((source ids, target ids), label ids).

    The gradient is that of the batch's mean negative log likelihood per real token, of smoothed labels if asked for;
    under a `tf.distribute` strategy the batch is the global one. `fit` and `evaluate` report `loss` (of the labels as
    they are) and `accuracy` over all real tokens, and `tokens`, their number. A third element of a batch, floats,
    weighs the whole batch by its first value; gradient accumulation needs it (see `weighted` in feed.py).

    Args:
        model: from (source ids, target ids) to logits, (B, T, V); a `Transformer`.
        label_smoothing: ε, in [0, 1).

    Attributes:
        traces: how often the training step was traced so far, which is when its Python code runs, once for each local
            replica. More in a later epoch means that something makes TensorFlow begin again.
    """

    def __init__(self, model: keras.Model, label_smoothing: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.model, self.label_smoothing, self.traces = model, label_smoothing, 0
        self.loss_per_token = TokenMean("loss")
        self.token_accuracy = TokenMean("accuracy")
        self.token_count = TokenCount("tokens")

    def build(self, inputs_shape):
        if not self.model.built:  # a model read from a file is
            self.model.build(inputs_shape)

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        own = sum_tokens(y, y_pred, self.label_smoothing)
        of_all = TokenSums(*sum_over_replicas(own))
        self.loss_per_token.update_state(of_all.nll, of_all.tokens)
        self.token_accuracy.update_state(of_all.correct, of_all.tokens)
        self.token_count.update_state(of_all.tokens)
        share = own.smoothed / ops.maximum(of_all.tokens, 1.0)
        return share if sample_weight is None else share * ops.ravel(sample_weight)[0]

    def train_step(self, *args):
        self.traces += 1
        return super().train_step(*args)

    @property
    def metrics(self):
        return [self.loss_per_token, self.token_accuracy, self.token_count]


def sum_tokens(labels, logits, label_smoothing: float = 0.0) -> TokenSums:
    """`token_sums`, by its fast twin where that runs."""
    if keras.backend.backend() != "tensorflow":
        return token_sums(labels, logits, label_smoothing)
    from transformer_tutorial.fast.fused_loss import fused_token_sums

    return TokenSums(*fused_token_sums(labels, logits, label_smoothing))
