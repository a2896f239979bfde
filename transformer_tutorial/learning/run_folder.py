"""What a training leaves behind, and where.

    config.json        the whole config                 versions.json   libraries, Python, machine
    corpus.json        which text, how many pairs       tokenizers/     the vocabularies
    checkpoints/       see ../runtime/checkpoints.py    model.keras     the model after the last epoch
    metrics.jsonl      one line an epoch                tensorboard/    events
    evaluation-*.json  see ../evaluation.py             lock            while a training runs, ../runtime/run_lock.py
    lost-batches.json  after a loss that is not finite, see lost_batches.py

Next: callbacks.py
"""

import importlib.metadata
import json
import os
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras

from transformer_tutorial.config import Config, read_config
from transformer_tutorial.data.prepared import PreparedCorpus
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.model import Transformer, in_precision
from transformer_tutorial.model_file import read_model
from transformer_tutorial.runtime.checkpoints import is_whole_archive, sync
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.run_lock import hold_lock

PACKAGES = ("transformer-tutorial", "tensorflow", "keras", "tensorflow-text", "numpy", "sentencepiece")


class RunFolder:
    """A run folder by its path; each property is a file or folder in it.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.tokenizers = path / "tokenizers"
        self.model = path / "model.keras"
        self.metrics = path / "metrics.jsonl"
        self.tensorboard = path / "tensorboard"
        self.recent = path / "recent"

    def lock(self) -> AbstractContextManager[None]:
        """Makes the folder and keeps other trainings out of it while the block runs.

        Raises:
            UsageError: the folder holds something else than a run.
            Failure: another process trains in it, or it cannot be written.
        """
        self._check_place()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"{self.path} cannot be made: {error.strerror}. Choose another --run-dir.") from error
        return hold_lock(self.path / "lock")

    def begin(self, config: Config, prepared: PreparedCorpus) -> bool:
        """Makes the folder, or checks that it belongs to this very training. Comes under `lock`.

        Returns:
            True when the folder was there: the training is to be resumed.

        Raises:
            UsageError: the folder holds another training (the differing fields are named) or something else.
        """
        if (self.path / "config.json").is_file():
            self._check_same(config, prepared)
            for pattern in ("tmp-*.keras", f"{self.metrics.name}.tmp-*"):  # half-written by a process that was killed
                for left in self.path.glob(pattern):
                    left.unlink()
            return True
        self._check_place()
        self.path.mkdir(parents=True, exist_ok=True)
        prepared.tokenizers.save(self.tokenizers)
        counts = {name: getattr(prepared, name).pairs for name in ("train", "validation")}
        self.write_json("corpus.json", {"digest": prepared.digest, "pairs": counts})
        self.write_json("versions.json", versions())
        _write(self.path / "config.json", config.to_json())  # last: with it the folder counts as a run folder
        return False

    def _check_place(self) -> None:
        """Raises a UsageError if the path is taken by something that is not a run."""
        if self.path.is_file() or self._holds_something_else():
            raise UsageError(f"{self.path} is not empty and not a run folder. Choose another --run-dir.")

    def _holds_something_else(self) -> bool:
        if not self.path.exists() or (self.path / "config.json").is_file():
            return False
        # No obstacle is what is written before config.json (a run that was killed here had not begun), and `data`,
        # where a demonstration that keeps everything in one place has its --data-dir.
        names = {path.name.partition(".tmp-")[0] for path in self.path.iterdir()}
        return not names <= {"lock", "tokenizers", "corpus.json", "versions.json", "config.json", "data"}

    def _check_same(self, config: Config, prepared: PreparedCorpus) -> None:
        differences = read_config(self.path).differences(config)
        if differences:
            raise UsageError(
                f"{self.path} holds a training with another config: {'; '.join(differences)}. "
                "Use the same config to resume it, or another --run-dir."
            )
        kept = json.loads((self.path / "corpus.json").read_text())["digest"]
        if kept != prepared.digest:
            raise UsageError(
                f"The corpus {config.data} has changed since {self.path} was begun (digest {kept[:12]}, "
                f"not {prepared.digest[:12]}). Restore it, or use another --run-dir."
            )

    def save_model(self, model: keras.Model) -> None:
        """Writes model.keras beside and renames it, so that a full disk never destroys the previous one.

        Raises:
            Failure: it could not be written.
        """
        beside = self.path / f"tmp-{os.getpid()}.keras"
        try:
            model.save(beside)
            sync(beside)
            os.replace(beside, self.model)
        except OSError as error:
            raise Failure(
                f"{self.model} could not be written: {error.strerror or error}. A previous one is whole; "
                "make room and run the same command again."
            ) from error
        finally:
            beside.unlink(missing_ok=True)

    def load_model(self) -> tuple[Transformer, TokenizerPair]:
        """The stored model, computing in float32 whatever it was trained in, and its tokenizers.

        One position at a time float32 is no slower, and a translation does not hang on how its neighbours were rounded.

        Raises:
            UsageError: the folder is no run folder, has no model yet, a damaged or a foreign one, or other tokenizers.
        """
        read_config(self.path)
        if not self.model.is_file():
            raise UsageError(
                f"{self.path} has no model.keras yet: its first epoch has not ended. Train on, then retry."
            )
        if not self.has_whole_model():
            raise UsageError(
                f"{self.model} is damaged. Run the same `train` command again: it writes the model anew from the "
                "newest checkpoint."
            )
        model = in_precision(read_model(self.model), "float32")
        tokenizers = TokenizerPair.load(self.tokenizers)
        check_fit(model, tokenizers)
        return model, tokenizers

    def has_whole_model(self) -> bool:
        """Whether model.keras is there and agrees with its checksums, which Keras alone does not always check."""
        return is_whole_archive(self.model)

    def read_metrics(self, epochs: int | None = None) -> list[dict[str, Any]]:
        """The records of metrics.jsonl, one an epoch; only those of the first `epochs`, if a number is given."""
        if not self.metrics.is_file():
            return []
        records = [json.loads(line) for line in self.metrics.read_text().splitlines()]
        return records if epochs is None else [record for record in records if record["epoch"] <= epochs]

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Adds the line of one epoch, replacing lines of the same or later epochs that a killed run left."""
        kept = [old for old in self.read_metrics() if old["epoch"] < record["epoch"]]
        _write(self.metrics, "".join(json.dumps(line) + "\n" for line in [*kept, record]))

    def write_json(self, name: str, value: Any) -> None:
        """Writes one JSON file into the folder, beside and renamed."""
        self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes one text file into the folder, beside and renamed.

        Raises:
            Failure: it could not be written.
        """
        _write(self.path / name, text)


def check_fit(model: Transformer, tokenizers: TokenizerPair) -> None:
    """Raises a UsageError unless the tokenizers have the sizes that the model was built for."""
    sizes = tokenizers.source.get_vocab_size(), tokenizers.target.get_vocab_size()
    expected = model.input_vocab_size, model.target_vocab_size
    if sizes != expected:
        raise UsageError(
            f"The tokenizers do not fit the model: it has {expected[0]} source and {expected[1]} target tokens, "
            f"they have {sizes[0]} and {sizes[1]}. Use the tokenizers the model was trained with."
        )


def versions() -> dict[str, str]:
    """Libraries, Python and machine, for the record."""
    found = {"python": platform.python_version(), "platform": platform.platform(), "backend": keras.backend.backend()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f"{file.name}.tmp-{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        sync(beside)
        os.replace(beside, file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failure(
            f"{file} could not be written: {error.strerror}. A previous one is whole; make room and run the same "
            "command again."
        ) from error
