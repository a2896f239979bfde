"""The count of multiply-adds, against the weights of a real model and by hand."""

import dataclasses

import keras
import numpy as np
import pytest

from scripts.multiply_adds import FLOATING_POINT_OPERATIONS, TRAINING, forward_multiply_adds, training_operations
from transformer_tutorial.config import Config
from transformer_tutorial.learning.training import build_model

CONFIG = Config(num_layers=2, d_model=16, num_heads=4, dff=24)
INPUT_VOCAB_SIZE, TARGET_VOCAB_SIZE = 11, 13


def kernel_sizes(config: Config) -> dict[str, int]:
    """Numbers in all weight matrices that are multiplied with, by what they are multiplied with."""
    keras.utils.set_random_seed(0)
    model = build_model(config, INPUT_VOCAB_SIZE, TARGET_VOCAB_SIZE)
    model.build(((None, None), (None, None)))
    sizes = {"source": 0, "target": 0}
    for variable in model.trainable_variables:
        if "embedding" in variable.path or len(variable.shape) < 2:
            continue
        of_the_source = "encoder/" in variable.path or "cross_attention/mha/key" in variable.path
        of_the_source |= "cross_attention/mha/value" in variable.path
        sizes["source" if of_the_source else "target"] += int(np.prod(variable.shape))
    return sizes


@pytest.mark.parametrize("head_dim", [None, 16])
def test_every_weight_of_the_model_is_multiplied_once_a_position(head_dim):
    config = dataclasses.replace(CONFIG, head_dim=head_dim)
    sizes, width = kernel_sizes(config), 4 * (head_dim or 4)
    rows, source, target = 3, 5, 7
    attention = 2 * width * config.num_layers * (source * source + target * target + target * source)
    expected = rows * (source * sizes["source"] + target * sizes["target"] + attention)
    assert forward_multiply_adds(config, TARGET_VOCAB_SIZE, rows, source, target) == expected


def test_a_training_step_is_three_forward_passes_of_two_operations_each():
    batch = (np.ones((3, 5), np.int32), np.ones((3, 7), np.int32)), np.ones((3, 7), np.int32)
    real, padded = training_operations(CONFIG, TARGET_VOCAB_SIZE, [batch])
    forward = forward_multiply_adds(CONFIG, TARGET_VOCAB_SIZE, 3, 5, 7)
    assert (TRAINING, FLOATING_POINT_OPERATIONS) == (3, 2)
    assert real == padded == 6 * forward


def test_padding_counts_in_the_padded_number_alone():
    source, labels = np.array([[1, 1, 1, 0], [1, 0, 0, 0]]), np.array([[1, 1, 0], [1, 1, 1]])
    real, padded = training_operations(CONFIG, TARGET_VOCAB_SIZE, [((source, labels), labels)])
    alone = [forward_multiply_adds(CONFIG, TARGET_VOCAB_SIZE, 1, *lengths) for lengths in ((3, 2), (1, 3))]
    assert real == 6 * sum(alone)
    assert padded == 6 * forward_multiply_adds(CONFIG, TARGET_VOCAB_SIZE, 2, 4, 3)
    assert real < padded
