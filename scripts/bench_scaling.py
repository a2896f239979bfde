"""How does cost grow with size?

Five curves, each with one size that varies while the others stay as the preset has them:

    training step   over sequence length (16 sentences), over d_model, over vocabulary (16 sentences of 32 tokens)
    decoding        over output length (16 sentences), over batch (outputs of 32 tokens)

To each a power law is fitted, seconds = constant · size^exponent, by least squares in the logarithms: an exponent of 1
means that twice the size costs twice as much. All points take turns, so that a busy moment of the machine does not bend
one curve. The tokens are a corpus's, one sentence after another, cut at the length that was asked for: frequent words
are frequent. Decoding never meets [END], so that outputs have that length, too.

    python scripts/bench_scaling.py
    python scripts/bench_scaling.py --data FOLDER --curves length batch
    python scripts/bench_scaling.py --precision mixed_bfloat16 --picture scaling.png --json
"""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure
from prepared_preset import prepare_preset
from side_by_side import Side, matrix_products, measure, report, run_script, take_turns

from transformer_tutorial.config import Config
from transformer_tutorial.data.batches import as_dataset
from transformer_tutorial.decoding.search import BatchSearch, padded_width
from transformer_tutorial.learning.training import build_model, build_trainer
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import COLOURS, drawing_style, new_figure, save_figure
from transformer_tutorial.token_ids import END_ID, START_ID

SENTENCES, TOKENS = 16, 32  # of a batch, unless they are what varies
FIRST_ID = 4  # after the reserved ones


class Curve(NamedTuple):
    """One size that varies.

    Attributes:
        cost: what is measured.
        size: what varies.
        values: of the size, growing.
        small: those of the smoke mode.
    """

    cost: str
    size: str
    values: tuple[int, ...]
    small: tuple[int, ...]


CURVES = {
    "length": Curve("training step", "sequence length", (16, 32, 64, 128, 256), (4, 8)),
    "d-model": Curve("training step", "d_model", (64, 128, 256, 512), (16, 32)),
    "vocabulary": Curve("training step", "vocabulary", (1000, 2000, 4000, 8000, 16000), (50, 100)),
    "output-length": Curve("decoding", "output length", (16, 32, 64, 128, 256), (4, 8)),
    "batch": Curve("decoding", "batch", (1, 4, 16, 64, 256), (1, 2)),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """How does cost grow with size?"""

    preset: str = "tutorial"
    """The model, but for the size that varies."""
    data: str = "phrasebook"
    """Whose tokens: phrasebook, ted, or a folder or .tsv file."""
    data_dir: Path | None = None
    """Where downloaded and prepared text is kept."""
    curves: tuple[Literal["length", "d-model", "vocabulary", "output-length", "batch"], ...] = tuple(CURVES)
    """Which to measure."""
    precision: Literal["float32", "mixed_bfloat16"] | None = None
    """By default the preset's."""
    rounds: int = 3
    """Measurements of each point."""
    seconds: float = 1.0
    """Least duration of one measurement; it holds at least two steps or batches."""
    picture: Path | None = None
    """Draw the curves (.png, .svg or .pdf)."""
    smoke: bool = False
    """A tiny model and two points a curve, in seconds: does the benchmark run?"""
    json: bool = False
    """Print one JSON object as the last line."""


Ids = Callable[[tuple[int, ...], int], np.ndarray]
"""From a shape and the size of a vocabulary to token ids, int32."""


class Fit(NamedTuple):
    """seconds = constant · size^exponent."""

    constant: float
    exponent: float


def main(options: Options) -> None:
    """Measures all points in turn, fits and prints the exponents, and draws the picture if one is asked for."""
    config, prepared = prepare_preset(options.preset, options.data, options.data_dir, options.precision, options.smoke)
    ids = corpus_ids(prepared.train.target)
    if options.smoke:
        options = dataclasses.replace(options, rounds=1, seconds=0.0)
    keras.config.set_dtype_policy(config.precision)
    curves = {name: CURVES[name].small if options.smoke else CURVES[name].values for name in options.curves}
    sides = {}
    for name, values in curves.items():
        sides |= zip(labels(name, values), make_sides(name, values, config, options.seconds, ids), strict=True)
    turns = take_turns({**sides, **matrix_products()}, options.rounds)
    points = {name: [turns[label] for label in labels(name, values)] for name, values in curves.items()}
    wall = {name: [1 / point.per_second() for point in points[name]] for name in curves}
    cpu = {name: [1 / point.per_cpu_second() for point in points[name]] for name in curves}
    fits, cpu_fits = ({name: fit_power(curves[name], costs[name]) for name in curves} for costs in (wall, cpu))
    exponents = {f"exponent of {title(name)}": fits[name].exponent for name in curves}
    exponents |= {f"exponent of {title(name)}, by CPU time": cpu_fits[name].exponent for name in curves}
    formulas = [f"{title(name)}: seconds = {fit.constant:.3g} · size^{fit.exponent:.2f}" for name, fit in fits.items()]
    if options.picture:
        save_figure(draw(curves, wall, fits), options.picture)
    report(turns, "calls", {}, shares=exponents, notes=formulas, as_json=options.json)


def title(name: str) -> str:
    """For example "training step over d_model"."""
    return f"{CURVES[name].cost} over {CURVES[name].size}"


def labels(name: str, values: Sequence[int]) -> list[str]:
    """Names of the points, for example "training step, d_model 128"."""
    return [f"{CURVES[name].cost}, {CURVES[name].size} {value}" for value in values]


def corpus_ids(sentences: Sequence[np.ndarray]) -> Ids:
    """The tokens of `sentences`, one after another and again from the beginning, folded into smaller vocabularies."""
    tokens = np.concatenate([ids[1:-1] for ids in sentences[:10_000]])

    def fill(shape: tuple[int, ...], vocab_size: int) -> np.ndarray:
        return (FIRST_ID + (np.resize(tokens, shape) - FIRST_ID) % (vocab_size - FIRST_ID)).astype("int32")

    return fill


def make_sides(name: str, values: Sequence[int], config: Config, seconds: float, ids: Ids) -> list[Side]:
    """The points of a curve as sides; the amount is in training steps or in batches decoded."""
    if name == "length":
        trainer = random_trainer(config)
        return [training_side(trainer, config, value, seconds, ids) for value in values]
    if name == "d-model":
        configs = [widened(config, value) for value in values]
        return [training_side(random_trainer(wide), wide, TOKENS, seconds, ids) for wide in configs]
    if name == "vocabulary":
        configs = [dataclasses.replace(config, vocab_size=value) for value in values]
        return [training_side(random_trainer(large), large, TOKENS, seconds, ids) for large in configs]
    model = endless_model(config)
    if name == "output-length":
        width = padded_width(max(values) // 2)
        return [decoding_side(model, config, (SENTENCES, width), value, seconds, ids) for value in values]
    return [decoding_side(model, config, (value, padded_width(TOKENS)), TOKENS, seconds, ids) for value in values]


def widened(config: Config, d_model: int) -> Config:
    """The config with another d_model, heads as wide as before, and dff in proportion."""
    heads = max(1, d_model * config.num_heads // config.d_model)
    return dataclasses.replace(config, d_model=d_model, num_heads=heads, dff=config.dff * d_model // config.d_model)


class SizedVocabulary(NamedTuple):
    """All that `build_trainer` asks of a tokenizer."""

    size: int

    def get_vocab_size(self) -> int:
        return self.size


def random_trainer(config: Config) -> keras.Model:
    """A trainer with random weights for vocabularies of `vocab_size`."""
    keras.utils.set_random_seed(config.seed)
    vocabulary = SizedVocabulary(config.vocab_size)
    return build_trainer(config, SimpleNamespace(tokenizers=SimpleNamespace(source=vocabulary, target=vocabulary)))


def training_side(trainer: keras.Model, config: Config, length: int, seconds: float, ids: Ids) -> Side:
    """Training steps on 16 sentences of `length` tokens."""
    source, inputs, labels = ids((3, SENTENCES, length), config.vocab_size)

    def train() -> int:
        numbers = []

        def batches() -> Iterator[tuple]:
            for number in count_for(seconds):
                numbers.append(number)
                yield (source, inputs), labels

        trainer.fit(as_dataset(batches), shuffle=False, verbose=0)
        return len(numbers)

    return lambda number: measure(train)


def count_for(seconds: float) -> Iterator[int]:
    """1, 2, and on until so much time has passed."""
    end = time.perf_counter() + seconds
    yield 1
    yield 2
    yield from itertools.takewhile(lambda _: time.perf_counter() < end, itertools.count(3))


def endless_model(config: Config) -> keras.Model:
    """A model with random weights that never predicts [END].

    Raises:
        UsageError: the preset ties its embeddings, so that no bias can rule [END] out.
    """
    if config.tied_embeddings != "none":
        raise UsageError("decoding needs a preset with an output layer of its own; choose --curves without it.")
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, config.vocab_size, config.vocab_size)
    model.build(((None, None), (None, None)))
    model.final_layer.bias.assign(np.where(np.arange(config.vocab_size) == END_ID, -1e9, 0.0))
    return model


def decoding_side(
    model: keras.Model, config: Config, shape: tuple[int, int], length: int, seconds: float, ids: Ids
) -> Side:
    """Greedy search on sources of this shape, up to outputs of `length` tokens, [START] included."""
    source = ids(shape, config.vocab_size)
    source[:, 0], source[:, -1] = START_ID, END_ID
    search = BatchSearch(model, max_length=length)

    def decode() -> int:
        for batches in count_for(seconds):  # noqa: B007
            search(list(source))
        return batches

    return lambda number: measure(decode)


def fit_power(sizes: Sequence[float], seconds: Sequence[float]) -> Fit:
    """Least squares of log seconds = log constant + exponent · log size."""
    exponent, logarithm = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return Fit(float(np.exp(logarithm)), float(exponent))


@drawing_style()
def draw(curves: Mapping[str, Sequence[int]], seconds: Mapping[str, list[float]], fits: Mapping[str, Fit]) -> Figure:
    """One panel a curve, both axes logarithmic: points as measured, the power law as a line."""
    figure = new_figure(3.0 * len(curves), 3.2)
    for panel, name in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        sizes, fit = np.asarray(curves[name], float), fits[name]
        panel.loglog(sizes, fit.constant * sizes**fit.exponent, color=COLOURS[1], label=f"size^{fit.exponent:.2f}")
        panel.loglog(sizes, seconds[name], "o", color=COLOURS[0])
        panel.set_xticks(curves[name], [f"{value:,}" for value in curves[name]])
        panel.minorticks_off()
        panel.set(title=title(name), xlabel=CURVES[name].size, ylabel="seconds")
        panel.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    run_script(main, Options)
