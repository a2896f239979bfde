"""Reads a model.keras as data: its config is checked, and nothing that the file names is looked up or run.

`keras.saving.load_model` builds whatever classes a file names, and the oldest Keras that is supported has known holes
there and in its weights. Here only this package's `Transformer` is built, from plain values, and its arrays must lie in
the file itself and be no larger than the file: a stranger's run folder can be translated with.

Next: data/corpus.py
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py

from transformer_tutorial.model import Transformer
from transformer_tutorial.runtime.errors import UsageError

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MOST_CONFIG_BYTES = 1 << 20
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64")
REGISTERED_NAME = "transformer_tutorial>Transformer"


def read_model(file: Path) -> Transformer:
    """The model in a .keras file that `Transformer.save` wrote.

    Raises:
        UsageError: the file holds something else, or more than it says.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            config = _checked_config(archive, file.stat().st_size)
            with archive.open(WEIGHTS) as weights, h5py.File(weights, "r") as arrays:
                _check_arrays(arrays, archive.getinfo(WEIGHTS).file_size)
        model = Transformer.from_config(config)
        model.build(((None, None), (None, None)))
        model.load_weights(file)
    except (KeyError, TypeError, ValueError, OSError, RuntimeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(f"{file} is not loaded, it is no model of this package: {reason}.") from error
    return model


def _checked_config(archive: zipfile.ZipFile, archive_bytes: int) -> dict[str, Any]:
    """The constructor's arguments; a ValueError for anything else."""
    if archive.getinfo(CONFIG).file_size > MOST_CONFIG_BYTES:
        raise ValueError(f"its {CONFIG} has {archive.getinfo(CONFIG).file_size:,} bytes")
    stored = json.loads(archive.read(CONFIG))
    if not isinstance(stored, dict) or stored.get("registered_name") != REGISTERED_NAME:
        found = stored.get("class_name") if isinstance(stored, dict) else stored
        raise ValueError(f"it holds a {found!r}, not a Transformer")
    config = dict(stored["config"])
    policy = config["dtype"]
    if isinstance(policy, dict):
        policy = policy["config"]["name"]
    if policy not in POLICIES:
        raise ValueError(f"its dtype is {policy!r}")
    config["dtype"] = policy
    for name, value in config.items():
        if not isinstance(value, (str, int, float, type(None))):
            raise ValueError(f"its {name} is no plain value")
    least = 4 * _fewest_parameters(config)
    if least > 2 * archive_bytes:  # checked before anything is allocated; weights can hardly be compressed
        raise ValueError(f"its config promises {least:,} bytes of weights, the file has {archive_bytes:,}")
    return config


def _fewest_parameters(config: dict[str, Any]) -> int:
    """Of the embeddings and the large matrices."""
    vocabularies = [config["input_vocab_size"], config["target_vocab_size"]]
    embedded = max(vocabularies) if config["tied_embeddings"] == "all" else sum(vocabularies)
    layers = config["num_layers"] + (config["num_decoder_layers"] or config["num_layers"])
    width = config["num_heads"] * (config["head_dim"] or config["d_model"] // config["num_heads"])
    return config["d_model"] * (embedded + layers * (2 * config["dff"] + 4 * width))


def _check_arrays(group: h5py.Group, most_bytes: int) -> None:
    """Raises a ValueError for an array that lies elsewhere or is larger than the file says."""
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{group.name}/{name} in its weights is a link")
        item = group[name]
        if isinstance(item, h5py.Group):
            _check_arrays(item, most_bytes)
        elif item.external or item.is_virtual:
            raise ValueError(f"{item.name} in its weights lies in another file")
        elif item.nbytes > most_bytes:
            raise ValueError(f"{item.name} in its weights has {item.nbytes:,} bytes, the file {most_bytes:,}")
