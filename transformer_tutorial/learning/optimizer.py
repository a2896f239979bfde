"""From a config to the optimizer: Adam, its rate over time, decay, clipping, accumulation and the moving average.

Next: loss.py
"""

import keras

from transformer_tutorial.config import Config
from transformer_tutorial.learning.gradient_norms import with_gradient_norms
from transformer_tutorial.learning.schedule import CustomSchedule, PerUpdate, WarmUpSchedule


def make_optimizer(config: Config, total_steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a config, not built yet.

    Args:
        config: its learning settings are used.
        total_steps: updates of the whole training, for schedules that end.
    """
    adam = with_gradient_norms(_adam_class()) if config.log_gradients else _adam_class()
    adam = keeping_weights(adam) if config.ema else adam
    optimizer = adam(
        make_schedule(config, total_steps),
        beta_1=0.9,
        beta_2=config.beta_2,
        epsilon=1e-9,
        weight_decay=config.weight_decay or None,
        global_clipnorm=config.clip_norm,
        gradient_accumulation_steps=config.accumulate if config.accumulate > 1 else None,
        use_ema=config.ema > 0,
        # Keras takes the mean after each batch, also of those that are only accumulated.
        ema_momentum=config.ema ** (1 / config.accumulate) if config.ema else 0.99,
    )
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embeddings"])
    return optimizer


def keeping_weights(optimizer: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    """A subclass that leaves the weights of the last step in place at the end of `fit`, which here is that of an epoch.

    Keras puts their moving average there, from which the next `fit` would go on. `place_average` does it when asked.
    """

    class KeepingWeights(optimizer):
        def finalize_variable_values(self, var_list):
            """Nothing; `fit` calls it last."""

        def place_average(self, variables):
            super().finalize_variable_values(variables)

    KeepingWeights.__name__ = KeepingWeights.__qualname__ = optimizer.__name__
    return KeepingWeights


def make_schedule(config: Config, total_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over the updates."""
    if config.schedule == "tutorial":
        schedule = CustomSchedule(config.d_model, config.warmup_steps)
    else:
        schedule = WarmUpSchedule(config.schedule, config.peak_rate, config.warmup_steps, total_steps)
    return schedule if config.accumulate == 1 else PerUpdate(schedule, config.accumulate)


def _adam_class() -> type[keras.optimizers.Adam]:
    if keras.backend.backend() != "tensorflow":
        return keras.optimizers.Adam
    from transformer_tutorial.fast.fused_adam import FusedAdam

    return FusedAdam
