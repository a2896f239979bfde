import keras
import numpy as np
import pytest
import tensorflow as tf

from transformer_tutorial.fast.fused_loss import fused_token_sums
from transformer_tutorial.learning.loss import masked_accuracy, masked_loss, token_sums

DRAW = np.random.default_rng(0)
LABELS = np.array([[5, 2, 3, 0], [1, 3, 0, 0], [4, 4, 1, 3]])
LOGITS = DRAW.normal(size=(3, 4, 6)).astype("float32")
LOGITS[0, 0, 5] = LOGITS[2, 1, 4] = 9.0  # two tokens that are right
LOGITS[0, 3, 0] = 9.0  # padding that would be "right"


def real_tokens():
    return [(b, t) for b in range(3) for t in range(4) if LABELS[b, t] != 0]


def nll(b, t):
    logits = LOGITS[b, t].astype("float64")
    return np.log(np.sum(np.exp(logits))) - logits[LABELS[b, t]]


def test_the_loss_is_the_mean_negative_log_likelihood_of_the_real_tokens():
    assert len(real_tokens()) == 9
    np.testing.assert_allclose(masked_loss(LABELS, LOGITS), np.mean([nll(b, t) for b, t in real_tokens()]), rtol=1e-5)


def test_the_accuracy_is_the_share_of_real_tokens_with_the_largest_logit():
    right = [LOGITS[b, t].argmax() == LABELS[b, t] for b, t in real_tokens()]
    assert 2 <= sum(right) < 9
    np.testing.assert_allclose(masked_accuracy(LABELS, LOGITS), np.mean(right), rtol=1e-6)


def test_the_sums_are_kept_apart_from_the_count():
    sums = token_sums(LABELS, LOGITS)
    np.testing.assert_allclose(sums.nll, sum(nll(b, t) for b, t in real_tokens()), rtol=1e-5)
    assert sums.tokens == 9 and all(value.dtype == "float32" and value.shape == () for value in sums)


@pytest.mark.parametrize("measure", [masked_loss, masked_accuracy])
def test_padding_has_no_influence(measure):
    labels = np.pad(LABELS, [(0, 1), (0, 3)])
    logits = np.pad(LOGITS, [(0, 1), (0, 3), (0, 0)], constant_values=50.0)
    logits[:3, :4][LABELS == 0] = 100.0 * DRAW.normal(size=6)
    np.testing.assert_allclose(measure(labels, logits), measure(LABELS, LOGITS), rtol=1e-6)


@pytest.mark.parametrize("measure", [masked_loss, masked_accuracy])
def test_a_batch_without_real_tokens_gives_zero(measure):
    assert measure(0 * LABELS, LOGITS) == 0.0


@pytest.mark.tensorflow
def test_the_gradient_is_softmax_minus_one_hot_over_the_tokens_and_zero_at_padding():
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = masked_loss(LABELS, logits)
    gradient = tape.gradient(loss, logits)
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
    expected = (softmax - np.eye(6)[LABELS]) * (LABELS != 0)[..., None] / 9
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(gradient)[LABELS == 0], 0.0)


def test_half_precision_logits_and_float_labels_are_summed_in_float32():
    half = tf.cast(LOGITS, "bfloat16")
    loss = masked_loss(LABELS.astype("float32"), half)
    assert loss.dtype == "float32"
    np.testing.assert_allclose(loss, masked_loss(LABELS, tf.cast(half, "float32")), rtol=1e-6)


@pytest.mark.parametrize("measure", [masked_loss, masked_accuracy])
def test_the_functions_are_found_by_name_when_a_model_is_read(measure):
    assert keras.saving.get_registered_object(f"transformer_tutorial>{measure.__name__}") is measure


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("sums", [token_sums, fused_token_sums], ids=["definition", "fused"])
def test_the_smoothed_loss_is_the_cross_entropy_with_smoothed_labels(sums, smoothing):
    expected = 0.0
    for b, t in real_tokens():
        log_p = LOGITS[b, t] - np.log(np.sum(np.exp(LOGITS[b, t].astype("float64"))))
        target = np.full(6, smoothing / 6)
        target[LABELS[b, t]] += 1 - smoothing
        expected -= target @ log_p
    np.testing.assert_allclose(sums(LABELS, LOGITS, smoothing)[1], expected, rtol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_fused_sums_and_their_gradient_are_the_defined_ones(smoothing, dtype):
    logits = tf.cast(tf.constant(LOGITS), dtype)
    results = []
    for sums in (token_sums, fused_token_sums):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            found = sums(tf.constant(LABELS), logits, smoothing)
            loss = 3.0 * found[1]
        results.append((found, tape.gradient(loss, logits)))
    (expected, gradient), (found, fused_gradient) = results
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert fused_gradient.dtype == dtype and fused_gradient.shape == LOGITS.shape
    np.testing.assert_allclose(
        tf.cast(fused_gradient, "float32"), tf.cast(gradient, "float32"), atol=1e-6 if dtype == "float32" else 2e-2
    )
    assert np.abs(tf.cast(gradient, "float32")).max() > 0.5
