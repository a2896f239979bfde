"""Flags of `python -m lstm_lab train`. Imports no TensorFlow."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from lstm_lab.config import VARIANTS
from transformer_tutorial.runtime.command_line import known
from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.strategies import DeviceOptions

NOT_OF_THE_TRAINING = {field.name for field in dataclasses.fields(DeviceOptions)}
NOT_OF_THE_TRAINING |= {"run_dir", "save_every_minutes", "epochs"}
"""Flags that may be others when a training is resumed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions(DeviceOptions):
    """Train a cell as a Keras layer to remember one bit over many steps; the same command again resumes.

    For example: train --run-dir runs/remember --variant CIFG, some seconds. The first input of a sequence is +1 or -1,
    all others are noise; after the last step the network says which it was. The loss of guessing is 0.693 nats. With
    --steps 40 some variants need luck or many more updates, which is what the lab is about.
    """

    run_dir: Path
    """Folder for checkpoints, model.keras, metrics.jsonl and TensorBoard events."""

    cell: Literal["rnn", "lstm"] = "lstm"
    """Which cell."""

    variant: str = "V"
    """Which LSTM variant: V NIG NFG NOG NIAF NOAF NP CIFG FGR."""

    backward: Literal["manual", "tape"] = "manual"
    """Who derives: manual is the backward pass written by hand, tape is TensorFlow."""

    steps: int = 20
    """Length of the sequences in time steps, at least 2."""

    units: int = 32
    """Units N of the cell, at least 1."""

    epochs: int = 10
    """How often the loss is reported and a checkpoint is certain."""

    updates: int = 20
    """Updates in an epoch, each on new sequences."""

    batch_size: int = 32
    """Sequences of an update, over all replicas."""

    learning_rate: float = 0.01
    """Of Adam."""

    clip_norm: float = 1.0
    """Largest global norm of the gradient (global_clipnorm in Keras)."""

    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Number format of activations; mixed_float16 scales the loss."""

    jit_compile: bool = False
    """Compile the training step with XLA; on a single device only."""

    deterministic: bool = False
    """TensorFlow uses only operations that give the same bits each time."""

    seed: int = 0
    """Seed of weights and sequences, at least 0."""

    save_every_minutes: float = 5.0
    """A checkpoint at least this often, and after each epoch."""

    def __post_init__(self):
        known(self.variant, VARIANTS, "variant")
        if self.cell == "rnn" and self.variant != "V":
            raise UsageError(f"--variant names LSTM variants, got --cell rnn --variant {self.variant}. Leave one out.")
        least = {"steps": 2, "units": 1, "epochs": 1, "updates": 1, "batch_size": 1, "seed": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise UsageError(f"--{name.replace('_', '-')} must be {smallest} or more, got {getattr(self, name)}.")
        for name in ("learning_rate", "clip_norm", "save_every_minutes"):
            if not getattr(self, name) > 0:
                raise UsageError(f"--{name.replace('_', '-')} must be above 0, got {getattr(self, name)}.")

    def training(self) -> dict[str, Any]:
        """What makes this training another one than others."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in NOT_OF_THE_TRAINING}
