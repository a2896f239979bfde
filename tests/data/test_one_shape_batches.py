import numpy as np
import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.data.one_shape_batches import OneShapeBatches
from transformer_tutorial.data.replica_batches import replica_dataset
from transformer_tutorial.fast.fused_adam import FusedAdam
from transformer_tutorial.learning.trainer import TranslationTrainer
from transformer_tutorial.runtime.errors import UsageError


def make(seed, count=11):
    draw = np.random.default_rng(0)
    source, target = ([np.array([2, *draw.integers(4, top, draw.integers(1, 6)), 3]) for _ in range(count)]
                      for top in (11, 9))  # fmt: skip
    return OneShapeBatches(source, target, 4, seed, width=8)


def test_all_batches_have_one_shape_and_the_remainder_is_dropped():
    batches = make(seed=0)
    padded = [*batches.epoch(0), *batches.epoch(1)]
    assert {rows.shape for (source, inputs), labels in padded for rows in (source, inputs, labels)} == {(4, 8)}
    seen = [set(np.concatenate([plan.indices for plan in batches.plan(epoch)])) for epoch in range(6)]
    assert {len(sentences) for sentences in seen} == {8} and set.union(*seen) == set(range(11))


def test_validation_leaves_nothing_out():
    plans = make(seed=None).plan(0)
    assert np.concatenate([plan.indices for plan in plans]).tolist() == list(range(11))
    assert [plan.rows for plan in plans] == [4, 4, 4]


def test_too_few_sentences_are_refused():
    with pytest.raises(UsageError, match="and 3 sentences do not fill one of 4. Take a smaller --batch-size"):
        make(seed=0, count=3)


def test_the_shape_is_known_before_anything_runs():
    batches = make(seed=0)
    spec = as_dataset(lambda: batches.epoch(0), shape=(4, 8)).element_spec
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    spread = replica_dataset(strategy, lambda: batches.epoch(0), shape=(4, 8)).element_spec
    for (source, inputs), labels in (spec, spread):
        assert all(rows.shape == (4, 8) for rows in (source, inputs, labels))


def test_xla_compiles_the_whole_training_step():
    losses, weights = [], []
    for compiled in (False, True):
        trainer = TranslationTrainer(tiny_transformer(dropout_rate=0.0), label_smoothing=0.1)
        before = trainer.model.get_weights()
        optimizer = FusedAdam(0.01, global_clipnorm=0.5, weight_decay=0.01)
        trainer.compile(optimizer=optimizer, jit_compile=compiled)
        batches = make(seed=0)
        data = as_dataset(lambda: batches.epoch(0), shape=(4, 8))  # noqa: B023
        losses.append(trainer.fit(data, steps_per_epoch=1, verbose=0).history["loss"])
        weights.append({weight.path.partition("/")[2]: np.asarray(weight) for weight in trainer.model.weights})
    assert trainer.jit_compile and losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert max(np.abs(old - new).max() for old, new in zip(before, weights[1].values(), strict=True)) > 0.005
    for name, weight in weights[0].items():
        # The keys' bias has a gradient of 0 but for rounding, which Adam scales up.
        limit = 1e-3 if name.endswith("mha/key/bias") else 1e-5
        np.testing.assert_allclose(weights[1][name], weight, atol=limit, err_msg=name)
