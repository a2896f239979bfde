"""Asks the disk before the first step what it would otherwise refuse hours later: a checkpoint, and room for three."""

import os
import shutil
from pathlib import Path

import numpy as np

from transformer_tutorial.runtime.checkpoints import DAMAGED, KEEP, read_checkpoint, write_checkpoint
from transformer_tutorial.runtime.errors import Failure

TRIAL = {"trial": np.arange(256, dtype="float32")}


def try_disk(parent: Path, checkpoint_bytes: int) -> None:
    """Writes a small checkpoint, reads it back, removes it, and looks for room for three of the real size.

    Args:
        parent: folder of the checkpoints; made if absent. Checkpoints that are there count among the three.
        checkpoint_bytes: size of all arrays of a real one.

    Raises:
        Failure: the folder cannot be written, does not give back what was written, or is too small.
    """
    folder = parent / f"trial.tmp-{os.getpid()}"
    try:
        for left in parent.glob("trial.tmp-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        write_checkpoint(folder, TRIAL, {})
        _check_read(folder)
    except OSError as error:
        raise Failure(
            f"No checkpoint can be written to {parent}: {error.strerror or error}. Nothing was trained; "
            "make room or make the folder writable, or choose another folder."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _check_room(parent, checkpoint_bytes)


def _check_read(folder: Path) -> None:
    try:
        arrays, _ = read_checkpoint(folder)
        same = np.array_equal(arrays["trial"], TRIAL["trial"])
    except DAMAGED:
        same = False
    if not same:
        raise Failure(
            f"{folder.parent} does not give back what was written to it. Nothing was trained; choose a folder on "
            "another disk."
        )


def _check_room(parent: Path, checkpoint_bytes: int) -> None:
    # With all of them there, the next one is still written before the oldest goes.
    missing = max(1, KEEP - len(list(parent.glob("ckpt-????????"))))
    free = shutil.disk_usage(parent).free
    if free < missing * checkpoint_bytes:
        raise Failure(
            f"{parent} has {free / 1e6:,.0f} MB free, and {missing} more checkpoints of "
            f"{checkpoint_bytes / 1e6:,.0f} MB must fit. Nothing was trained; make room, or choose another folder."
        )
