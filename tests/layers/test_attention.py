import keras
import numpy as np
import pytest

from transformer_tutorial.layers.attention import (
    CausalSelfAttention,
    CrossAttention,
    GlobalSelfAttention,
    MultiHeadAttention,
    attention_weights,
    scaled_dot_product_attention,
)

B, T, S, H, D, WIDTH = 2, 4, 3, 2, 5, 6
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(B, T, WIDTH)).astype("float32")
CONTEXT = DRAW.normal(size=(B, S, WIDTH + 1)).astype("float32")
ALLOWED = DRAW.random((B, H, T, S)) < 0.6
ALLOWED[..., 0] = True


def attention_by_loops(query, key, value, allowed):
    """One head, one sentence: (T, D), (S, D), (S, D), (T, S) -> (T, D) and (T, S)."""
    output, weights = np.zeros((len(query), value.shape[1])), np.zeros((len(query), len(key)))
    for t in range(len(query)):
        for s in range(len(key)):
            if allowed[t, s]:
                weights[t, s] = np.exp(
                    sum(query[t, d] * key[s, d] for d in range(query.shape[1])) / np.sqrt(query.shape[1])
                )
        weights[t] /= weights[t].sum()
        for s in range(len(key)):
            output[t] += weights[t, s] * value[s]
    return output, weights


def with_random_weights(layer, *inputs):
    """The layer, built by a call, with biases that are not zero either."""
    layer(*inputs)
    draw = np.random.default_rng(1)
    layer.set_weights([draw.normal(0, 0.5, weight.shape) for weight in layer.weights])
    return layer


@pytest.fixture(scope="module")
def mha():
    return with_random_weights(MultiHeadAttention(WIDTH, H, D), X, CONTEXT)


def test_attention_equals_loops_over_queries_keys_and_widths():
    q, k, v = (DRAW.normal(size=(B, H, length, D)).astype("float32") for length in (T, S, S))
    output, weights = scaled_dot_product_attention(q, k, v, mask=~ALLOWED)
    for b in range(B):
        for h in range(H):
            expected, shares = attention_by_loops(q[b, h], k[b, h], v[b, h], ALLOWED[b, h])
            np.testing.assert_allclose(output[b, h], expected, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(weights[b, h], shares, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("query", "expected"), [([0, 10, 0], [10, 0]), ([0, 0, 10], [550, 5.5]), ([10, 10, 0], [5.5, 0])]
)
def test_attention_gives_the_answers_of_the_2019_notebook(query, expected):
    k = np.array([[10, 0, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]], "float32")
    v = np.array([[1, 0], [10, 0], [100, 5], [1000, 6]], "float32")
    output, weights = scaled_dot_product_attention(np.array([query], "float32"), k, v, None)
    np.testing.assert_allclose(output, [expected], atol=1e-4)
    np.testing.assert_allclose(np.sum(weights, axis=-1), [1.0], atol=1e-6)


def test_in_the_earlier_notebooks_mask_any_number_but_zero_hides():
    q = k = v = X[0]
    hidden = np.array([0.0, 1.0, 0.5, 0.0], "float32")
    _, weights = scaled_dot_product_attention(q, k, v, hidden)
    np.testing.assert_array_equal(np.asarray(weights)[:, 1:3], 0.0)
    np.testing.assert_allclose(weights, attention_weights(q, k, hidden == 0), atol=1e-7)


def test_a_query_that_may_see_nothing_gets_equal_weights():
    weights = attention_weights(X, X, np.zeros((T, T), bool))
    np.testing.assert_allclose(weights, np.full((B, T, T), 1 / T), atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_softmax_is_taken_in_float32(dtype):
    q = keras.ops.cast(X * 3, dtype)
    weights = attention_weights(q, q, ALLOWED[:, 0, :, :1])
    exact = attention_weights(keras.ops.cast(q, "float32"), keras.ops.cast(q, "float32"), ALLOWED[:, 0, :, :1])
    assert weights.dtype == "float32"
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, atol=1e-6)
    np.testing.assert_allclose(weights, exact, atol=0.05)


def test_multi_head_attention_equals_loops_over_sentences_and_heads(mha):
    output, weights = mha.attend(X, CONTEXT, ALLOWED)
    (wq, bq), (wk, bk), (wv, bv), (wo, bo) = (
        dense.get_weights() for dense in (mha.query_dense, mha.key_dense, mha.value_dense, mha.output_dense)
    )
    for b in range(B):
        heads = []
        for h in range(H):
            columns = slice(h * D, (h + 1) * D)
            q, k, v = X[b] @ wq + bq, CONTEXT[b] @ wk + bk, CONTEXT[b] @ wv + bv
            head, shares = attention_by_loops(q[:, columns], k[:, columns], v[:, columns], ALLOWED[b, h])
            heads.append(head)
            np.testing.assert_allclose(weights[b, h], shares, atol=1e-5)
        np.testing.assert_allclose(output[b], np.concatenate(heads, axis=1) @ wo + bo, atol=1e-5)


def test_multi_head_attention_equals_that_of_keras_with_the_same_weights(mha):
    theirs = keras.layers.MultiHeadAttention(num_heads=H, key_dim=D)
    theirs(X, CONTEXT)
    shapes = [weight.shape for weight in theirs.weights]
    theirs.set_weights([ours.reshape(shape) for ours, shape in zip(mha.get_weights(), shapes, strict=True)])
    expected, scores = theirs(X, CONTEXT, attention_mask=ALLOWED, return_attention_scores=True)
    output, weights = mha.attend(X, CONTEXT, ALLOWED)
    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(weights, scores, atol=1e-5)


@pytest.mark.parametrize("shape", [(S,), (T, S), (1, 1, T, S), (B, 1, 1, S), (1, H, 1, S), (B, H, T, S)])
def test_allowed_is_broadcast_over_sentences_heads_and_queries(mha, shape):
    allowed = np.random.default_rng(2).random(shape) < 0.5
    allowed[..., 0] = True
    np.testing.assert_array_equal(mha(X, CONTEXT, allowed), mha(X, CONTEXT, np.broadcast_to(allowed, (B, H, T, S))))
    assert not np.allclose(mha(X, CONTEXT, allowed), mha(X, CONTEXT))


def test_without_a_context_attention_is_self_attention():
    layer = with_random_weights(MultiHeadAttention(WIDTH, H), X)
    assert layer.width == WIDTH
    np.testing.assert_array_equal(layer(X), layer(X, X))


def test_dropout_acts_on_the_weights_in_training_and_not_on_the_ones_that_are_returned():
    layer = MultiHeadAttention(WIDTH, H, D, dropout_rate=0.5)
    plain = layer(X)
    np.testing.assert_array_equal(layer(X, training=False), plain)
    assert not np.allclose(layer(X, training=True), plain)
    np.testing.assert_allclose(np.sum(layer.attend(X)[1], axis=-1), 1.0, atol=1e-6)


@pytest.mark.parametrize("attention", [GlobalSelfAttention, CrossAttention])
def test_a_sub_layer_normalises_the_sum_of_its_input_and_the_attention(attention):
    context = (CONTEXT,) if attention is CrossAttention else ()
    layer = with_random_weights(attention(num_heads=H, key_dim=D), X, *context)
    np.testing.assert_allclose(layer(X, *context), layer.layernorm(X + layer.mha(X, *context)), atol=1e-6)


def test_causal_attention_sees_the_past_and_not_what_is_hidden_besides():
    layer = with_random_weights(CausalSelfAttention(num_heads=H, key_dim=D), X)
    _, weights = layer.attend(X)
    assert np.all((np.asarray(weights) > 0) == np.tri(T, dtype=bool))
    _, weights = layer.attend(X, np.array([True, False, True, True]))
    assert np.all((np.asarray(weights) > 0) == np.tri(T, dtype=bool) & [True, False, True, True])


def test_the_number_and_the_width_of_heads_must_be_at_least_one():
    with pytest.raises(ValueError, match=r"at least 1, got num_heads=0, head_dim=None\."):
        MultiHeadAttention(8, num_heads=0)
    with pytest.raises(ValueError, match=r"at least 1, got num_heads=2, head_dim=0\."):
        MultiHeadAttention(8, num_heads=2, head_dim=0)


def test_the_width_must_be_divisible_by_the_heads():
    with pytest.raises(ValueError, match=r"divisible by num_heads, got d_model=9, num_heads=2\."):
        MultiHeadAttention(9, num_heads=2)
    with pytest.raises(ValueError, match=r"divisible by num_heads, got d_model=6, num_heads=4\."):
        MultiHeadAttention(num_heads=4)(X)
