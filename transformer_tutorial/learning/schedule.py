"""The learning rate over time: it rises linearly, then falls with the square root of the step.

    (1)  rate(step) = d_model^-0.5 · min(step^-0.5, step · warmup_steps^-1.5)

Source: Vaswani et al. 2017, section 5.3.
Next: loss.py
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("transformer_tutorial")
class CustomSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Equation (1).

    The optimizer counts its updates from 0. Here the first update is step 1, as in the paper: at step 0 the rate would
    be 0 and the first batch would teach nothing.

    Args:
        d_model: width of the model.
        warmup_steps: number of updates until the peak, at least 1.

    Source: Vaswani et al. 2017, section 5.3.
    """

    def __init__(self, d_model: int, warmup_steps: int = 4000):
        super().__init__()
        self.d_model, self.warmup_steps = int(d_model), int(warmup_steps)

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0
        return self.d_model**-0.5 * ops.minimum(step**-0.5, step * self.warmup_steps**-1.5)  # (1)

    def get_config(self):
        return {"d_model": self.d_model, "warmup_steps": self.warmup_steps}
