"""Checkpoints that survive: written beside, verified by digest, renamed.

A checkpoint is a folder `ckpt-00001234`, named by its step, with

    arrays.npz      every variable: weights, optimizer, random states, metric sums
    state.json      where training stands, and which step was the best so far
    manifest.json   size and SHA-256 of the other two, written last

There is no "latest" file: the newest checkpoint is the one with the highest step whose manifest verifies. A damaged one
is left aside with one warning, and the one before is used. At no moment, whenever the process is killed, does a folder
of that name hold less than a whole checkpoint, and none goes before its successor is on the disk.

    ckpt-00001234.tmp-<pid>   being written, or on its way out
    ckpt-00001234.replaced    what the step's name stood for while a newer one takes it
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformer_tutorial.runtime.errors import Failure, UsageError

KEEP = 3
FILES = ("arrays.npz", "state.json")
DAMAGED = (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError, KeyError, TypeError)
"""What reading a damaged checkpoint can raise. Another OSError says nothing about what is on the disk."""
WINDOWS = os.name == "nt"


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


def save_checkpoint(
    parent: Path, step: int, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any], *, keep: int = KEEP
) -> Path:
    """Writes one checkpoint and removes all but the newest `keep` and the best; a failure leaves older ones whole.

    Args:
        parent: folder of the checkpoints; made if absent.
        step: number of updates made; names the checkpoint.
        arrays: what to store, by name.
        state: anything JSON can hold. Where it has `"best": {"step": S, ...}`, the checkpoint of step S is never
            removed; because it is stored here, a resumed run still knows its best.
        keep: at least 2, so that one is left when the newest turns out damaged.

    Raises:
        UsageError: `keep` is too small.
        Failure: it could not be written, because the disk is full or read-only, for example.
    """
    if keep < 2:
        raise UsageError(f"at least 2 checkpoints must be kept, in case the newest is damaged, got {keep}.")
    folder = parent / f"ckpt-{step:08d}"
    beside = _beside(folder)
    try:
        write_checkpoint(beside, arrays, state)
        _put_in_place(beside, folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Failure(
            f"The checkpoint of step {step} could not be written to {parent}: {error.strerror or error}. "
            "Earlier checkpoints are whole; make room and run the same command again to go on from there."
        ) from error
    _remove_old(parent, folder.name, keep, state.get("best"))
    return folder


def load_newest(parent: Path, repair: bool = True) -> Checkpoint | None:
    """The newest checkpoint that verifies; None if there is none at all.

    Args:
        parent: folder of the checkpoints.
        repair: rename what is damaged. False changes nothing, and is for readers of a folder in which others may train.

    Raises:
        Failure: there are checkpoints and all of them are damaged, or one cannot be read for another reason.
    """
    for folder in _newest_first(parent):
        try:
            arrays, state = read_checkpoint(folder)
        except DAMAGED as error:
            aside = _set_aside(folder) if repair else folder
            place = "" if aside == folder else f" as {aside.name}"
            print(f"Warning: {folder} is damaged and left aside{place}: {error}.", file=sys.stderr)
            continue
        except OSError as error:
            raise Failure(
                f"{folder} cannot be read: {error.strerror or error}. Make it readable; or move it away, and the one "
                "before is used."
            ) from error
        if repair and folder.suffix == ".replaced":  # its successor was never put in place, or is damaged
            folder = folder.rename(folder.with_suffix(""))
        return Checkpoint(int(folder.name[5:13]), arrays, state, folder)
    damaged = len([*parent.glob("damaged-ckpt-*"), *_newest_first(parent)])
    if damaged:
        raise Failure(f"All {damaged} checkpoints in {parent} are damaged. Move the folder away to start anew.")
    return None


def load_best(parent: Path) -> Checkpoint | None:
    """The checkpoint that the newest one calls the best; the newest itself, with a warning, if that one is damaged.

    Raises:
        Failure: as `load_newest`.
    """
    newest = load_newest(parent, repair=False)
    if newest is None or not newest.state.get("best"):
        return newest
    step = newest.state["best"]["step"]
    folder = parent / f"ckpt-{step:08d}"
    try:
        return Checkpoint(step, *read_checkpoint(folder), folder)
    except (OSError, *DAMAGED) as error:
        print(f"Warning: the best checkpoint, {folder}, is damaged: {error}. The newest is used.", file=sys.stderr)
        return newest


def write_checkpoint(folder: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """Writes the files of one checkpoint into `folder`, which is made anew, and waits until they are on the disk."""
    shutil.rmtree(folder, ignore_errors=True)  # of a killed process that had the same number
    folder.mkdir(parents=True)
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "state.json").write_text(json.dumps(dict(state)))
    (folder / "manifest.json").write_text(json.dumps({name: _fingerprint(folder / name) for name in FILES}))
    for path in (*folder.iterdir(), folder):
        sync(path)


def read_checkpoint(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and state of one checkpoint, verified first.

    Raises:
        One of `DAMAGED`: a file is missing or is not what was written.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in FILES:
        if _fingerprint(folder / name) != manifest[name]:
            raise ValueError(f"{name} does not match its SHA-256")
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return arrays, json.loads((folder / "state.json").read_text())


def is_whole_archive(file: Path) -> bool:
    """Whether a zip file, as .npz and .keras files are, is there and agrees with its checksums."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def sync(path: Path) -> None:
    """Waits until the file or folder is on the disk, not only in its cache."""
    if WINDOWS and path.is_dir():  # there a folder cannot be opened, and a file must be open for writing
        return
    descriptor = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no such thing for folders; they keep names in their own way.
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)


def _set_aside(folder: Path) -> Path:
    """Renames a damaged checkpoint, so that it is never counted among those to keep; if the folder can be written."""
    with contextlib.suppress(OSError):
        return folder.rename(folder.with_name(f"damaged-{folder.name}-{time.time_ns()}"))
    return folder


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.tmp-{os.getpid()}")


def _put_in_place(beside: Path, folder: Path) -> None:
    """Gives `beside` its name. An earlier checkpoint of the same step stays, under another name, until that is done."""
    replaced = folder.with_name(f"{folder.name}.replaced")
    if folder.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        os.rename(folder, replaced)
    os.rename(beside, folder)
    sync(folder.parent)


def _newest_first(parent: Path) -> list[Path]:
    """Checkpoints by falling step; a replaced one behind that of the same step that replaces it."""
    names = [path.name for path in parent.glob("ckpt-????????") if path.is_dir()]
    replaced = [path.name for path in parent.glob("ckpt-????????.replaced") if path.is_dir()]
    return [parent / name for name in sorted([*names, *replaced], key=lambda name: (name[:13], -len(name)))[::-1]]


def _remove_old(parent: Path, newest: str, keep: int, best: Mapping[str, Any] | None) -> None:
    # A name beyond the newest one's is a damaged checkpoint that was never read: it does not count.
    kept = sorted(folder for folder in parent.glob("ckpt-????????") if folder.name <= newest)
    for folder in kept[:-keep]:
        if best is None or folder.name != f"ckpt-{best['step']:08d}":
            with contextlib.suppress(OSError):
                os.rename(folder, _beside(folder))  # first, so that no torn folder has a checkpoint's name
    for pattern in ("ckpt-*.tmp-*", "ckpt-*.replaced"):
        for folder in parent.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def _fingerprint(file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}
