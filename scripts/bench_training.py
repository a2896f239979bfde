"""How many real target tokens a second does training process, against what people would use instead?

All sides train on the same sentences, drawn from one epoch of the corpus, a few batches a turn. Two ways to feed them:

    tutorial's batches   64 random sentences, padded to the longest, as the tutorial does
    our batches          those that the preset trains with

and models of the same shape: this package's, KerasHub's layers, `torch.nn.Transformer`; beside them the tutorial's own
shape with its d_model wide heads. The tutorial's sides and KerasHub's are compiled and fitted as the tutorial does,
without this package's fast twins. Shapes that come back in every epoch are met once before the clock runs; the
tutorial's batches hardly ever repeat a shape, so they meet theirs while it runs, as in a real training.

The share of the machine's matrix-product rate counts the multiply-adds of the model's matrix products, forward and
twice as many backward (multiply_adds.py): those of the real tokens alone, and those of all positions, padding included.

    python scripts/bench_training.py --data phrasebook
    python scripts/bench_training.py --data FOLDER --batches 16 --rounds 5 --json

KerasHub and PyTorch come with `pip install '.[bench]'`; without them their sides are left out.
"""

import contextlib
import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import tensorflow as tf
from multiply_adds import training_operations
from peers.torch_worker import TorchWorker
from peers.tutorial_training import build_tutorial_model
from prepared_preset import prepare_preset
from same_sentences import OURS, TUTORIALS, draw_turns, real_tokens
from side_by_side import MATRIX_PRODUCT, Side, Turns, matrix_products, measure, report, run_script, take_turns

from transformer_tutorial.config import Config
from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.data.prepared import PreparedCorpus
from transformer_tutorial.learning.training import build_trainer

MATRIX_DTYPE = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
GROUPS = ("tutorial", "ours", "keras-hub", "pytorch")
PEERS = {"keras-hub": ("KerasHub", "keras_hub"), "pytorch": ("PyTorch", "torch")}  # group -> name, module


@dataclasses.dataclass(frozen=True)
class Options:
    """How many real target tokens a second does training process, against what people would use instead?"""

    data: str = "phrasebook"
    """phrasebook, ted, or a folder or .tsv file."""
    preset: str = "tutorial"
    """The model, and our batches."""
    precision: Literal["float32", "mixed_bfloat16"] | None = None
    """Of our side; by default the preset's. Peers run in float32, and in this one, too."""
    batches: int = 16
    """Of ours in one turn; the other sides get the same sentences."""
    rounds: int = 5
    """Turns of each side."""
    sides: tuple[Literal["tutorial", "ours", "keras-hub", "pytorch"], ...] = (
        "tutorial",
        "ours",
        "keras-hub",
        "pytorch",
    )
    """Which to run. tutorial: with its wide heads, and with ours, both in the tutorial's batches."""
    data_dir: Path | None = None
    """Where prepared text is kept."""
    smoke: bool = False
    """A tiny model and one turn, in seconds: does the benchmark run?"""
    json: bool = False
    """Print one JSON object as the last line."""


class Contestant(NamedTuple):
    """One side, and what it trains.

    Attributes:
        config: shape and precision.
        turns: the padded batches of each turn; turn 0 warms up.
        side: trains one turn; the amount is in real target tokens.
    """

    config: Config
    turns: list[list[tuple]]
    side: Side


def main(options: Options) -> None:
    """Lets all sides take turns and prints tokens a second, ratios, and shares of the matrix-product rate."""
    config, prepared = prepare_preset(options.preset, options.data, options.data_dir, options.precision, options.smoke)
    if options.smoke:
        options = dataclasses.replace(options, batches=1, rounds=1)
    with contextlib.ExitStack() as processes:
        contestants = line_up(options, config, prepared, processes)
        sides = {name: contestant.side for name, contestant in contestants.items()}
        turns = take_turns({**sides, **matrix_products()}, options.rounds)
    vocab_size = prepared.tokenizers.target.get_vocab_size()
    shares = {name: shares_of(turns, name, contestants[name], vocab_size) for name in contestants}
    ours = f"{options.preset}, {OURS}, {config.precision}"
    report(
        turns,
        "tokens",
        {f"ours over {name}": (ours, name) for name in contestants if name != ours},
        shares={f"ours, {what}": share for what, share in shares.get(ours, {}).items()},
        notes=share_table(shares),
        packages=("keras-hub", "torch"),
        as_json=options.json,
    )


def line_up(
    options: Options, config: Config, prepared: PreparedCorpus, processes: contextlib.ExitStack
) -> dict[str, Contestant]:
    """The sides that were asked for and are installed, by name: model, batches, precision."""
    sizes = prepared.tokenizers.source.get_vocab_size(), prepared.tokenizers.target.get_vocab_size()
    fed = draw_turns(config, prepared.train, options.batches, options.rounds)
    contestants, installed = {}, {group for group in options.sides if is_installed(group)}
    for group, model, feeding, own in entries(options.preset, config):
        if group not in installed:
            continue
        if group == "pytorch":
            worker = processes.enter_context(TorchWorker(own, *sizes))
            side = torch_side(worker, fed[feeding])
        elif group == "keras-hub":
            side = keras_side(partial(build_keras_hub, own, *sizes), own, fed[feeding])
        elif group == "tutorial":
            side = keras_side(partial(build_tutorial_model, own, *sizes), own, fed[feeding])
        else:
            side = keras_side(partial(build_trainer, own, prepared), own, fed[feeding])
        contestants[f"{model}, {feeding}, {own.precision}"] = Contestant(own, fed[feeding], side)
    return contestants


def entries(preset: str, config: Config) -> list[tuple[str, str, str, Config]]:
    """All sides in order: group, model, batches, config. What the tutorial does is float32."""
    exact = dataclasses.replace(config, precision="float32")
    wide = dataclasses.replace(exact, head_dim=config.d_model)
    precisions = dict.fromkeys((config, exact))
    rows = [("tutorial", f"{preset}_wide_heads", TUTORIALS, wide), ("tutorial", preset, TUTORIALS, exact)]
    rows += [("ours", preset, OURS, own) for own in precisions]
    for group, (model, _) in PEERS.items():
        rows += [(group, model, TUTORIALS, exact), *((group, model, OURS, own) for own in precisions)]
    return rows


def is_installed(group: str) -> bool:
    """Whether a group of sides can run; if not, says so on stderr."""
    name, module = PEERS.get(group, (group, "keras"))
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"{name} is left out, because it is not installed: pip install '.[bench]'", file=sys.stderr)
    return found


def keras_side(build: Callable[[], keras.Model], config: Config, turns: list[list[tuple]]) -> Side:
    """A side that trains what `build` returns, with `fit`."""
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    model = build()

    def train(batches: list[tuple]) -> int:
        dataset = as_dataset(lambda: iter(batches)).apply(tf.data.experimental.assert_cardinality(len(batches)))
        model.fit(dataset, shuffle=False, verbose=0)
        return real_tokens(batches)

    return lambda number: measure(lambda: train(turns[number]))


def torch_side(worker: TorchWorker, turns: list[list[tuple]]) -> Side:
    """A side that trains in the worker's process."""
    return lambda number: worker.train(turns[number])


def build_keras_hub(config: Config, input_vocab_size: int, target_vocab_size: int) -> keras.Model:
    """KerasHub's layers, imported only where they are used."""
    from peers.keras_hub_model import build_keras_hub_model

    return build_keras_hub_model(config, input_vocab_size, target_vocab_size)


def shares_of(turns: Mapping[str, Turns], name: str, contestant: Contestant, vocab_size: int) -> dict[str, float]:
    """Shares in [0, 1]: of the matrix-product rate, and of real tokens among the target positions."""
    batches = [batch for turn in contestant.turns[1:] for batch in turn]
    tokens, positions = real_tokens(batches), sum(labels.size for _, labels in batches)
    dtype = MATRIX_DTYPE[contestant.config.precision]
    per_second = turns[name].per_second() / tokens / turns[MATRIX_PRODUCT.format(dtype)].per_second()
    real, padded = training_operations(contestant.config, vocab_size, batches)
    return {
        f"share of the {dtype} matrix-product rate, real tokens": real * per_second,
        f"share of the {dtype} matrix-product rate, with padding": padded * per_second,
        "real tokens among target positions": tokens / positions,
    }


def share_table(shares: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line a side: what it reaches of the matrix-product rate in its precision."""
    width = max(map(len, shares), default=0)
    lines = [
        f"{'share of the matrix-product rate':<{width}} {'real tokens':>14} {'with padding':>16} {'real/positions':>14}"
    ]
    for name, (real, padded, positions) in ((name, side.values()) for name, side in shares.items()):
        lines.append(f"{name:<{width}} {real:16.3f} {padded:16.3f} {positions:16.3f}")
    return lines


if __name__ == "__main__":
    run_script(main, Options)
