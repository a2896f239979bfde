"""A folder that is made once and read ever after, whatever happens in between.

It is written beside, and renamed when all of it is on the disk: a folder that is there is whole. One that is damaged
all the same is made anew. Processes may make one at once; all use the first's.
"""

import contextlib
import errno
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from transformer_tutorial.runtime import checkpoints
from transformer_tutorial.runtime.errors import Failure

DAMAGED = (*checkpoints.DAMAGED, EOFError, RuntimeError, zipfile.BadZipFile)
"""What reading a damaged folder can raise; `Failure` is a RuntimeError."""


def load_or_write(folder: Path, load: Callable[[Path], tuple], write: Callable[[Path], None]) -> tuple:
    """What `load` reads in `folder`, which `write` fills first if it is missing or damaged.

    Where another process was faster, its folder is used. What is whole is never removed.

    Raises:
        Failure: it cannot be written, because the disk is full or read-only, for example.
    """
    if folder.exists():
        if (found := _load_whole(folder, load)) is not None:
            return found
        print(f"Warning: {folder} is damaged and is prepared anew.", file=sys.stderr)
    beside = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)  # of a killed process that had the same number
    try:
        (beside / "new").mkdir(parents=True)
        write(beside / "new")
        _finish(beside / "new")
        _put_in_place(beside, folder, load)
    except OSError as error:
        raise Failure(
            f"The prepared corpus could not be written to {folder.parent}: {error.strerror or error}. Make room and "
            "run the same command again, or choose another --data-dir."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return load(folder)


def _finish(new: Path) -> None:
    """Notes the sizes of its files, and waits until all of it is on the disk."""
    sizes = {str(path.relative_to(new)): path.stat().st_size for path in new.rglob("*") if path.is_file()}
    (new / "sizes.json").write_text(json.dumps(sizes, indent=2) + "\n")
    for path in (*sorted(new.rglob("*"), reverse=True), new, new.parent):
        checkpoints.sync(path)


def _load_whole(folder: Path, load: Callable[[Path], tuple]) -> tuple | None:
    try:
        if (sizes := folder / "sizes.json").exists():  # a vocabulary that was cut short is a vocabulary
            for name, size in json.loads(sizes.read_text()).items():
                if (folder / name).stat().st_size != size:
                    return None
        return load(folder)
    except DAMAGED as error:
        cause = error.__cause__
        if isinstance(cause, (ImportError, OSError)) and not isinstance(cause, DAMAGED):
            raise  # a library is missing, or reading is not allowed: that says nothing about what is there
        return None


def _put_in_place(beside: Path, folder: Path, load: Callable[[Path], tuple]) -> None:
    """Gives `beside`/new the name `folder`, unless a whole one has it; a damaged one goes to `beside`."""
    if folder.exists() and _load_whole(folder, load) is None:
        with contextlib.suppress(FileNotFoundError):  # another process has done it
            os.rename(folder, beside / "damaged")
            if _load_whole(beside / "damaged", load) is not None:  # another process has just repaired it
                os.rename(beside / "damaged", folder)
    try:
        os.rename(beside / "new", folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    checkpoints.sync(folder.parent)
