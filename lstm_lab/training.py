"""A cell as a Keras layer, trained by `model.fit` on any devices: `python -m lstm_lab train`.

An example of somebody's own `fit` with the two things that this package adds to it: `DistributedFit` lets any number of
replicas train what one trains, and `SafeCheckpoint` loses nothing when the process dies. The sequences of an update are
a function of the seed and the number of the update, so that a resumed training meets those that it would have met.

Next: nothing; this is the end of the path.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lstm_lab.layers import LSTM, SimpleRNN
from lstm_lab.remembering import GUESSING, draw_batch
from lstm_lab.train_options import TrainOptions
from transformer_tutorial.runtime.checkpoints import sync
from transformer_tutorial.runtime.devices import make_deterministic
from transformer_tutorial.runtime.distributed_fit import DistributedFit
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.run_lock import hold_lock
from transformer_tutorial.runtime.safe_checkpoint import SafeCheckpoint
from transformer_tutorial.runtime.strategies import Place, choose_place
from transformer_tutorial.runtime.untuned import untuned
from transformer_tutorial.runtime.workers import Workers

HALF_WRITTEN = tuple(f"tmp-*-{name}" for name in ("config.json", "metrics.jsonl", "model.keras"))


@keras.saving.register_keras_serializable("lstm_lab")
class Remembering(DistributedFit, keras.Model):
    """From sequences (B, T, 1) to logits of the two answers, (B, 2)."""


def run(options: TrainOptions) -> None:
    """Trains, or goes on with the training that the run folder holds."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError(f"The lab's layers are TensorFlow's, got KERAS_BACKEND={keras.backend.backend()}. Unset it.")
    if options.deterministic:
        make_deterministic()
    place = choose_place(options)
    print(f"{place.description}\nRun folder: {options.run_dir}", file=sys.stderr)
    workers = Workers(place.strategy)
    with workers.watched(), lock(options.run_dir) if workers.chief else contextlib.nullcontext():
        if workers.chief:
            begin(options)
        train(options, place, workers)


def train(options: TrainOptions, place: Place, workers: Workers) -> None:
    """Fills the run folder, from where it is to the last epoch."""
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    with place.scope():
        model = build(options, place)
    callbacks = [SafeCheckpoint(options.run_dir / "checkpoints", options.save_every_minutes, monitor="val_loss")]
    if workers.chief:
        callbacks.append(Metrics(options.run_dir / "metrics.jsonl"))
        callbacks.append(keras.callbacks.TensorBoard(options.run_dir / "tensorboard"))
    model.fit(
        dataset(options, options.seed),
        epochs=options.epochs,
        steps_per_epoch=options.updates,
        shuffle=False,
        validation_data=dataset(options, options.seed + 1, updates=8),
        callbacks=callbacks,
        verbose=2,
    )
    if workers.chief:
        print(write(options.run_dir / "model.keras", model.save))


def build(options: TrainOptions, place: Place) -> Remembering:
    """The compiled model."""
    if options.cell == "rnn":
        layer = SimpleRNN(options.units, backward=options.backward)
    else:
        layer = LSTM(options.units, options.variant, backward=options.backward)
    inputs = keras.Input((options.steps, 1))
    model = Remembering(inputs, keras.layers.Dense(2, dtype="float32")(layer(inputs)))
    model.compile(
        optimizer=keras.optimizers.Adam(options.learning_rate, global_clipnorm=options.clip_norm),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=options.jit_compile and place.strategy is None,
    )
    return model


def dataset(options: TrainOptions, seed: int, updates: int | None = None) -> tf.data.Dataset:
    """Global batches ((B, T, 1), (B,)): so many, or without end."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for update in range(updates or sys.maxsize):
            x, answer = draw_batch(options.steps, np.random.default_rng((seed, update)), options.batch_size)
            yield x.astype("float32"), answer[:, 0].argmax(axis=-1)

    shapes = tf.TensorSpec((options.batch_size, options.steps, 1)), tf.TensorSpec((options.batch_size,), tf.int64)
    data = tf.data.Dataset.from_generator(batches, output_signature=shapes)
    if updates:
        data = data.apply(tf.data.experimental.assert_cardinality(updates))
    how = tf.data.Options()
    how.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return untuned(data.with_options(how).prefetch(4))


class Metrics(keras.callbacks.Callback):
    """metrics.jsonl: one line an epoch, written anew each time, because a resumed `fit` tells of all of them."""

    def __init__(self, file: Path):
        super().__init__()
        self.file, self.records = file, []

    def on_epoch_end(self, epoch, logs=None):
        self.records.append({"epoch": epoch + 1, **logs})
        text = "".join(json.dumps(record) + "\n" for record in self.records)
        write(self.file, lambda beside: beside.write_text(text))

    def on_train_end(self, logs=None):
        print(f"Guessing has a loss of {GUESSING:.4f}.", file=sys.stderr)


def lock(folder: Path) -> AbstractContextManager[None]:
    """Makes the run folder and keeps other processes out of it while the block runs, also after the last epoch.

    Raises:
        UsageError: it is something else.
        Failure: another process trains in it, or it cannot be made.
    """
    try:
        if folder.is_file() or holds_something_else(folder):
            raise UsageError(f"{folder} is not empty and not a run folder. Choose another --run-dir.")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder} cannot be made or read: {error.strerror}. Choose another --run-dir.") from error
    return hold_lock(folder / "lock")


def holds_something_else(folder: Path) -> bool:
    """Whether a folder is neither a run folder nor what a process leaves that was killed while it made one."""
    if not folder.is_dir() or (folder / "config.json").is_file():
        return False
    return any(path.name != "lock" and not is_half_written(path) for path in folder.iterdir())


def is_half_written(path: Path) -> bool:
    """Whether the name is one that `write` gives to what is not whole yet."""
    return any(path.match(pattern) for pattern in HALF_WRITTEN)


def begin(options: TrainOptions) -> None:
    """Says in the run folder what it is, or checks that it is this training's. Comes under `lock`.

    Raises:
        UsageError: it is another one's, whose fields are named, or its config is damaged.
        Failure: it cannot be written.
    """
    for left in filter(is_half_written, options.run_dir.iterdir()):  # by a process that was killed
        left.unlink()
    file, config = options.run_dir / "config.json", options.training()
    if not file.is_file():
        write(file, lambda beside: beside.write_text(json.dumps(config, indent=2) + "\n"))
        return
    stored = read_config(file)
    pairs = ((name, stored.get(name), value) for name, value in config.items())
    differences = [f"{name}: {there!r} -> {here!r}" for name, there, here in pairs if there != here]
    if differences:
        raise UsageError(
            f"{options.run_dir} holds another training: {'; '.join(differences)}. "
            "Use the same flags to resume it, or another --run-dir."
        )


def read_config(file: Path) -> dict[str, Any]:
    """The flags that a run folder was begun with.

    Raises:
        UsageError: the file is damaged.
    """
    with contextlib.suppress(ValueError):
        if isinstance(stored := json.loads(file.read_text()), dict):
            return stored
    raise UsageError(f"{file} is damaged. Restore it from a copy, or choose another --run-dir.")


def write(file: Path, fill: Callable[[Path], object]) -> Path:
    """Lets `fill` write a file beside, which takes this one's name when it is whole.

    Raises:
        Failure: it could not be written; a previous one is whole.
    """
    beside = file.with_name(f"tmp-{os.getpid()}-{file.name}")
    try:
        fill(beside)
        sync(beside)
        os.replace(beside, file)
    except OSError as error:
        raise Failure(f"{file} could not be written: {error.strerror}. Make room, and run the same command.") from error
    finally:
        beside.unlink(missing_ok=True)
    return file
