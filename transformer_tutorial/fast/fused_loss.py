"""Twin of learning/loss.py's `token_sums`: one pass over the logits forwards, one backwards, compiled by XLA.

The logits are the largest tensor of a training step. Keras reads and writes them about ten times: for the log
likelihood, its gradient, the scaling by the mask, the accuracy, and twice more with label smoothing. Here each of

    (1)  z = log Σ_v exp(logits[v]),  nll = z - logits[label],  uniform = z - mean_v logits[v]
    (2)  ∂smoothed/∂logits[v] = real · (exp(logits[v] - z) - (1 - ε) [v = label] - ε / V)

is one loop over them. `nll` and `correct` are for the record: no gradient flows through them.
"""

import tensorflow as tf

from transformer_tutorial.token_ids import PADDING_ID


def fused_token_sums(labels, logits, label_smoothing: float = 0.0):
    """(nll, smoothed, correct, tokens), float32 scalars: `token_sums` on TensorFlow.

    Args:
        labels: int, (B, T); 0 is padding.
        logits: float, (B, T, V), V known.
        label_smoothing: ε, in [0, 1).
    """
    vocab_size = logits.shape[-1]
    labels = tf.reshape(tf.cast(labels, tf.int32), [-1])
    smoothing = tf.constant(label_smoothing, tf.float32)

    @tf.custom_gradient
    def sums(flat_logits):
        nll, uniform, correct, tokens, z = _forward(labels, flat_logits)
        smoothed = (1 - smoothing) * nll + smoothing * uniform

        def backward(_nll, smoothed_gradient, _correct, _tokens):
            return _gradient(labels, flat_logits, z, smoothing, smoothed_gradient)

        return (nll, smoothed, correct, tokens), backward

    return sums(tf.reshape(logits, [-1, vocab_size]))


@tf.function(jit_compile=True)
def _forward(labels, logits):
    logits = tf.cast(logits, tf.float32)
    real = tf.cast(labels != PADDING_ID, tf.float32)
    largest = tf.reduce_max(logits, axis=-1)
    z = largest + tf.math.log(tf.reduce_sum(tf.exp(logits - largest[:, None]), axis=-1))
    chosen = tf.gather(logits, labels, axis=1, batch_dims=1)
    nll, uniform = (z - chosen) * real, (z - tf.reduce_mean(logits, axis=-1)) * real  # (1)
    correct = tf.cast(chosen == largest, tf.float32) * real
    return *(tf.reduce_sum(rows) for rows in (nll, uniform, correct, real)), z


@tf.function(jit_compile=True)
def _gradient(labels, logits, z, smoothing, upstream):
    vocab_size = logits.shape[-1]
    p = tf.exp(tf.cast(logits, tf.float32) - z[:, None])
    target = (1 - smoothing) * tf.one_hot(labels, vocab_size) + smoothing / vocab_size
    real = tf.cast(labels != PADDING_ID, tf.float32)
    return tf.cast((p - target) * (real * upstream)[:, None], logits.dtype)  # (2)
