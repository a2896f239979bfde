"""Layer norm whose gradient is written out: half the passes over the activations.

    (1)  z = (x - mean x) / √(var x + ε)                          mean and variance of each position
    (2)  y = γ ⊙ z + β
    (3)  d_x = (d_z - mean d_z - z mean(d_z ⊙ z)) / √(var x + ε)   where d_z = γ ⊙ d_y
    (4)  d_γ = Σ d_y ⊙ z,  d_β = Σ d_y                             over all positions

Keras folds γ into 1 / √(var x + ε), which makes a tensor as large as x of it, and the tape differentiates each of those
steps by itself.

Source: Ba, Kiros & Hinton 2016, section 3.
Next: sub_layer.py
"""

import keras


@keras.saving.register_keras_serializable("transformer_tutorial")
class LayerNormalization(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization`, faster on TensorFlow; elsewhere, and with its options, the same.

    Arguments: there.
    """

    def call(self, inputs):
        last = self.axis in (-1, len(inputs.shape) - 1, [len(inputs.shape) - 1])
        usual = last and self.scale and self.center and not self.rms_scaling
        if not usual or keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        return _normalise(inputs, self.gamma, self.beta, self.epsilon)


def _normalise(x, gamma, beta, epsilon: float):
    """Equations (1) and (2), in float32 at least, with the gradients (3) and (4)."""
    import tensorflow as tf

    def mean(values):
        return tf.reduce_mean(values, axis=-1, keepdims=True)

    def sum_over_positions(values):
        return tf.reduce_sum(tf.reshape(values, (-1, x.shape[-1])), axis=0)

    @tf.custom_gradient
    def normalise(x, gamma, beta):
        centred = x - mean(x)
        scale = tf.math.rsqrt(mean(tf.square(centred)) + epsilon)
        z = centred * scale  # (1)

        def backward(d_y):
            d_z = d_y * gamma
            d_x = (d_z - mean(d_z) - z * mean(d_z * z)) * scale  # (3)
            return d_x, sum_over_positions(d_y * z), sum_over_positions(d_y)  # (4)

        return z * gamma + beta, backward  # (2)

    exact = tf.float64 if x.dtype == tf.float64 else tf.float32
    gamma, beta = (tf.cast(tf.convert_to_tensor(weight), exact) for weight in (gamma, beta))
    return tf.cast(normalise(tf.cast(x, exact), gamma, beta), x.dtype)
