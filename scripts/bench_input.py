"""Does the input pipeline starve the model?

Measures, in one run and interleaved, how many real target tokens a second the pipeline delivers on its own and how many
training uses, on the same batches; prints the median of each and their ratio. Well above 1: the model never waits.

    python scripts/bench_input.py --data phrasebook --preset demo
    python scripts/bench_input.py --data FOLDER --preset tutorial
"""

import dataclasses
import itertools
import json
import os
import platform
import statistics
import time
from pathlib import Path

import keras
import tensorflow as tf
import tyro

from transformer_tutorial.cli import preset_config
from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.data.prepared import default_cache_dir, prepare
from transformer_tutorial.learning.training import build_trainer, make_batches_for


@dataclasses.dataclass(frozen=True)
class Options:
    """Does the input pipeline starve the model?"""

    data: str = "phrasebook"
    """phrasebook, ted, or a folder or .tsv file."""
    preset: str = "demo"
    """Model and batches."""
    steps: int = 40
    """Batches of one measurement."""
    repeats: int = 5
    """Measurements of each side."""
    data_dir: Path | None = None
    """Where prepared text is kept."""
    json: bool = False
    """Print one JSON object as the last line."""


def main(options: Options) -> None:
    """Runs both sides in turn and prints tokens a second."""
    config = with_absolute_path(dataclasses.replace(preset_config(options.preset), data=options.data))
    prepared = prepare(open_config_corpus(config, options.data_dir), config, default_cache_dir(options.data_dir))
    batches = make_batches_for(config, prepared.train, config.seed)
    trainer = build_trainer(config, prepared)

    def dataset(epoch: int) -> tf.data.Dataset:
        return as_dataset(lambda: itertools.islice(batches.epoch(epoch), options.steps))

    def feed(epoch: int) -> float:
        began = time.perf_counter()
        tokens = sum(int(tf.math.count_nonzero(labels)) for _, labels in dataset(epoch))
        return tokens / (time.perf_counter() - began)

    def train(epoch: int) -> float:
        began = time.perf_counter()
        trainer.fit(dataset(epoch).repeat(), steps_per_epoch=options.steps, shuffle=False, verbose=0)
        return float(trainer.token_count.result()) / (time.perf_counter() - began)

    sides = {"pipeline alone": feed, "training": train}
    train(0)  # the first call traces the step
    measured = {name: [] for name in sides}
    for epoch in range(options.repeats):
        for name, measure in sides.items():
            measured[name].append(measure(epoch))
    medians = {name: statistics.median(values) for name, values in measured.items()}
    ratio = medians["pipeline alone"] / medians["training"]
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    for name, median in medians.items():
        print(f"{name:<16} {median:12,.0f} real target tokens/s, median of {options.repeats}")
    print(f"ratio            {ratio:12.1f}")
    print(f"share of target positions that are real: {batches.real_token_share():.3f}   {machine}")
    if options.json:
        print(json.dumps({"sides": medians, "ratios": {"pipeline over training": ratio}, "machine": machine}))


if __name__ == "__main__":
    main(tyro.cli(Options))
