"""Trains small models on one device and on parts of a CPU, and prints as JSON what comes out; run in its own process.

TensorFlow splits a CPU only before it has started, and starting it is slow, so everything happens in one process.

    python tests/distribution/replica_program.py {trainer,fit}
"""

import contextlib
import io
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tiny_transformer import tiny_transformer
from transformer_tutorial.data.batches import PlainBatches, as_dataset
from transformer_tutorial.data.replica_batches import replica_dataset
from transformer_tutorial.fast.fused_adam import FusedAdam
from transformer_tutorial.learning.feed import weighted
from transformer_tutorial.learning.gradient_norms import with_gradient_norms
from transformer_tutorial.learning.trainer import TranslationTrainer
from transformer_tutorial.runtime.distributed_fit import DistributedFit

EPOCHS, STEPS = 5, 10


def mirrored(replicas: int) -> tf.distribute.Strategy | None:
    names = [f"/cpu:{number}" for number in range(replicas)]
    return tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice()) if replicas > 1 else None


def scope(strategy):
    return strategy.scope() if strategy else contextlib.nullcontext()


def sentences(seed: int, vocab_size: int, count: int) -> list[np.ndarray]:
    """Of 3 to 10 tokens, so that parts of a batch have unlike numbers of them."""
    draw = np.random.default_rng(seed)
    return [np.array([2, *draw.integers(4, vocab_size, draw.integers(1, 9)), 3]) for _ in range(count)]


def train_translation(replicas: int, optimizer, accumulate: int = 1) -> dict:
    """50 steps; batches of 7 sentences, the last one of each epoch of 2."""
    source, target = sentences(0, 11, 65), sentences(1, 9, 65)
    training, validation = PlainBatches(source, target, 7, 3), PlainBatches(source[:9], target[:9], 4, None)
    strategy = mirrored(replicas)
    with scope(strategy):
        trainer = TranslationTrainer(tiny_transformer(dropout_rate=0.0), label_smoothing=0.1)
        trainer.compile(optimizer=optimizer())
        trainer.build(((None, None), (None, None)))
        trainer.optimizer.build(trainer.trainable_variables)
    before = [np.asarray(weight) for weight in trainer.model.weights]

    def dataset(batches, with_weights=False):
        return replica_dataset(strategy, batches, with_weights) if strategy else as_dataset(batches, with_weights)

    history = []
    for epoch in range(EPOCHS):
        feed = (lambda: weighted(training, epoch, 0, accumulate)) if accumulate > 1 else lambda: training.epoch(epoch)  # noqa: B023
        report = trainer.fit(
            dataset(feed, accumulate > 1),
            initial_epoch=epoch,
            epochs=epoch + 1,
            steps_per_epoch=STEPS,
            validation_data=dataset(lambda: validation.epoch(0)),
            validation_steps=3,
            shuffle=False,
            verbose=0,
        )
        history.append({name: float(values[0]) for name, values in report.history.items()})
    weights = {weight.path.partition("/")[2]: np.asarray(weight) for weight in trainer.model.weights}
    norms = getattr(trainer.optimizer, "gradient_norms", None)
    return {
        "history": history,
        "weights": {name: weight.tolist() for name, weight in weights.items()},
        "moved": max(float(np.abs(old - new).max()) for old, new in zip(before, weights.values(), strict=True)),
        "norms": None if norms is None else np.asarray(norms).tolist(),
    }


def trainer_results() -> dict:
    def adam():
        return with_gradient_norms(FusedAdam)(0.01, weight_decay=0.01)

    def clipped():
        kind = {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.9}
        return keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.3, **kind)

    results = {"adam": {n: train_translation(n, adam) for n in (1, 2, 4)}}
    results["accumulated"] = {n: train_translation(n, clipped, accumulate=2) for n in (1, 2, 4)}
    keras.config.set_dtype_policy("mixed_float16")
    results["float16"] = {n: train_translation(n, adam) for n in (1, 2)}
    return results


class OwnModel(DistributedFit, keras.Model):
    """Somebody's own model."""


def scalar_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - keras.ops.cast(y_pred, "float32")))


CASES = {
    "uneven parts": ("mse", {}),
    "clipping": ("mse", {"global_clipnorm": 0.05}),
    "accumulation": ("mse", {"gradient_accumulation_steps": 2}),
    "scalar loss": (scalar_loss, {}),
    "overflow": ("mse", {}),
    "batch norm": ("mse", {}),
    "batch norm of parts": ("mse", {}),
    "sum": (keras.losses.MeanSquaredError(reduction="sum"), {}),
}


def fit_once(kind: type, replicas: int, case: str) -> dict:
    """Three epochs: batches of 6, 6 and 3 rows, or of 5, 5, 5 and 1, with a part without rows."""
    draw = np.random.default_rng(0)
    count, batch_size = (16, 5) if case == "uneven parts" else (15, 6)
    rows, labels = draw.normal(size=(count, 3)).astype("float32"), draw.normal(size=(count, 2)).astype("float32")
    keras.config.set_dtype_policy("mixed_float16" if case == "overflow" else "float32")
    if case == "overflow":
        labels[4] = 1e3  # in the second part of the first batch: its gradient, scaled, is beyond float16
    loss, settings = CASES[case]
    with scope(mirrored(replicas)):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        hidden = keras.layers.Dense(4, "tanh")(inputs)
        if case.startswith("batch norm"):
            hidden = keras.layers.BatchNormalization(synchronized=case == "batch norm", name="norm")(hidden)
        model = kind(inputs, keras.layers.Dense(2)(hidden))
        try:
            model.compile(keras.optimizers.SGD(0.1, **settings), loss=loss, metrics=["mae"])
        except ValueError as error:
            return {"error": str(error)}
    data = tf.data.Dataset.from_tensor_slices((rows, labels)).batch(batch_size)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            history = model.fit(data, epochs=3, validation_data=data, verbose=0).history
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        return {"error": str(error).splitlines()[0]}
    return {
        "weights": [np.asarray(w).tolist() for w in model.weights],
        "history": history,
        "said": warning(said.getvalue()),
    }


def warning(said: str) -> list[str]:
    """Ours, among what TensorFlow and Keras say."""
    return [line for line in said.splitlines() if line.startswith("Warning: ")]


def fit_results() -> dict:
    ways = {"one device": (keras.Model, 1), "own, one device": (OwnModel, 1), "own": (OwnModel, 2)}
    results: dict = {case: {how: fit_once(*way, case) for how, way in ways.items()} for case in CASES}
    for case in ("uneven parts", "clipping", "accumulation", "scalar loss", "overflow"):
        results[case]["plain"] = fit_once(keras.Model, 2, case)
    return results


if __name__ == "__main__":
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    print(json.dumps({"trainer": trainer_results, "fit": fit_results}[sys.argv[1]]()))
