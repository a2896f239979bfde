"""One training, from a config and a prepared corpus to a run folder. Resumes what is there.

Next: ../decoding/greedy.py
"""

import functools
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from transformer_tutorial.config import Config
from transformer_tutorial.data.batches import PlainBatches, as_dataset
from transformer_tutorial.data.prepared import EncodedSplit, PreparedCorpus
from transformer_tutorial.decoding.search import BatchSearch, in_order, search_all
from transformer_tutorial.fast.bucketed_batches import BucketedBatches
from transformer_tutorial.learning.callbacks import KeepCheckpoints, Position, Report, StopAtNaN, restore_arrays
from transformer_tutorial.learning.checkpoints import load_newest
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.schedule import CustomSchedule
from transformer_tutorial.learning.trainer import TranslationTrainer
from transformer_tutorial.model import Transformer

EXAMPLES = 3  # validation sentences that are translated after each epoch


def train(config: Config, prepared: PreparedCorpus, run_dir: Path, save_every_minutes: float = 5.0) -> Transformer:
    """Trains, or goes on with the training that `run_dir` holds, until the config's last epoch.

    Args:
        config: what to train and how.
        prepared: the corpus, made with the same config.
        run_dir: the run folder; made if absent.
        save_every_minutes: a checkpoint is written at least this often, and after every epoch.

    Returns:
        The trained model. It is stored as model.keras in the run folder, too.

    Raises:
        UsageError: `run_dir` holds something else.
        Failure: the loss is not finite, or a checkpoint could not be written.
    """
    run = RunFolder(run_dir)
    run.begin(config, prepared)
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    trainer = build_trainer(config, prepared)
    batches = make_batches_for(config, prepared.train, config.seed)
    validation = make_batches_for(config, prepared.validation, None)
    count = len(batches.plan(0))
    position = Position()
    stop_at_nan = StopAtNaN(run, position)
    keep = KeepCheckpoints(run, position, stop_at_nan, count, save_every_minutes)
    _resume(trainer, run, position, keep)
    if position.epoch >= config.epochs:
        print(f"All {config.epochs} epochs are done.", file=sys.stderr)
        if not run.has_whole_model():
            run.save_model(trainer.model)
    examples = functools.partial(translate_examples, BatchSearch(trainer.model), prepared)
    report = Report(run, position, config.epochs, count, examples)
    save_model = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: run.save_model(trainer.model))

    def fit(last_epoch: int) -> None:
        stream = functools.partial(endless, batches, position.epoch, position.batch)
        trainer.fit(
            as_dataset(stream),
            initial_epoch=position.epoch,
            epochs=last_epoch,
            steps_per_epoch=count - position.batch,
            shuffle=False,
            validation_data=finite_dataset(validation),
            callbacks=[position, stop_at_nan, report, save_model, keep],
            verbose=0,
        )

    try:
        if position.batch:  # a broken epoch has fewer steps left than the others
            fit(position.epoch + 1)
        if position.epoch < config.epochs:
            fit(config.epochs)
    finally:
        keep.restore_signals()
    return trainer.model


def build_trainer(config: Config, prepared: PreparedCorpus) -> TranslationTrainer:
    """The compiled, built model of a config."""
    model = build_model(
        config, prepared.tokenizers.source.get_vocab_size(), prepared.tokenizers.target.get_vocab_size()
    )
    trainer = TranslationTrainer(model)
    schedule = CustomSchedule(config.d_model, config.warmup_steps)
    optimizer = keras.optimizers.Adam(schedule, beta_1=0.9, beta_2=config.beta_2, epsilon=1e-9)
    trainer.compile(optimizer=optimizer, jit_compile=config.jit_compile)
    trainer.build(((None, None), (None, None)))
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def build_model(config: Config, input_vocab_size: int, target_vocab_size: int) -> Transformer:
    """The Transformer of a config, not built yet."""
    return Transformer(
        num_layers=config.num_layers,
        d_model=config.d_model,
        num_heads=config.num_heads,
        dff=config.dff,
        input_vocab_size=input_vocab_size,
        target_vocab_size=target_vocab_size,
        dropout_rate=config.dropout_rate,
        head_dim=config.head_dim,
    )


def make_batches_for(config: Config, split: EncodedSplit, seed: int | None) -> PlainBatches:
    """The batches that the config asks for; `seed` None keeps the order of the split."""
    if config.batching == "plain":
        return PlainBatches(split.source, split.target, config.batch_size, seed)
    return BucketedBatches(split.source, split.target, config.tokens_per_batch, seed)


def endless(batches: PlainBatches, epoch: int, batch: int) -> Iterator[tuple]:
    """The batches from `batch` of `epoch` on, epoch after epoch."""
    for number in itertools.count(epoch):
        yield from batches.epoch(number, batch if number == epoch else 0)


def finite_dataset(batches: PlainBatches) -> tf.data.Dataset:
    """One epoch of batches as a dataset of known length, so that Keras does not warn when it ends."""
    return as_dataset(lambda: batches.epoch(0)).apply(tf.data.experimental.assert_cardinality(len(batches.plan(0))))


def translate_examples(search: BatchSearch, prepared: PreparedCorpus) -> list[str]:
    """Source, reference and translation of the first few validation sentences, one line each."""
    source, target = prepared.validation.source[:EXAMPLES], prepared.validation.target[:EXAMPLES]
    tokenizers = prepared.tokenizers
    hypotheses = in_order(search_all(search, source), len(source))
    lines = []
    for texts in zip(_texts(tokenizers.source, source), _texts(tokenizers.target, target), hypotheses, strict=True):
        *known, hypothesis = texts
        lines += [*known, _texts(tokenizers.target, [hypothesis])[0]]
    labels = itertools.cycle(("source    ", "reference ", "hypothesis"))
    return [f"{label}  {line}" for label, line in zip(labels, lines, strict=False)]


def _texts(tokenizer, ids: list[np.ndarray]) -> list[str]:
    return [text.decode() for text in tokenizer.detokenize(tf.ragged.constant([list(row) for row in ids])).numpy()]


def _resume(trainer: TranslationTrainer, run: RunFolder, position: Position, keep: KeepCheckpoints) -> None:
    checkpoint = load_newest(run.checkpoints)
    if checkpoint is None:
        return
    restore_arrays(trainer, checkpoint)
    position.epoch, position.batch, position.seconds = (checkpoint.state[key] for key in ("epoch", "batch", "seconds"))
    where = f"epoch {position.epoch + 1}"
    if position.batch:
        where += f", batch {position.batch}"
        keep.set_model(trainer)
        keep.keep_metrics()
    print(f"Resuming from step {checkpoint.step} ({where}).", file=sys.stderr)
