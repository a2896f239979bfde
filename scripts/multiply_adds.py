"""How many multiply-adds a training step needs, counted from the shapes of its matrix products.

Only matrix products are counted: they are what a machine's matrix-product rate can be compared with. Embeddings are
looked up, not multiplied; softmax, norms, dropout and the optimizer work element by element and count nothing here.
"""

from collections.abc import Iterable

import numpy as np

from transformer_tutorial.config import Config

TRAINING = 3  # forward, and for each product two more backward: one for its input's gradient, one for its weight's
FLOATING_POINT_OPERATIONS = 2  # of one multiply-add, as in "GFLOP/s"


def forward_multiply_adds(config: Config, target_vocab_size: int, rows, source, target):
    """Multiply-adds of the matrix products in one forward pass.

    Args:
        config: the model's shape.
        target_vocab_size: V.
        rows: B, number of sentences; here and below an int or an array of ints.
        source: S, tokens of a source.
        target: T, tokens of a target.
    """
    d_model, dff = config.d_model, config.dff
    width = config.num_heads * (config.head_dim or d_model // config.num_heads)
    project = d_model * width  # Q, K, V or the output, at one position
    feed_forward = 2 * d_model * dff  # at one position
    scores_and_mix = 2 * width  # of one query and one key: Q Kᵀ, then weights V

    encoder_layer = source * (4 * project + feed_forward) + source * source * scores_and_mix
    decoder_self = target * 4 * project + target * target * scores_and_mix
    decoder_cross = target * 2 * project + source * 2 * project + target * source * scores_and_mix
    decoder_layer = decoder_self + decoder_cross + target * feed_forward
    logits = target * d_model * target_vocab_size
    decoder_layers = config.num_decoder_layers or config.num_layers
    return rows * (config.num_layers * encoder_layer + decoder_layers * decoder_layer + logits)


def training_operations(config: Config, target_vocab_size: int, batches: Iterable[tuple]) -> tuple[float, float]:
    """Floating-point operations of training on padded batches: those of the real tokens, and all with the padding.

    The first number takes each sentence as if it stood alone, without a single token of padding. It is the work there
    is to do; the second is the work that padded matrix products do.

    Args:
        config: the model's shape.
        target_vocab_size: V.
        batches: ((source, target input), labels), int, (B, S), (B, T) and (B, T); 0 is padding.
    """
    real = padded = 0.0
    for (source, _), labels in batches:
        sources, targets = (np.count_nonzero(ids, axis=1) for ids in (source, labels))
        real += float(np.sum(forward_multiply_adds(config, target_vocab_size, 1, sources, targets)))
        padded += forward_multiply_adds(config, target_vocab_size, len(source), source.shape[1], labels.shape[1])
    each = TRAINING * FLOATING_POINT_OPERATIONS
    return each * real, each * padded
