"""One of several workers on this machine; TF_CONFIG says which.

    python tests/distribution/worker_program.py {plain,own,safe,broken,train} FOLDER

plain  Keras's own `fit`; prints which errors it ends with.
own    `fit` of somebody's own model, with callbacks that write.
safe   the same with SafeCheckpoint, in FOLDER/safe.
broken the same, which an exception ends in its fifth step.
train  our own training, in FOLDER/run.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

STRATEGY = tf.distribute.MultiWorkerMirroredStrategy() if os.environ.get("TF_CONFIG") else None

from distribution.replica_program import OwnModel, scope  # noqa: E402
from learning.test_training import CONFIG  # noqa: E402
from transformer_tutorial.data.corpus import open_corpus  # noqa: E402
from transformer_tutorial.data.prepared import prepare  # noqa: E402
from transformer_tutorial.learning.training import train  # noqa: E402
from transformer_tutorial.runtime.safe_checkpoint import SafeCheckpoint  # noqa: E402
from transformer_tutorial.runtime.workers import Workers, digest  # noqa: E402


class Built(keras.Model):
    """Past the first place where Keras fails, so that the second is seen."""

    def _maybe_symbolic_build(self, *args, **kwargs):
        pass


def fit(kind: type, callbacks=(), loss="mse"):
    draw = np.random.default_rng(0)
    rows, labels = draw.normal(size=(15, 3)).astype("float32"), draw.normal(size=(15, 2)).astype("float32")
    with scope(STRATEGY):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        model = kind(inputs, keras.layers.Dense(2)(keras.layers.Dense(4, "tanh")(inputs)))
        model.compile(keras.optimizers.SGD(0.1, global_clipnorm=0.1), loss=loss, metrics=["mae"])
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    data = tf.data.Dataset.from_tensor_slices((rows, labels)).batch(6).with_options(options)
    history = model.fit(data, epochs=3, validation_data=data, callbacks=list(callbacks), verbose=0).history
    return {"history": history, "weights": [np.asarray(weight).tolist() for weight in model.weights]}


def plain() -> dict:
    errors = {}
    for kind in (keras.Model, Built):
        try:
            fit(kind)
            errors[kind.__name__] = None
        except (ValueError, TypeError, RuntimeError, tf.errors.OpError) as error:
            errors[kind.__name__] = str(error)[:500]
    return errors


def own(folder: Path) -> dict:
    writing = [
        keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True, monitor="val_loss"),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.TensorBoard(folder / "tensorboard"),
    ]
    return fit(OwnModel, [*writing, keras.callbacks.EarlyStopping("val_loss", patience=2)])


class Breaks(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations.numpy()) == 5:
            raise InterruptedError


def safe(folder: Path) -> dict:
    return fit(OwnModel, [SafeCheckpoint(folder / "safe", save_every_minutes=0.0)])


def broken(folder: Path) -> dict:
    try:
        return fit(OwnModel, [SafeCheckpoint(folder / "safe", save_every_minutes=0.0), Breaks()])
    except InterruptedError:
        return {"broken": True}


def own_training(folder: Path) -> dict:
    workers = Workers(STRATEGY)
    config = dataclasses.replace(CONFIG, dropout_rate=0.0, accumulate=2, ema=0.9, clip_norm=0.5)
    with workers.chief_first():
        prepared = prepare(open_corpus(str(folder / "corpus")), config, folder / "cache")
    model = train(config, prepared, folder / "run", strategy=STRATEGY)
    said = workers.from_chief({"chief": workers.chief})
    return {"chief": workers.chief, "said": said, "digest": digest(model.weights)}


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    does = {"plain": lambda folder: plain(), "own": own, "safe": safe, "broken": broken, "train": own_training}
    print(json.dumps(does[what](place)), flush=True)
