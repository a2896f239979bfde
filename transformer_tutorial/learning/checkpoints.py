"""Checkpoints that survive: written beside, verified by digest, renamed.

A checkpoint is a folder `ckpt-00001234`, named by its step, with

    arrays.npz      every variable: weights, optimizer, random states, metric sums
    state.json      where training stands
    manifest.json   size and SHA-256 of the other two, written last

There is no "latest" file: the newest checkpoint is the one with the highest step whose manifest verifies. A damaged one
is left aside with one warning, and the one before is used.

Next: run_folder.py
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformer_tutorial.runtime.errors import Failure

KEEP = 3


class Checkpoint(NamedTuple):
    """A verified checkpoint.

    Attributes:
        step: number of updates made.
        arrays: every stored array by name.
        state: the JSON object stored beside them.
        folder: where it lies.
    """

    step: int
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]
    folder: Path


def save_checkpoint(parent: Path, step: int, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> Path:
    """Writes one checkpoint and removes all but the newest `KEEP`; a failure leaves the older ones whole.

    Args:
        parent: folder of the checkpoints; made if absent.
        step: number of updates made; names the checkpoint.
        arrays: what to store, by name.
        state: anything JSON can hold.

    Raises:
        Failure: it could not be written, because the disk is full or read-only, for example.
    """
    folder = parent / f"ckpt-{step:08d}"
    beside = parent / f"{folder.name}.tmp-{os.getpid()}"
    try:
        shutil.rmtree(beside, ignore_errors=True)  # of a killed process that had the same number
        beside.mkdir(parents=True)
        np.savez(beside / "arrays.npz", **arrays)
        (beside / "state.json").write_text(json.dumps(dict(state)))
        manifest = {name: _fingerprint(beside / name) for name in ("arrays.npz", "state.json")}
        (beside / "manifest.json").write_text(json.dumps(manifest))
        for path in (*beside.iterdir(), beside):
            _sync(path)
        shutil.rmtree(folder, ignore_errors=True)  # of the same step: saved twice, or damaged
        os.rename(beside, folder)
        _sync(parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Failure(
            f"The checkpoint of step {step} could not be written to {parent}: {error.strerror or error}. "
            "Earlier checkpoints are whole; make room and run the same command again to go on from there."
        ) from error
    _remove_old(parent, folder.name)
    return folder


def load_newest(parent: Path) -> Checkpoint | None:
    """The newest checkpoint that verifies; None if there is none at all.

    Raises:
        Failure: there are checkpoints and all of them are damaged.
    """
    folders = sorted((path for path in parent.glob("ckpt-????????") if path.is_dir()), reverse=True)
    for folder in folders:
        try:
            return _load(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # Renamed, so that it is never counted among the checkpoints to keep.
            aside = folder.rename(folder.with_name(f"damaged-{folder.name}-{time.time_ns()}"))
            print(f"Warning: {folder} is damaged and left aside as {aside.name}: {error}.", file=sys.stderr)
    damaged = len(list(parent.glob("damaged-ckpt-*")))
    if damaged:
        raise Failure(f"All {damaged} checkpoints in {parent} are damaged. Move the folder away to start anew.")
    return None


def _load(folder: Path) -> Checkpoint:
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("arrays.npz", "state.json"):
        if _fingerprint(folder / name) != manifest[name]:
            raise ValueError(f"{name} does not match its SHA-256")
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    state = json.loads((folder / "state.json").read_text())
    return Checkpoint(int(folder.name.removeprefix("ckpt-")), arrays, state, folder)


def _fingerprint(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def _sync(path: Path) -> None:
    """Waits until the file or folder is on the disk, not only in its cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(parent: Path, newest: str) -> None:
    # A name beyond the newest one's is a damaged checkpoint that was never read: it does not count.
    kept = sorted(folder for folder in parent.glob("ckpt-????????") if folder.name <= newest)
    for folder in kept[:-KEEP]:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in parent.glob("ckpt-*.tmp-*"):
        shutil.rmtree(folder, ignore_errors=True)
