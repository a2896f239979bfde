"""Dropout whose random numbers cost half: sixteen bits an element.

    (1)  y = x · [u ≥ rate · 2¹⁶] / (1 - rate)             u uniform in 0 .. 2¹⁶ - 1

Keras draws a float for each element and compares; drawing is what dropout costs on a CPU. The rate is met to within
2⁻¹⁷, or 2⁻¹⁶ next to 1.

Source: Srivastava et al. 2014, section 4.
Next: layer_norm.py
"""

import keras


@keras.saving.register_keras_serializable("transformer_tutorial")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, faster on TensorFlow; elsewhere, and with a `noise_shape`, the same. Arguments: there."""

    def call(self, inputs, training=False):
        if training and self.rate == 1:  # which Keras 3.13 refuses
            return keras.ops.zeros_like(inputs)
        plain = not training or self.rate == 0 or self.noise_shape is not None
        if plain or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training)
        return inputs * _keep(inputs, self.rate, self.seed_generator.next())


def _keep(x, rate: float, seed):
    """0 with probability `rate`, else 1 / (1 - rate), in the shape and dtype of `x`."""
    import tensorflow as tf

    count = tf.size(x)
    drawn = tf.random.stateless_uniform([(count + 1) // 2], tf.cast(seed, tf.int32), None, None, tf.int32)
    bits = tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:count]
    keep = tf.cast(bits >= tf.constant(min(round(rate * 2**16), 2**16 - 1), tf.uint16), x.dtype)
    return tf.reshape(keep * tf.cast(1 / (1 - rate), x.dtype), tf.shape(x))  # (1)
