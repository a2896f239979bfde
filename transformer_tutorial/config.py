"""Every setting of a training run, its default, and the presets. Imports no TensorFlow.

A preset is a `Config`; the command line starts from it and replaces single fields. A run folder keeps the whole
config, and a run can only be resumed with the same one.

Next: data/corpus.py
"""

import dataclasses
import json
from pathlib import Path
from typing import Literal, get_args, get_origin

from transformer_tutorial.runtime.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Config:
    """What is trained, on what, and how. The defaults are the tutorial's hyper-parameters."""

    data: str = "phrasebook"
    """Where sentence pairs come from: phrasebook (built in), ted (downloaded), or a folder or .tsv file of your own."""
    source_language: str = "pt"
    """Language to translate from; in a folder, the name of its files (pt.train)."""
    target_language: str = "en"
    """Language to translate into."""
    tokenizer: Literal["wordpiece", "sentencepiece"] = "wordpiece"
    """wordpiece is the tutorial's; sentencepiece keeps the text as it is."""
    vocab_size: int = 8000
    """Largest number of word pieces of each language."""
    lower_case: bool = True
    """Fold case and strip accents (wordpiece only)."""
    max_tokens: int = 128
    """Longer sentences are cut to this many tokens, the end token included."""
    num_layers: int = 4
    """Encoder layers, and as many decoder layers."""
    d_model: int = 128
    """Width of the model."""
    num_heads: int = 8
    """Attention heads of a layer."""
    head_dim: int | None = None
    """Width of a head; by default d_model / num_heads, as in the paper."""
    dff: int = 512
    """Width of the feed-forward networks' hidden layer."""
    dropout_rate: float = 0.1
    """Share of activations dropped in training, in [0, 1)."""
    epochs: int = 20
    """Passes over the training data."""
    batching: Literal["bucketed", "plain"] = "bucketed"
    """bucketed: sentences of similar length together. plain: as the tutorial does, batch_size random sentences."""
    tokens_per_batch: int = 1568
    """Target tokens in a bucketed batch, padding included."""
    batch_size: int = 64
    """Sentences in a plain batch."""
    warmup_steps: int = 4000
    """Updates until the learning rate's peak."""
    beta_2: float = 0.98
    """Adam's decay of the squared gradients' mean."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Number format of activations; weights are float32 always."""
    jit_compile: bool = False
    """Compile the training step with XLA. It pays on a GPU or TPU, not on a CPU."""
    seed: int = 0
    """Seed of weights, dropout and the order of the batches."""

    def __post_init__(self):
        self._check_choices()
        for name in ("vocab_size", "num_layers", "d_model", "num_heads", "dff", "epochs", "warmup_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("dropout_rate", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        if self.head_dim is not None and self.head_dim < 1:
            raise UsageError(f"head_dim must be at least 1, got {self.head_dim}.")
        if self.seed < 0:
            raise UsageError(f"seed must be 0 or more, got {self.seed}.")
        if self.d_model % 2 or (self.head_dim is None and self.d_model % self.num_heads):
            raise UsageError(
                "d_model must be even and divisible by num_heads (or give head_dim), "
                f"got d_model={self.d_model}, num_heads={self.num_heads}."
            )
        if not 4 <= self.max_tokens <= 2048:
            raise UsageError(f"max_tokens must be between 4 and 2048, got {self.max_tokens}.")
        if self.tokens_per_batch < self.max_tokens:
            raise UsageError(
                "tokens_per_batch must be at least max_tokens, so that the longest sentence fits, "
                f"got {self.tokens_per_batch} and {self.max_tokens}."
            )
        if self.source_language == self.target_language:
            raise UsageError(f"source_language and target_language must differ, both are {self.source_language!r}.")

    def _check_choices(self):
        for field in dataclasses.fields(self):
            choices, value = get_args(field.type), getattr(self, field.name)
            if get_origin(field.type) is Literal and value not in choices:
                raise UsageError(f"{field.name} must be one of {', '.join(choices)}, got {value!r}.")

    def differences(self, other: "Config") -> list[str]:
        """One `name: here -> there` for each field that is not the same."""
        pairs = (
            (field.name, getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)
        )
        return [f"{name}: {here!r} -> {there!r}" for name, here, there in pairs if here != there]

    def to_json(self) -> str:
        """All fields as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """The inverse of `to_json`.

        Raises:
            UsageError: not a JSON object, a field that this version does not know, or a value out of range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise UsageError(f"config.json is not a JSON object: {error}.") from error
        if not isinstance(values, dict):
            raise UsageError(f"config.json is not a JSON object, it holds a {type(values).__name__}.")
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise UsageError(f"config.json has fields that this version does not know: {', '.join(unknown)}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"config.json has a value of the wrong type: {error}.") from error


PRESETS = {
    "demo": Config(
        tokenizer="sentencepiece",
        vocab_size=2000,
        lower_case=False,
        max_tokens=64,
        num_layers=2,
        epochs=2,
        tokens_per_batch=2048,
        warmup_steps=800,
    ),
    "tutorial": Config(data="ted"),
    "tutorial_wide_heads": Config(data="ted", head_dim=128),
}


def read_config(run_dir: Path) -> Config:
    """The config of a run folder.

    Raises:
        UsageError: the folder is not a run folder.
    """
    file = run_dir / "config.json"
    if not file.is_file():
        free = "runs/demo" if run_dir.exists() else run_dir
        raise UsageError(
            f"{run_dir} is not a run folder: config.json is missing. Train one first: "
            f"python -m transformer_tutorial train --preset demo --run-dir {free}"
        )
    return Config.from_json(file.read_text())
