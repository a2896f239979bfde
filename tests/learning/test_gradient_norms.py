import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.gradient_norms import LAST, MAX, SUM, GradientLog, by_layer, with_gradient_norms
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.trainer import TranslationTrainer


def make_trainer(optimizer=None) -> TranslationTrainer:
    trainer = TranslationTrainer(tiny_transformer(dropout_rate=0.0))
    trainer.compile(optimizer=optimizer or with_gradient_norms(keras.optimizers.Adam)(1e-3))
    trainer.build(((None, None), (None, None)))
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def random_batch(seed: int):
    generator = np.random.default_rng(seed)
    source, target = generator.integers(1, 9, (4, 6)), generator.integers(1, 9, (4, 7))
    return (tf.constant(source, tf.int32), tf.constant(target[:, :-1], tf.int32)), tf.constant(target[:, 1:], tf.int32)


def gradients(trainer, batch) -> list[np.ndarray]:
    (inputs, labels) = batch
    with tf.GradientTape() as tape:
        loss = trainer.compute_loss(y=labels, y_pred=trainer(inputs, training=True))
    return [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(loss, trainer.trainable_weights)]


def norms_of(trainer) -> np.ndarray:
    return np.asarray(trainer.optimizer.gradient_norms)


def test_the_norms_are_those_of_the_gradients_that_are_applied():
    trainer, squares, largest = make_trainer(), 0, 0
    for seed in range(3):
        expected = np.array([np.linalg.norm(g) for g in gradients(trainer, random_batch(seed))])
        squares, largest = squares + expected**2, np.maximum(largest, expected)
        trainer.train_on_batch(*random_batch(seed))
        np.testing.assert_allclose(norms_of(trainer)[LAST], expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(norms_of(trainer)[SUM], squares, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(norms_of(trainer)[MAX], largest, rtol=1e-4, atol=1e-7)
    assert (norms_of(trainer)[MAX] > norms_of(trainer)[LAST]).any()


def test_the_norms_are_those_before_clipping():
    trainer = make_trainer(with_gradient_norms(keras.optimizers.Adam)(1e-3, global_clipnorm=1e-3))
    trainer.train_on_batch(*random_batch(0))
    assert norms_of(trainer)[LAST].max() > 0.1


def test_training_is_the_same_with_and_without_them():
    plain, watched = make_trainer(keras.optimizers.Adam(1e-3)), make_trainer()
    for seed in range(3):
        for trainer in (plain, watched):
            trainer.train_on_batch(*random_batch(seed))
    for here, there in zip(plain.weights, watched.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))


def test_norms_of_layers_add_up_to_the_global_one():
    trainer = make_trainer()
    squares = np.arange(1.0, len(trainer.trainable_variables) + 1)
    norms = by_layer(trainer.trainable_variables, squares)
    assert norms.pop("global") == pytest.approx(squares.sum() ** 0.5)
    assert sum(norm**2 for norm in norms.values()) == pytest.approx(squares.sum())
    assert 1 < len(norms) < len(squares) and not any(name.endswith(("kernel", "bias")) for name in norms)


@pytest.fixture
def log(tmp_path):
    trainer = make_trainer()
    log = GradientLog(RunFolder(tmp_path), Position(), every=2)
    log.set_model(trainer)
    return log


def steps(log, *seeds):
    for seed in seeds:
        log.model.train_on_batch(*random_batch(seed))
        log.position.batch += 1
        log.on_train_batch_end(0)


def test_an_epoch_is_recorded_from_its_beginning(log):
    steps(log, 1, 2)
    log.position.batch = 0
    log.on_epoch_begin(1)
    expected = []
    for seed in (3, 4):
        expected.append(sum((g**2).sum() for g in gradients(log.model, random_batch(seed))))
        steps(log, seed)
    record = json.loads(json.dumps(log.record()))
    assert record["gradient_norm"] == pytest.approx(np.mean(expected) ** 0.5, rel=1e-4)
    assert sum(norm**2 for norm in record["gradient_norms"].values()) == pytest.approx(np.mean(expected), rel=1e-4)
    assert record["largest_gradient"]["variable"] in {variable.path for variable in log.model.trainable_variables}
    assert record["largest_gradient"]["norm"] == pytest.approx(norms_of(log.model)[MAX].max())


def test_a_resumed_epoch_keeps_what_it_has(log):
    steps(log, 1)
    before = norms_of(log.model)
    log.on_epoch_begin(0)
    np.testing.assert_array_equal(norms_of(log.model), before)
    assert any(variable is log.model.optimizer.gradient_norms for variable in log.model.optimizer.variables)


def test_every_second_step_is_in_tensorboard(log, tmp_path):
    steps(log, 1, 2, 3, 4)
    (events,) = (tmp_path / "tensorboard").glob("events.out.tfevents.*")
    found = [
        (event.step, value.tag)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    ]
    assert [step for step, tag in found if tag == "gradient_norm/global"] == [2, 4]
    assert any("encoder" in tag for _, tag in found)
