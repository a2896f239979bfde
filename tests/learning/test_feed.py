import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from learning.test_training import CONFIG
from tiny_transformer import tiny_transformer
from transformer_tutorial.data.batches import PlainBatches, as_dataset
from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.prepared import prepare
from transformer_tutorial.fast.bucketed_batches import BucketedBatches, FewShapeBatches
from transformer_tutorial.learning.feed import Feed, make_batches_for, weighted
from transformer_tutorial.learning.optimizer import make_optimizer
from transformer_tutorial.learning.trainer import TranslationTrainer


@pytest.fixture(scope="module")
def prepared(tiny_corpus, tmp_path_factory):
    return prepare(open_corpus(str(tiny_corpus)), CONFIG, tmp_path_factory.mktemp("cache"))


def test_the_config_chooses_the_batches(prepared):
    assert type(make_batches_for(CONFIG, prepared.train, 0)) is BucketedBatches
    few = make_batches_for(dataclasses.replace(CONFIG, batching="few_shapes"), prepared.train, 0)
    assert type(few) is FewShapeBatches and (few.seed, few.tokens_per_batch) == (0, CONFIG.tokens_per_batch)
    plain = make_batches_for(dataclasses.replace(CONFIG, batching="plain", batch_size=5), prepared.train, 0)
    assert type(plain) is PlainBatches and plain.batch_size == 5


def test_an_epoch_is_fed_from_where_it_is_told(prepared):
    feed = Feed(CONFIG, prepared)
    whole, rest = list(feed.batches(3, 0)), list(feed.batches(3, 2))
    assert len(whole) == feed.steps(3) == feed.updates(3) and len(rest) == len(whole) - 2
    for (_, labels), (_, found) in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(found, labels)


def test_an_epoch_with_accumulation_has_whole_updates_only(prepared):
    feed, single = Feed(dataclasses.replace(CONFIG, accumulate=3), prepared), Feed(CONFIG, prepared)
    assert feed.steps(0) == 3 * feed.updates(0) and 0 <= single.steps(0) - feed.steps(0) < 3
    (_, labels, weights), *_ = feed.batches(0, 0)
    assert weights.shape == (len(labels), 1) and len(set(weights.ravel())) == 1


def test_sampled_segmentations_differ_in_each_epoch_and_come_back(prepared):
    config = dataclasses.replace(CONFIG, subword_sampling=0.2)
    feed, again = Feed(config, prepared), Feed(config, prepared)
    first, second = ([labels for _, labels in feed.batches(epoch, 0)] for epoch in (0, 1))
    assert not all(map(np.array_equal, first, second))
    resumed = [labels for _, labels in again.batches(1, 0)]
    assert len(resumed) == len(second) == again.steps(1)
    for expected, found in zip(second, resumed, strict=True):
        np.testing.assert_array_equal(found, expected)
    texts = prepared.tokenizers.target.detokenize(feed._sampler.epoch(1).target[0][None]).numpy()
    assert texts[0].decode() == prepared.text["train"].target[0]


def test_accumulated_batches_train_as_one_large_batch():
    source = [np.array([2, *range(4, 4 + n), 3]) for n in (1, 5, 2, 6, 3, 4)]
    target = [np.array([2, *([4 + n] * n), 3]) for n in (4, 1, 3, 1, 2, 3)]
    small, large = (PlainBatches(source, target, size, None) for size in (2, 6))
    assert len({len(ids) for ids in target}) > 2, "batches with unlike numbers of tokens"
    fed = (lambda: weighted(small, 0, 0, 3)), (lambda: large.epoch(0))
    # Plain steps and a clipped gradient: Adam alone would hide a wrong scale.
    results = []
    for feed, accumulate in zip(fed, (3, 1), strict=True):
        trainer = TranslationTrainer(tiny_transformer(dropout_rate=0.0))
        steps = {"gradient_accumulation_steps": accumulate} if accumulate > 1 else {}
        trainer.compile(optimizer=keras.optimizers.SGD(0.5, global_clipnorm=5.0, **steps))
        before = trainer.model.get_weights()
        trainer.fit(as_dataset(feed, weighted=accumulate > 1), verbose=0)
        results.append([new - old for old, new in zip(before, trainer.model.get_weights(), strict=True)])
    assert max(np.abs(change).max() for change in results[1]) > 0.05
    for accumulated, expected in zip(*results, strict=True):
        np.testing.assert_allclose(accumulated, expected, atol=2e-6)


@pytest.mark.parametrize("start", [1, 3, 5])
def test_accumulated_batches_go_on_in_the_middle_with_the_same_weights(start):
    rows = [np.array([2, *range(4, 4 + n), 3]) for n in (1, 5, 2, 6, 3, 4)]
    batches = PlainBatches(rows, rows, 1, 0)
    unbroken, rest = (list(weighted(batches, 0, first, 3)) for first in (0, start))
    assert len({float(weights[0, 0]) for _, _, weights in unbroken}) > 3
    for (_, labels, weights), (_, expected, expected_weights) in zip(rest, unbroken[start:], strict=True):
        np.testing.assert_array_equal(labels, expected)
        np.testing.assert_array_equal(weights, expected_weights)


def test_the_pairs_of_a_batch_are_those_it_was_made_from(prepared):
    feed = Feed(CONFIG, prepared)
    ((source, _), _), *_ = feed.batches(1, 2)
    longest = max(feed.pairs(1, 2), key=lambda number: len(prepared.train.source[number]))
    assert prepared.train.source[longest].tolist() in [row[row > 0].tolist() for row in source]
    assert len(feed.pairs(1, 2)) == (source[:, 0] > 0).sum()


@pytest.mark.tensorflow
def test_the_rate_follows_updates_not_batches():
    config = dataclasses.replace(CONFIG, schedule="linear", peak_rate=1.0, warmup_steps=4, accumulate=3)
    optimizer = make_optimizer(config, 10)
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    rates = []
    for _ in range(9):
        rates.append(round(float(optimizer.learning_rate), 4))
        optimizer.apply([tf.constant([1.0])], [variable])
    assert rates == [0.25] * 3 + [0.5] * 3 + [0.75] * 3
