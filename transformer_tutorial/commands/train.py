"""`train`: from a preset and a corpus to a run folder."""

import dataclasses
import sys
from pathlib import Path

from transformer_tutorial.cli import Train
from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import NAMES, Corpus, open_corpus
from transformer_tutorial.data.prepared import default_cache_dir, prepare
from transformer_tutorial.data.sharded_corpus import prepare_sharded
from transformer_tutorial.data.subword_sampling import check_same_in_every_process
from transformer_tutorial.learning.training import train
from transformer_tutorial.runtime.devices import make_deterministic, slow_bfloat16
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.strategies import choose_place
from transformer_tutorial.runtime.workers import Workers

SLOW_BFLOAT16 = (
    "this CPU has no instructions for bfloat16 and takes several times as long for it as for float32. "
    "Add --precision float32 for a new run."
)


def run(options: Train) -> None:
    """Opens and prepares the corpus, then trains or resumes."""
    config = with_absolute_path(options.config)
    if options.deterministic:
        make_deterministic()
    place = choose_place(options)
    print(place.description, file=sys.stderr)
    if place.device == "tpu" and config.batching != "one_shape":
        raise UsageError(f"A TPU takes batches of one shape only, got {config.batching}. Add --batching one_shape.")
    if config.precision == "mixed_bfloat16" and place.device == "cpu" and slow_bfloat16():
        print(f"Warning: {SLOW_BFLOAT16}", file=sys.stderr)
    print(f"Run folder: {options.run_dir}", file=sys.stderr)
    workers = Workers(place.strategy)
    if config.subword_sampling:
        several = "a training by several workers" if workers.several else None
        check_same_in_every_process("--deterministic" if options.deterministic else several)
    corpus = open_config_corpus(config, options.data_dir, options.archive)
    how = prepare if config.storage == "memory" else prepare_sharded
    with workers.watched(), workers.chief_first():
        prepared = how(corpus, config, default_cache_dir(options.data_dir))
    print(
        f"{prepared.train.pairs:,} training pairs ({prepared.train.skipped} skipped with an empty side, "
        f"{prepared.train.truncated} cut to {config.max_tokens} tokens), {prepared.validation.pairs:,} for "
        "validation.",
        file=sys.stderr,
    )
    train(config, prepared, options.run_dir, options.save_every_minutes, place.strategy)
    print(options.run_dir / "model.keras")


def with_absolute_path(config: Config) -> Config:
    """The config with a path that means the same from every folder."""
    if config.data in NAMES:
        return config
    return dataclasses.replace(config, data=str(Path(config.data).expanduser().resolve()))


def open_config_corpus(config: Config, data_dir: Path | None = None, archive: Path | None = None) -> Corpus:
    """The corpus that the config names, not read yet."""
    return open_corpus(
        config.data,
        source_language=config.source_language,
        target_language=config.target_language,
        data_dir=data_dir,
        archive=archive,
    )
