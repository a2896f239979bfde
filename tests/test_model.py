import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_transformer import tiny_transformer
from transformer_tutorial.learning.loss import masked_accuracy, masked_loss
from transformer_tutorial.model import Transformer

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SOURCE = np.array([[2, 5, 7, 3, 0], [2, 8, 9, 4, 3]], np.int32)
TARGET = np.array([[2, 5, 3, 0], [2, 6, 7, 3]], np.int32)
IDS = st.integers(1, 8)
SHORT, LONG = st.lists(IDS, min_size=1, max_size=5), st.lists(IDS, min_size=1, max_size=8)
few_examples = settings(max_examples=8, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def model():
    return tiny_transformer(num_layers=2, dropout_rate=0.0)


@pytest.fixture(scope="module")
def ways_to_run(model):
    """The same forward pass in each way in which it is run."""
    open_ids = tf.TensorSpec((None, None), tf.int32)
    forward = lambda source, target: model((source, target))  # noqa: E731
    return {
        "eager": forward,
        "graph": tf.function(forward, input_signature=[open_ids, open_ids]),
        "XLA": tf.function(forward, jit_compile=True),
        "training": lambda source, target: model((source, target), training=True),
    }


def rows(width, *sentences):
    return tf.constant([sentence + [0] * (width - len(sentence)) for sentence in sentences], tf.int32)


@pytest.mark.tensorflow
@pytest.mark.parametrize("way", ["eager", "graph", "XLA", "training"])
@given(source=SHORT, target=SHORT, next_source=LONG, next_target=LONG)
@few_examples
def test_padding_and_neighbours_have_no_influence_on_the_logits(
    ways_to_run, way, source, target, next_source, next_target
):
    run = ways_to_run[way]
    # XLA compiles for each shape anew, so only there the first batch is padded, too.
    widths = (5, 5) if way == "XLA" else (len(source), len(target))
    alone = run(rows(widths[0], source), rows(widths[1], target))[0, : len(target)]
    in_batch = run(rows(9, next_source, source), rows(8, next_target, target))[1, : len(target)]
    np.testing.assert_allclose(in_batch, alone, atol=1e-5)


@pytest.mark.tensorflow
@given(start=SHORT, one=SHORT, other=SHORT)
@few_examples
def test_what_follows_in_the_target_has_no_influence(ways_to_run, start, one, other):
    run = ways_to_run["graph"]
    logits = [run(rows(4, [2, 5, 7, 3]), rows(10, start + rest))[0, : len(start)] for rest in (one, other)]
    np.testing.assert_allclose(*logits, atol=1e-5)


def test_the_source_and_the_target_so_far_have_an_influence(model):
    logits = np.asarray(model((SOURCE, TARGET)))
    other_source = np.asarray(model((SOURCE[::-1], TARGET)))
    other_target = np.asarray(model((SOURCE, np.where(TARGET == 2, 4, TARGET))))
    assert np.abs(logits - other_source).max(axis=-1).min() > 1e-3
    assert np.abs(logits - other_target).max(axis=-1).min() > 1e-3


@pytest.mark.tensorflow
def test_a_sentence_of_padding_alone_gives_numbers(model):
    source, target = np.concatenate([SOURCE, 0 * SOURCE[:1]]), np.concatenate([TARGET, 0 * TARGET[:1]])
    with tf.GradientTape() as tape:
        logits = model((source, target))
        loss = masked_loss(np.roll(target, -1, axis=1) * (target > 0), logits)
    assert np.isfinite(logits).all()
    for gradient in tape.gradient(loss, model.trainable_weights):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()


@pytest.mark.parametrize(("head_dim", "parameters"), [(None, 4_646_882), (128, 10_184_162)])
def test_the_tutorials_model_has_as_many_parameters_as_the_tutorials(head_dim, parameters):
    shape = {"num_layers": 4, "d_model": 128, "num_heads": 8, "dff": 512, "head_dim": head_dim}
    model = Transformer(**shape, input_vocab_size=7765, target_vocab_size=7010)
    model.build(((None, None), (None, None)))
    assert model.count_params() == parameters


def test_attention_maps_are_shares_of_what_may_be_seen(model):
    maps = model.attention_maps((SOURCE, TARGET))
    assert maps.encoder.shape == (2, 2, 2, 5, 5)
    assert maps.decoder.shape == (2, 2, 2, 4, 4)
    assert maps.cross.shape == (2, 2, 2, 4, 5)
    for weights in maps:
        assert weights.dtype == "float32"
        np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, atol=1e-6)
    source_seen, target_seen = (SOURCE > 0)[:, None, None], (TARGET > 0)[:, None, None]
    visible = {"encoder": source_seen, "decoder": target_seen & np.tri(4, dtype=bool), "cross": source_seen}
    for name, allowed in visible.items():
        weights = np.asarray(getattr(maps, name))
        np.testing.assert_array_equal(weights > 0, np.broadcast_to(allowed, weights.shape))


def test_attention_maps_need_no_call_before_and_know_no_dropout():
    keras.utils.set_random_seed(1)
    shape = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 16}
    model = Transformer(**shape, input_vocab_size=10, target_vocab_size=10, dropout_rate=0.5)
    first, second = (model.attention_maps((SOURCE.tolist(), TARGET.tolist())) for _ in range(2))
    np.testing.assert_array_equal(first.cross, second.cross)


def test_dropout_acts_in_training_and_not_in_inference():
    model = tiny_transformer(dropout_rate=0.3)
    pair = SOURCE, TARGET
    np.testing.assert_array_equal(model(pair), model(pair, training=False))
    first, second = model(pair, training=True), model(pair, training=True)
    assert not np.allclose(first, second, atol=1e-3)


def test_the_width_must_be_divisible_by_the_heads_unless_they_are_given_one():
    with pytest.raises(ValueError, match=r"divisible by num_heads, got d_model=8, num_heads=3\."):
        tiny_transformer(num_heads=3)
    assert tiny_transformer(num_heads=3, head_dim=4).count_params() > 0


def test_a_sequence_longer_than_the_table_of_positions_is_an_error(model):
    with pytest.raises(ValueError, match=r"max_length=2048 tokens, got 2049"):
        model((SOURCE, np.ones((2, 2049), np.int32)))


def test_a_stored_model_is_read_by_a_new_process(model, tmp_path):
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "ids.npz", source=SOURCE, target=TARGET)
    program = (
        "import transformer_tutorial, keras, numpy as np\n"
        "model, ids = keras.saving.load_model('model.keras'), np.load('ids.npz')\n"
        "np.save('logits.npy', model((ids['source'], ids['target'])))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), model((SOURCE, TARGET)), atol=1e-6)


def copying_task(sentences, seed=0):
    """((source, [START] + source), source + [END]): the target is the source."""
    letters = np.random.default_rng(seed).integers(4, 9, (sentences, 3))
    edge = np.ones((sentences, 1), int)
    return (letters, np.hstack([2 * edge, letters])), np.hstack([letters, 3 * edge])


def fit_copying(steps, learning_rate):
    keras.utils.set_random_seed(1)
    model = Transformer(
        num_layers=1, d_model=16, num_heads=2, dff=32, input_vocab_size=9, target_vocab_size=9, dropout_rate=0.0
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=masked_loss, metrics=[masked_accuracy])
    pairs, labels = copying_task(64 * 20)
    history = model.fit(pairs, labels, batch_size=64, epochs=steps // 20, verbose=0)
    return model, history.history


def test_a_model_learns_to_copy_with_nothing_but_keras():
    model, history = fit_copying(steps=160, learning_rate=0.01)
    loss, accuracy = model.evaluate(*copying_task(64, seed=1), verbose=0)
    assert history["loss"][0] > 1.0 > 0.3 > loss
    assert accuracy > 0.9


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_model_learns_in_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model, history = fit_copying(steps=60, learning_rate=0.01)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.encoder.enc_layers[0].ffn.hidden.compute_dtype == policy.removeprefix("mixed_")
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < 0.8 * history["loss"][0]


TIED = {"input_vocab_size": 11, "target_vocab_size": 11}


@pytest.mark.parametrize(("tied", "matrices"), [("none", 3), ("output", 2), ("all", 1)])
def test_tied_embeddings_are_one_variable(tied, matrices, tmp_path):
    model = tiny_transformer(tied_embeddings=tied, **TIED)
    large = [weight for weight in model.trainable_weights if 11 in weight.shape and len(weight.shape) == 2]
    assert len(large) == len({id(weight) for weight in large}) == matrices
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    pair = np.array([[4, 5, 6]]), np.array([[2, 7]])
    np.testing.assert_array_equal(loaded(pair), model(pair))
    shared = loaded.decoder.pos_embedding.embedding
    assert (shared is loaded.encoder.pos_embedding.embedding) == (tied == "all")


def test_a_tied_projection_is_the_products_with_the_embeddings():
    model = tiny_transformer(tied_embeddings="output", **TIED)
    x = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    (table,) = model.decoder.pos_embedding.embedding.get_weights()
    np.testing.assert_allclose(model.project(x), x @ table.T, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tied_embeddings": "all"}, "one vocabulary for both languages, got 11 source and 9 target tokens"),
        ({"tied_embeddings": "some"}, "must be none, output or all, got 'some'"),
    ],
)
def test_embeddings_that_cannot_be_tied_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny_transformer(**changes)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_only_pre_norm_ends_in_a_norm_of_its_own(norm):
    model = tiny_transformer(norm=norm)
    x = np.random.default_rng(0).normal(size=(1, 2, 8)).astype("float32")
    unchanged = np.allclose(model.decoder.finish(x), x)
    assert unchanged == (norm == "post") and (model.encoder.layernorm is None) == unchanged


def test_the_decoder_may_have_layers_of_its_own_number():
    model = tiny_transformer(num_layers=3, num_decoder_layers=2)
    assert (len(model.encoder.enc_layers), len(model.decoder.dec_layers)) == (3, 2)
    assert tiny_transformer(num_layers=3).get_config()["num_decoder_layers"] is None
