"""A Transformer small enough to be built and run in a test, with seeded weights."""

import keras

from transformer_tutorial.model import Transformer

SHAPE = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 16, "input_vocab_size": 11, "target_vocab_size": 9}


def tiny_transformer(seed: int = 1, **changes) -> Transformer:
    """Built; `changes` replace arguments of the constructor."""
    keras.utils.set_random_seed(seed)
    model = Transformer(**{**SHAPE, **changes})
    model.build(((None, None), (None, None)))
    return model
