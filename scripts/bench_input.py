"""Does the input pipeline starve the model?

Measures, in one run and interleaved, how many real target tokens a second the pipeline delivers on its own and how many
training uses, on the same batches; prints the median of each and their ratio. Well above 1: the model never waits.

    python scripts/bench_input.py --data phrasebook --preset demo
    python scripts/bench_input.py --data FOLDER --preset tutorial
"""

import dataclasses
import itertools
from pathlib import Path

import tensorflow as tf
from prepared_preset import prepare_preset
from side_by_side import measure, report, run_script, take_turns

from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.learning.feed import make_batches_for
from transformer_tutorial.learning.training import build_trainer


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
    config, prepared = prepare_preset(options.preset, options.data, options.data_dir)
    batches = make_batches_for(config, prepared.train, config.seed)
    trainer = build_trainer(config, prepared)

    def dataset(epoch: int) -> tf.data.Dataset:
        return as_dataset(lambda: itertools.islice(batches.epoch(epoch), options.steps))

    def feed(epoch: int) -> float:
        return sum(int(tf.math.count_nonzero(labels)) for _, labels in dataset(epoch))

    def train(epoch: int) -> float:
        trainer.fit(dataset(epoch).repeat(), steps_per_epoch=options.steps, shuffle=False, verbose=0)
        return float(trainer.token_count.result())

    sides = {
        "pipeline alone": lambda epoch: measure(lambda: feed(epoch)),
        "training": lambda epoch: measure(lambda: train(epoch)),
    }
    report(
        take_turns(sides, options.repeats),
        "tokens",
        {"pipeline over training": ("pipeline alone", "training")},
        shares={"real tokens among target positions": batches.real_token_share()},
        as_json=options.json,
    )


if __name__ == "__main__":
    run_script(main, Options)
