"""The learning rate over time: it rises linearly, then falls.

    (1)  tutorial:      rate(s) = d_model^-0.5 · min(s^-0.5, s · w^-1.5)
    (2)  inverse_sqrt:  rate(s) = peak · min(s / w, √(w / s))              the same curve with a peak of one's choice
    (3)  linear:        rate(s) = peak · min(s / w, (n - s) / (n - w))
    (4)  cosine:        rate(s) = peak · s / w, and then peak · (1 + cos(π (s - w) / (n - w))) / 2

s is the update, counted from 1, w the number of warm-up updates, n that of all updates.

Source: Vaswani et al. 2017, section 5.3, for (1); Loshchilov & Hutter 2017 (SGDR), section 3, for (4).
Next: loss.py
"""

import math

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


@keras.saving.register_keras_serializable("transformer_tutorial")
class WarmUpSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Equations (2) to (4). After the last update the rate stays what it is there.

    Args:
        kind: "inverse_sqrt", "linear" or "cosine".
        peak_rate: highest rate, above 0.
        warmup_steps: w, at least 1.
        total_steps: n; linear and cosine reach 0 one update later.

    Raises:
        ValueError: `kind` is none of them.
    """

    def __init__(self, kind: str, peak_rate: float, warmup_steps: int, total_steps: int):
        super().__init__()
        if kind not in ("inverse_sqrt", "linear", "cosine"):
            raise ValueError(f"kind must be inverse_sqrt, linear or cosine, got {kind!r}.")
        self.kind, self.peak_rate = kind, float(peak_rate)
        self.warmup_steps, self.total_steps = int(warmup_steps), int(total_steps)

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0
        rising = step / self.warmup_steps
        # The share of the way from the peak to the end; one more step, so that the last update still teaches.
        way = (step - self.warmup_steps) / max(1, self.total_steps + 1 - self.warmup_steps)
        way = ops.clip(way, 0.0, 1.0)
        if self.kind == "inverse_sqrt":
            falling = (self.warmup_steps / step) ** 0.5  # (2)
        elif self.kind == "linear":
            falling = 1.0 - way  # (3)
        else:
            falling = (1.0 + ops.cos(math.pi * way)) / 2  # (4)
        return self.peak_rate * ops.minimum(rising, falling)

    def get_config(self):
        names = ("kind", "peak_rate", "warmup_steps", "total_steps")
        return {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("transformer_tutorial")
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that counts updates where Keras counts batches, `accumulate` of which make one update.

    Args:
        schedule: of updates, counted from 0.
        accumulate: batches of an update, at least 1.
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, accumulate: int):
        super().__init__()
        self.schedule, self.accumulate = schedule, int(accumulate)

    def __call__(self, step):
        return self.schedule(ops.floor_divide(step, self.accumulate))

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "accumulate": self.accumulate}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["accumulate"])
