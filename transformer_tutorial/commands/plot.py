"""`plot`: pictures of the pieces and of a run."""

import dataclasses
from pathlib import Path

import numpy as np

from transformer_tutorial.cli import Plot, preset_config
from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.commands.translate import attention_figure
from transformer_tutorial.config import Config, read_config
from transformer_tutorial.data.prepared import default_cache_dir, prepare
from transformer_tutorial.data.tokenizer_pair import encode
from transformer_tutorial.decoding.translator import Translator
from transformer_tutorial.figures import (
    plot_history,
    plot_position_similarity,
    plot_positions,
    plot_schedule,
    plot_token_lengths,
)
from transformer_tutorial.layers.positions import positional_encoding
from transformer_tutorial.learning.run_folder import RunFolder
from transformer_tutorial.learning.schedule import CustomSchedule
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.figure_style import save_figure


def run(options: Plot) -> None:
    """Draws one picture and prints the file's name."""
    figures = PICTURES[options.what](options)
    output = options.output or (options.run_dir or Path(".")) / f"{options.what}.png"
    for suffix, figure in figures.items():
        print(save_figure(figure, output.with_name(f"{output.stem}{suffix}{output.suffix}")))


def positions(options: Plot):
    """The encoding as a heat map, and how similar one position is to all others."""
    encoding = np.asarray(positional_encoding(2048, preset_config(options.preset).d_model))
    return {"": plot_positions(encoding), "-similarity": plot_position_similarity(encoding, options.position)}


def schedule(options: Plot):
    """The learning rate of the run, or of the preset."""
    config = run_or_preset(options)
    steps = np.arange(options.steps, dtype="float32")
    rates = np.asarray(CustomSchedule(config.d_model, config.warmup_steps)(steps))
    return {"": plot_schedule(steps + 1, rates)}


def lengths(options: Plot):
    """Histograms of the training sentences' lengths in tokens, before they are cut."""
    config = run_or_preset(options)
    if options.data is not None:
        config = with_absolute_path(dataclasses.replace(config, data=options.data))
    corpus = open_config_corpus(config, options.data_dir)
    tokenizers = prepare(corpus, config, default_cache_dir(options.data_dir)).tokenizers
    train, unlimited = corpus.read("train"), 1_000_000
    sides = ((tokenizers.source, train.source), (tokenizers.target, train.target))
    counts = (np.array([len(ids) for ids in encode(tokenizer, texts, unlimited).ids]) for tokenizer, texts in sides)
    languages = {"source_language": config.source_language, "target_language": config.target_language}
    return {"": plot_token_lengths(*counts, **languages, max_tokens=config.max_tokens)}


def history(options: Plot):
    """Loss, accuracy and speed of a run, epoch by epoch."""
    read_config(needed_run_dir(options))
    return {"": plot_history(RunFolder(options.run_dir).read_metrics())}


def attention(options: Plot):
    """Cross-attention of one sentence: all layers and heads, or the heads of one layer."""
    config = read_config(needed_run_dir(options))
    if not options.text:
        raise UsageError('attention needs a sentence: plot attention "Onde está a estação?" --run-dir runs/demo')
    model, tokenizers = RunFolder(options.run_dir).load_model()
    translator = Translator(tokenizers, model, config.max_tokens)
    return {"": attention_figure(translator.align(options.text, options.beam_size), options.layer)}


PICTURES = {
    "positions": positions,
    "schedule": schedule,
    "lengths": lengths,
    "history": history,
    "attention": attention,
}


def run_or_preset(options: Plot) -> Config:
    """The run's config if a run folder is given, else the preset's."""
    return read_config(options.run_dir) if options.run_dir else preset_config(options.preset)


def needed_run_dir(options: Plot) -> Path:
    """The run folder, which this picture cannot do without."""
    if options.run_dir is None:
        raise UsageError(f"{options.what} needs a run: plot {options.what} --run-dir runs/demo")
    return options.run_dir
