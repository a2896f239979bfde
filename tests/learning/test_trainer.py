import keras
import numpy as np
import pytest
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.learning.loss import masked_accuracy, masked_loss, token_sums
from transformer_tutorial.learning.trainer import TranslationTrainer

LONG = ((np.array([[2, 5, 7, 3], [2, 4, 8, 3]]), np.array([[2, 5, 6, 7, 8], [2, 4, 4, 4, 5]])),
        np.array([[5, 6, 7, 8, 3], [4, 4, 4, 5, 3]]))  # fmt: skip
SHORT = ((np.array([[2, 6, 3]]), np.array([[2, 1]])), np.array([[8, 0]]))
BATCHES = [LONG, SHORT]


def make_trainer(learning_rate):
    trainer = TranslationTrainer(tiny_transformer(dropout_rate=0.0))
    trainer.compile(optimizer=keras.optimizers.SGD(learning_rate), run_eagerly=True)
    return trainer


def as_dataset(batches):
    ids = tf.TensorSpec((None, None), tf.int32)
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=((ids, ids), ids))


def expected_report(model):
    sums = [token_sums(labels, model(pair)) for pair, labels in BATCHES]
    nll, _, correct, tokens = (float(sum(column)) for column in zip(*sums, strict=True))
    return {"loss": nll / tokens, "accuracy": correct / tokens, "tokens": tokens}


def test_an_epoch_reports_sums_over_tokens_divided_by_tokens():
    trainer = make_trainer(learning_rate=0.0)
    expected = expected_report(trainer.model)
    assert expected["tokens"] == 11
    mean_of_means = np.mean([masked_loss(labels, trainer.model(pair)) for pair, labels in BATCHES])
    assert abs(mean_of_means - expected["loss"]) > 0.01
    mean_of_means = np.mean([masked_accuracy(labels, trainer.model(pair)) for pair, labels in BATCHES])
    assert abs(mean_of_means - expected["accuracy"]) > 0.01
    fitted = {name: values[0] for name, values in trainer.fit(as_dataset(BATCHES), verbose=0).history.items()}
    evaluated = trainer.evaluate(as_dataset(BATCHES), verbose=0, return_dict=True)
    for report in (fitted, evaluated):
        assert report.keys() == expected.keys()
        for name, value in expected.items():
            assert report[name] == pytest.approx(value, rel=1e-5), name


def test_one_step_follows_the_gradient_of_the_masked_loss():
    trainer = make_trainer(learning_rate=1.0)
    pair, labels = LONG
    with tf.GradientTape() as tape:
        loss = masked_loss(labels, trainer.model(pair))
    gradients = tape.gradient(loss, trainer.model.trainable_weights)
    before = trainer.model.get_weights()
    trainer.fit(as_dataset([LONG]), verbose=0)
    after = trainer.model.get_weights()
    for old, new, gradient in zip(before, after, gradients, strict=True):
        np.testing.assert_allclose(old - new, tf.convert_to_tensor(gradient), atol=1e-5)


def test_a_batch_of_padding_changes_neither_the_weights_nor_the_report():
    trainer = make_trainer(learning_rate=1.0)
    before = trainer.model.get_weights()
    pair, labels = SHORT
    report = trainer.fit(as_dataset([(pair, 0 * labels)]), verbose=0).history
    assert report == {"loss": [0.0], "accuracy": [0.0], "tokens": [0.0]}
    for old, new in zip(before, trainer.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_trainer_answers_as_its_model():
    trainer = make_trainer(learning_rate=0.0)
    np.testing.assert_array_equal(trainer(LONG[0]), trainer.model(LONG[0]))


def test_batches_of_other_lengths_and_further_epochs_add_no_trace():
    trainer = make_trainer(learning_rate=0.1)
    trainer.compile(optimizer="sgd")
    found = []
    for batches in ([LONG], [SHORT], [LONG, SHORT]):
        trainer.fit(as_dataset(batches), verbose=0)
        found.append(trainer.traces)
    assert found == [1, 1, 1]
    trainer.fit(tf.data.Dataset.from_tensors(SHORT), verbose=0)  # other types and fixed shapes
    assert trainer.traces == 2
