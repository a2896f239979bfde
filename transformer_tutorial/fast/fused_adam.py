"""Twin of `keras.optimizers.Adam` on TensorFlow: one kernel a variable instead of ten.

    (1)  m ← β₁ m + (1 - β₁) g,   v ← β₂ v + (1 - β₂) g²
    (2)  w ← w - rate √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)

Keras writes this in ten operations, each of which reads and writes a whole variable. TensorFlow has it as one. The
slots, the configuration and everything else are those of Keras's class.

Source: Kingma & Ba 2015, algorithm 1, in the order of section 2's last paragraph.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("transformer_tutorial")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, faster. Arguments: there; `amsgrad` is left to Keras's own update.

    Sparse gradients are made dense first. An embedding's has a row for each token of the batch; Keras squares the rows
    of equal tokens one by one, for v and for the norm it clips by, where the square of their sum is meant.
    """

    def apply(self, grads, trainable_variables=None):
        # Once for all variables; each would read the step and take its powers by itself.
        step = tf.cast(self.iterations + 1, tf.float64)
        self._beta_powers = self.beta_1**step, self.beta_2**step
        super().apply([_dense(gradient) for gradient in grads], trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Equations (1) and (2) in one operation."""
        if self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        index, (beta_1_power, beta_2_power) = self._get_variable_index(variable), self._beta_powers
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        slots = [slot[index].value.handle for slot in (self._momentums, self._velocities)]
        tf.raw_ops.ResourceApplyAdam(  # (1)
            var=variable.handle,
            m=slots[0],
            v=slots[1],
            beta1_power=tf.cast(beta_1_power, variable.dtype),
            beta2_power=tf.cast(beta_2_power, variable.dtype),  # (2)
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


def _dense(gradient):
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
