"""A process that dies at its n-th write, fsync, rename, removal or new folder, for every n; imports no TensorFlow.

    python dying_process.py FOLDER STEPS STEP {killed,unplugged}

Saves checkpoints of STEPS (such as 1,2,3) in a fresh folder, then lets a child save STEP and die at its n-th call, and
prints one JSON line about what is found afterwards; n = 1, 2, ... until the child survives.

killed     SIGKILL. In a write, half of the data still get through.
unplugged  a power cut: what was written and not synced is gone; so are names of new files in a folder that was not
           synced. Renames and new folders are taken to hold; their order is what test_checkpoints.py looks at.
"""

import contextlib
import io
import json
import os
import pathlib
import shutil
import signal
import sys
from collections import defaultdict

import numpy as np

from transformer_tutorial.runtime.checkpoints import DAMAGED, load_newest, read_checkpoint, save_checkpoint

real_open = io.open


class Fate:
    """Counts calls and ends the process at the n-th.

    Args:
        at: n, counted from 1.
        root: folder of the files that suffer from a power cut.
        unplugged: whether it is one.
    """

    def __init__(self, at: int, root: pathlib.Path, unplugged: bool):
        self.at, self.root, self.unplugged = at, root, unplugged
        self.unsynced_data: set[int] = set()  # inodes of files
        self.unsynced_names: dict[int, set[str]] = defaultdict(set)  # of files, by the inode of their folder

    def strikes(self) -> bool:
        self.at -= 1
        return self.at == 0

    def die(self):
        if self.unplugged:
            self._lose()
        os.kill(os.getpid(), signal.SIGKILL)

    def _lose(self):
        for folder, _, names in os.walk(self.root):
            lost = self.unsynced_names[os.stat(folder).st_ino]
            for name in names:
                path = pathlib.Path(folder, name)
                if name in lost:
                    real_unlink(path)
                elif path.stat().st_ino in self.unsynced_data:
                    os.truncate(path, 0)


real_unlink = os.unlink


class DyingFile(io.FileIO):
    """A file whose writes are counted."""

    fate: Fate

    def write(self, data):
        self.fate.unsynced_data.add(os.fstat(self.fileno()).st_ino)
        if self.fate.strikes():
            super().write(bytes(data)[: len(data) // 2])
            self.fate.die()
        return super().write(data)


def make_mortal(fate: Fate) -> None:
    """From here on this process's calls are counted."""
    DyingFile.fate = fate

    def dying_open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        if not set(mode) & set("wax+"):
            return real_open(file, mode, buffering, encoding, errors, newline)
        path = pathlib.Path(file)
        fate.unsynced_names[path.parent.stat().st_ino].add(path.name)
        raw = DyingFile(file, mode.replace("b", "").replace("t", ""))
        stream = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, 512)
        return stream if "b" in mode else io.TextIOWrapper(stream, encoding, errors, newline)

    io.open = dying_open
    pathlib.Path.open = dying_open
    for name in ("rename", "unlink", "rmdir", "mkdir", "fsync"):
        setattr(os, name, counted(fate, getattr(os, name)))


def counted(fate: Fate, call):
    def wrapper(*arguments, **more):
        if fate.strikes():
            fate.die()
        if call is real_fsync:
            status = os.fstat(arguments[0])
            fate.unsynced_data.discard(status.st_ino)
            fate.unsynced_names.pop(status.st_ino, None)
        return call(*arguments, **more)

    return wrapper


real_fsync = os.fsync


def save(folder: pathlib.Path, step: int, value: int) -> None:
    """A checkpoint of more than one block, with the first one as the best."""
    arrays = {"a": np.full(300, value), "b": np.full((2, 3), value, "float32")}
    save_checkpoint(folder, step, arrays, {"value": value, "best": {"step": 1, "value": 0.5}}, keep=2)


def is_whole(folder: pathlib.Path) -> bool:
    try:
        read_checkpoint(folder)
    except DAMAGED:
        return False
    return True


def die_at(n: int, folder: pathlib.Path, steps: list[int], step: int, unplugged: bool) -> dict | None:
    """What is found after a death at call n; None if the child has survived."""
    shutil.rmtree(folder, ignore_errors=True)
    for earlier in steps:
        save(folder, earlier, earlier)
    child = os.fork()
    if child == 0:
        make_mortal(Fate(n, folder, unplugged))
        save(folder, step, 99)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        return None
    torn = [path.name for path in folder.glob("ckpt-????????") if not is_whole(path)]
    warnings = io.StringIO()
    with contextlib.redirect_stderr(warnings):
        found = load_newest(folder)
    record = {"signal": status, "step": None, "values": [], "warnings": warnings.getvalue(), "torn": torn}
    if found is not None:
        values = {*found.arrays["a"].tolist(), *found.arrays["b"].ravel().tolist(), found.state["value"]}
        record |= {"step": found.step, "values": sorted(values)}
    save(folder, 100, 100)
    return record | {"names": sorted(path.name for path in folder.iterdir())}


def main(folder: str, steps: str, step: str, how: str) -> None:
    n = 1
    while record := die_at(
        n, pathlib.Path(folder), [int(s) for s in steps.split(",") if s], int(step), how == "unplugged"
    ):
        print(json.dumps(record))
        n += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
