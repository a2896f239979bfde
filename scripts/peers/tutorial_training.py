"""The tutorial's way of training: `compile` with Keras's Adam, the schedule and the masked loss, then `fit`.

No fast twin takes part, so what these make faster counts as ours.
"""

import keras

from transformer_tutorial.config import Config
from transformer_tutorial.learning.loss import masked_accuracy, masked_loss
from transformer_tutorial.learning.schedule import CustomSchedule
from transformer_tutorial.learning.training import build_model


def build_tutorial_model(config: Config, input_vocab_size: int, target_vocab_size: int) -> keras.Model:
    """A config's Transformer, compiled as the tutorial does."""
    return compile_as_the_tutorial(build_model(config, input_vocab_size, target_vocab_size), config)


def compile_as_the_tutorial(model: keras.Model, config: Config) -> keras.Model:
    """Compiles a model from (source ids, target ids) to logits, (B, T, V), and returns it."""
    schedule = CustomSchedule(config.d_model, config.warmup_steps)
    optimizer = keras.optimizers.Adam(schedule, beta_1=0.9, beta_2=config.beta_2, epsilon=1e-9)
    model.compile(optimizer, loss=masked_loss, metrics=[masked_accuracy], jit_compile=config.jit_compile)
    return model
