"""The command line: what can be asked. The work is done in commands/, imported after parsing."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from transformer_tutorial.config import PRESETS, Config
from transformer_tutorial.runtime import command_line
from transformer_tutorial.runtime.command_line import Command, Options
from transformer_tutorial.runtime.strategies import DeviceOptions

PROGRAM = "python -m transformer_tutorial"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train(DeviceOptions):
    """Train a model; the same command again resumes where it stopped.

    For example: train --preset demo --run-dir runs/demo, about 3 minutes on 2 CPU cores, no download.
    """

    run_dir: Path
    """Folder for everything the training leaves behind. An existing run with the same config is resumed."""
    preset: str = "demo"
    """Which settings to start from: demo (minutes), small (90 minutes on 2 CPU cores), base (a GPU), tutorial or
    tutorial_wide_heads. Flags below replace single ones."""
    data_dir: Path | None = None
    """Where downloaded and prepared text is kept. Default: TensorFlow Datasets' folder and the user's cache."""
    archive: Path | None = None
    """With --data ted: a copy of the archive, instead of a download."""
    save_every_minutes: float = 5.0
    """A checkpoint at least this often, and after each epoch."""
    deterministic: bool = False
    """TensorFlow uses only operations that give the same bits each time: on one CPU or GPU, equal commands then give
    equal weights."""
    config: tyro.conf.OmitArgPrefixes[Config] = dataclasses.field(default_factory=Config)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Translate a split and measure BLEU and chrF."""

    run_dir: Path
    """A run folder that `train` made."""
    data: str | None = None
    """Another corpus than the run's own."""
    split: Literal["validation", "test"] = "validation"
    """Choose on validation; keep test for the end."""
    beam_size: int = 1
    """Translations pursued side by side; 1 is greedy search."""
    length_penalty: float = 1.0
    """0 prefers short translations, 1 ranks by the mean log probability of a token."""
    limit: int | None = None
    """Only the first so many sentences, for a quick look."""
    compare: Path | None = None
    """Another run folder: test whether this run's translations differ from that one's by more than chance."""
    json: bool = False
    """Print one JSON object instead of a table."""
    data_dir: Path | None = None
    """Where downloaded text is kept."""
    archive: Path | None = None
    """With --data ted: a copy of the archive, instead of a download."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Translate(Options):
    """Translate sentences given as arguments, or stdin line by line.

    One line out for one line in, in their order. With --n-best N, N lines out for one in, the best first, each of them
    the number of the line in (from 1) TAB the score TAB the translation.
    """

    text: tyro.conf.Positional[tuple[str, ...]] = ()
    """Sentences to translate. None: read stdin."""
    run_dir: Path = Path("runs/demo")
    """A run folder that `train` made."""
    beam_size: int = 1
    """Translations pursued side by side; 1 is greedy search."""
    length_penalty: float = 1.0
    """0 prefers short translations, 1 ranks by the mean log probability of a token."""
    n_best: int | None = None
    """Print so many translations of each sentence with their scores; needs as many beams, or sampling."""
    temperature: float | None = None
    """Draw each token by its probability instead of searching: near 0 nearly the best one, 1 as the model says."""
    top_k: int | None = None
    """Sampling: draw from so many of the best tokens."""
    top_p: float | None = None
    """Sampling: draw from the best tokens that together have this share of the probability, in (0, 1]."""
    seed: int = 0
    """Sampling: another seed gives other translations, the same seed the same ones."""
    batch_size: int = 64
    """Sentences that are translated together."""
    max_bytes: int | None = None
    """Longer lines of stdin are cut. Default: 256 for each of the tokens that the model takes."""
    jit_compile: bool = False
    """Compile with XLA: some seconds more for each length, then less for each sentence. It pays for many lines."""
    attention: Path | None = None
    """Save a picture of the cross-attention of each sentence (.png, .svg or .pdf)."""
    layer: int | None = None
    """Decoder layer shown in the picture, counted from 1. Default: all layers in one overview."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(Options):
    """Write a trained model in a form that other programs load, with a translate.py that shows how.

    savedmodel: one TensorFlow graph, strings in and strings out. keras: model.keras with tokenizers and config.
    ctranslate2: for the C++ engine of that name (needs its package).
    """

    run_dir: Path
    """A run folder that `train` made."""
    format: Literal["savedmodel", "keras", "ctranslate2"]
    """Which form."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write. An earlier export there is replaced."""
    beam_size: int = 1
    """savedmodel: translations pursued side by side; 1 is greedy search."""
    length_penalty: float = 1.0
    """savedmodel: 0 prefers short translations, 1 ranks by the mean log probability of a token."""
    batch_size: int = 64
    """savedmodel: sentences that are translated together; more in one call are taken one batch after another."""
    max_length: int | None = None
    """savedmodel: most tokens of a translation. Default: as in `translate`, one more than the run's max_tokens."""
    max_bytes: int | None = None
    """savedmodel: longer strings are cut. Default: 256 for each of the run's max_tokens."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """savedmodel, keras: number format of the computation."""
    quantization: Literal["int8", "int8_float32", "int8_bfloat16", "int16", "float16", "bfloat16"] | None = None
    """ctranslate2: number format of the stored matrices. Default: float32, which can be loaded as any of these."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data(Options):
    """Download, verify and prepare a corpus; print counts, lengths and examples."""

    data: str = "phrasebook"
    """phrasebook, ted, or a folder or .tsv file of your own."""
    preset: str = "tutorial"
    """Whose tokenizer settings to prepare for."""
    archive: Path | None = None
    """With --data ted: a copy of the archive, instead of a download."""
    data_dir: Path | None = None
    """Where downloaded and prepared text is kept."""
    source_language: str = "pt"
    """Language to translate from; in a folder, the name of its files (pt.train)."""
    target_language: str = "en"
    """Language to translate into."""
    examples: int = 3
    """How many pairs to print."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plot(Options):
    """Draw positions, schedule, lengths, history or attention."""

    what: tyro.conf.Positional[Literal["positions", "schedule", "lengths", "history", "attention"]]
    """Which picture."""
    text: tyro.conf.Positional[str | None] = None
    """attention: the sentence to translate."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """File to write (.png, .svg or .pdf). Default: WHAT.png, in the run folder if one is given."""
    run_dir: Path | None = None
    """lengths, history, attention: a run folder that `train` made."""
    data: str | None = None
    """lengths: a corpus instead of a run's; its tokenizer is the preset's."""
    preset: str = "tutorial"
    """positions, schedule, lengths: whose settings to draw."""
    position: int = 1000
    """positions: the one that is compared with all others."""
    steps: int = 40000
    """schedule: last step shown."""
    layer: int | None = None
    """attention: decoder layer, counted from 1. Default: all layers in one overview."""
    beam_size: int = 1
    """attention: translations pursued side by side."""
    data_dir: Path | None = None
    """lengths: where downloaded and prepared text is kept."""


def preset_config(name: str) -> Config:
    """The config of a preset; an unknown name is a UsageError with the nearest ones."""
    return PRESETS[command_line.known(name, PRESETS, "preset")]


def _train_defaults(arguments: Sequence[str]) -> Train:
    """Flags replace fields of the preset, so the preset has to be known before the flags are parsed."""
    preset = Train.preset
    for flag, value in zip(arguments, [*arguments[1:], ""], strict=False):
        if flag == "--preset":
            preset = value
        elif flag.startswith("--preset="):
            preset = flag.partition("=")[2]
    return Train(run_dir=tyro.MISSING, preset=preset, config=preset_config(preset))


COMMANDS = {
    "train": Command(Train, "transformer_tutorial.commands.train", _train_defaults),
    "evaluate": Command(Evaluate, "transformer_tutorial.commands.evaluate"),
    "translate": Command(Translate, "transformer_tutorial.commands.translate"),
    "export": Command(Export, "transformer_tutorial.commands.export"),
    "data": Command(Data, "transformer_tutorial.commands.data"),
    "plot": Command(Plot, "transformer_tutorial.commands.plot"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return command_line.main(PROGRAM, COMMANDS, arguments)
