"""One training, from a config and a prepared corpus to a run folder. Resumes what is there.

Next: ../decoding/greedy.py
"""

import contextlib
import functools
import sys
from pathlib import Path
from typing import Any

import keras

from transformer_tutorial.config import Config
from transformer_tutorial.data.prepared import PreparedCorpus
from transformer_tutorial.decoding.search import BatchSearch
from transformer_tutorial.learning.averages import AverageWeights
from transformer_tutorial.learning.callbacks import KeepCheckpoints, Position, StopAtNaN
from transformer_tutorial.learning.feed import Feed, make_batches_for
from transformer_tutorial.learning.follow_chief import FollowChief
from transformer_tutorial.learning.gradient_norms import GradientLog
from transformer_tutorial.learning.lost_batches import describe_lost_batches
from transformer_tutorial.learning.optimizer import make_optimizer
from transformer_tutorial.learning.report import Report
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.samples import Samples
from transformer_tutorial.learning.selection import KeepModel, best_step, is_exhausted
from transformer_tutorial.learning.trainer import TranslationTrainer
from transformer_tutorial.model import Transformer
from transformer_tutorial.runtime.checkpoints import load_best, load_newest
from transformer_tutorial.runtime.disk_trial import try_disk
from transformer_tutorial.runtime.distributed_fit import replicas
from transformer_tutorial.runtime.jax_devices import data_parallel_devices
from transformer_tutorial.runtime.model_arrays import all_arrays, restore_arrays
from transformer_tutorial.runtime.workers import Workers, digest


def train(
    config: Config,
    prepared: PreparedCorpus,
    run_dir: Path,
    save_every_minutes: float = 5.0,
    strategy: Any = None,
) -> Transformer:
    """Trains, or goes on with the training that `run_dir` holds, until the config's last epoch.

    Args:
        config: what to train and how.
        prepared: the corpus, made with the same config.
        run_dir: the run folder; made if absent.
        save_every_minutes: a checkpoint is written at least this often, and after every epoch.
        strategy: a `tf.distribute.Strategy` that spreads each batch over devices; None trains on one. A run can be
            resumed with another one. Of several workers only the chief uses `run_dir`.

    Returns:
        The trained model. It is stored as model.keras in the run folder, too.

    Raises:
        UsageError: `run_dir` holds something else.
        Failure: the loss is not finite, a checkpoint could not be written, or another worker is lost.
    """
    run, workers = RunFolder(run_dir), Workers(strategy)
    with workers.watched(), run.lock() if workers.chief else contextlib.nullcontext():
        if workers.chief:
            run.begin(config, prepared)
        workers.check_equal("config and corpus", config.to_json() + prepared.digest)
        keras.utils.set_random_seed(config.seed)
        keras.config.set_dtype_policy(config.precision)
        feed = Feed(config, prepared)
        with workers.scope():
            trainer = build_trainer(config, prepared, feed.updates(0) * config.epochs)
        position = Position()
        origin = functools.partial(describe_lost_batches, run, prepared.corpus, feed)
        stop_at_nan = StopAtNaN(run, position, origin if workers.chief else lambda epoch, batch: "")
        best = functools.partial(best_step, run, config.select)
        keep = KeepCheckpoints(run, position, stop_at_nan, save_every_minutes, best, workers)
        _resume(trainer, run, position, keep, workers)
        done = position.epoch >= config.epochs or is_exhausted(run.read_metrics(position.epoch), config)
        if workers.from_chief(done):
            print(f"All {position.epoch} epochs are done.", file=sys.stderr)
            if workers.chief and not run.has_whole_model():
                _save_again(trainer, run, AverageWeights(run.recent, position, config))
            return trainer.model
        callbacks = [position, stop_at_nan, FollowChief(workers, config.ema > 0 or config.average_last > 1), keep]
        if workers.chief:
            try_disk(run.checkpoints, sum(array.nbytes for array in all_arrays(trainer).values()))
            callbacks[2:2] = _chief_callbacks(trainer, run, position, config, prepared)
        _fit(trainer, feed, position, config, callbacks, workers)
        # It also keeps the others here until the chief has saved.
        workers.check_equal("weights", digest(trainer.model.weights))
    return trainer.model


def _chief_callbacks(
    trainer: TranslationTrainer, run: RunFolder, position: Position, config: Config, prepared: PreparedCorpus
) -> list[keras.callbacks.Callback]:
    """Those that write to the run folder."""
    average = AverageWeights(run.recent, position, config)
    samples = Samples(BatchSearch(trainer.model), prepared, config.bleu_sentences)
    gradients = [GradientLog(run, position)] if config.log_gradients else []
    report = Report(run, position, config, samples, *(log.record for log in gradients))
    restore = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: average.restore())
    return [*gradients, average, report, KeepModel(run, config), restore]


def _save_again(trainer: TranslationTrainer, run: RunFolder, average: AverageWeights) -> None:
    """Stores the model of the best epoch in the place of one that is damaged or lost."""
    print(f"Warning: {run.model} is damaged or missing; it is made anew from a checkpoint.", file=sys.stderr)
    best = load_best(run.checkpoints)
    restore_arrays(trainer, best.arrays, best.folder)
    average.set_model(trainer)
    average.place(best.state["epoch"])
    run.save_model(trainer.model)
    average.restore()


def _fit(
    trainer: TranslationTrainer, feed: Feed, position: Position, config: Config, callbacks: list, workers: Workers
) -> None:
    """One `fit` an epoch: a resumed epoch is shorter than the others, and sampled segmentations change its length."""
    keep = callbacks[-1]
    validation, devices = make_batches_for(config, feed.prepared.validation, None), data_parallel_devices()
    try:
        while position.epoch < config.epochs and not trainer.stop_training:
            position.batches = feed.steps(position.epoch)
            trainer.fit(
                feed.dataset(position.epoch, position.batch, workers.strategy, devices),
                initial_epoch=position.epoch,
                epochs=position.epoch + 1,
                steps_per_epoch=position.batches - position.batch,
                shuffle=False,
                validation_data=feed.as_dataset(lambda: validation.epoch(0), workers.strategy, devices),
                validation_steps=len(validation.plan(0)),
                callbacks=callbacks,
                verbose=0,
            )
    finally:
        keep.interrupts.restore()


def build_trainer(config: Config, prepared: PreparedCorpus, total_steps: int = 1) -> TranslationTrainer:
    """The compiled, built model of a config; `total_steps` updates are planned."""
    model = build_model(
        config, prepared.tokenizers.source.get_vocab_size(), prepared.tokenizers.target.get_vocab_size()
    )
    trainer = TranslationTrainer(model, config.label_smoothing)
    trainer.compile(optimizer=make_optimizer(config, total_steps), jit_compile=config.jit_compile and replicas() == 1)
    trainer.build(((None, None), (None, None)))
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def build_model(config: Config, input_vocab_size: int, target_vocab_size: int) -> Transformer:
    """The Transformer of a config, not built yet."""
    names = ("num_layers", "d_model", "num_heads", "dff", "dropout_rate", "head_dim", "attention_dropout", "norm")
    names += ("residual_dropout", "activation_dropout", "num_decoder_layers", "tied_embeddings")
    shape = {name: getattr(config, name) for name in names}
    return Transformer(**shape, input_vocab_size=input_vocab_size, target_vocab_size=target_vocab_size)


def _resume(
    trainer: TranslationTrainer, run: RunFolder, position: Position, keep: KeepCheckpoints, workers: Workers
) -> None:
    checkpoint = workers.checkpoint_from_chief(load_newest(run.checkpoints) if workers.chief else None)
    if checkpoint is None:
        return
    restore_arrays(trainer, checkpoint.arrays, checkpoint.folder)
    position.epoch, position.batch, position.seconds = (checkpoint.state[key] for key in ("epoch", "batch", "seconds"))
    where = f"epoch {position.epoch + 1}"
    if position.batch:
        where += f", batch {position.batch}"
        keep.set_model(trainer)
        keep.keep_metrics()
    print(f"Resuming from step {checkpoint.step} ({where}).", file=sys.stderr)
