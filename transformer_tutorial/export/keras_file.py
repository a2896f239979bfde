"""The model as a .keras file beside its tokenizers and config: a run folder without the training.

Source: Keras's file format, version 3.
"""

from pathlib import Path

from transformer_tutorial.config import Config
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.model import Transformer


def export_keras(model: Transformer, tokenizers: TokenizerPair, config: Config, folder: Path) -> None:
    """Writes model.keras, tokenizers/ and config.json into `folder`, which `translate --run-dir` takes."""
    model.save(folder / "model.keras")
    tokenizers.save(folder / "tokenizers")
    (folder / "config.json").write_text(config.to_json(), "utf-8")
