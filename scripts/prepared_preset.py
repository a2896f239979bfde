"""A preset's config and its corpus, tokenised: what a script needs before it can train."""

import dataclasses
from pathlib import Path

from transformer_tutorial.cli import preset_config
from transformer_tutorial.commands.train import open_config_corpus, with_absolute_path
from transformer_tutorial.config import Config
from transformer_tutorial.data.prepared import PreparedCorpus, default_cache_dir, prepare

SMOKE = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32, "vocab_size": 400, "max_tokens": 32}
SMOKE |= {"tokens_per_batch": 128, "batch_size": 8}


def prepare_preset(
    preset: str, data: str, data_dir: Path | None, precision: str | None = None, smoke: bool = False
) -> tuple[Config, PreparedCorpus]:
    """The config of `preset` on the corpus `data`, and the corpus.

    Args:
        preset: name of a preset.
        data: phrasebook, ted, or a folder or .tsv file.
        data_dir: where downloaded and prepared text is kept; None takes the usual places.
        precision: instead of the preset's.
        smoke: a model and batches so small that everything takes seconds, whatever the preset.
    """
    config = with_absolute_path(dataclasses.replace(preset_config(preset), data=data))
    config = dataclasses.replace(config, precision=precision or config.precision, **(SMOKE if smoke else {}))
    corpus = open_config_corpus(config, data_dir)
    return config, prepare(corpus, config, default_cache_dir(data_dir))
