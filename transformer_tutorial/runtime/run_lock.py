"""One training at a time in a run folder.

The lock is the kernel's, on an open file: it goes with the process that holds it, however that dies, so no lock is ever
stale. What the file says, who holds it and since when, is only for people.
"""

import contextlib
import errno
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from transformer_tutorial.runtime.errors import Failure

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@contextlib.contextmanager
def hold_lock(file: Path) -> Iterator[None]:
    """Holds the lock on `file` while the block runs, and removes the file afterwards.

    Where the system or the file system has no locks, the block runs after a warning.

    Args:
        file: in a folder that exists; made if absent.

    Raises:
        Failure: another process holds it, which is named, or the file cannot be made.
    """
    descriptor = _take(file)
    try:
        yield
    finally:
        if descriptor is not None:
            file.unlink(missing_ok=True)  # before the lock goes: afterwards the file may be another process's
            os.close(descriptor)


def _take(file: Path) -> int | None:
    """An open, locked descriptor; None where there are no locks."""
    if fcntl is None:
        return _warn(file, "this system has none")
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Failure(f"{file.parent} cannot be locked: {error.strerror}. Choose another folder.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            if error.errno in HELD_BY_ANOTHER:
                raise Failure(_refusal(file.parent, holder)) from error
            return _warn(file, error.strerror)
        if _is_at(descriptor, file):
            with contextlib.suppress(OSError):  # a full disk: the lock holds without the text
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _about_this_process(), 0)
            return descriptor
        os.close(descriptor)  # the holder before has just removed this file: the name is free, or another's


def _is_at(descriptor: int, file: Path) -> bool:
    """Whether the open file is still the one that has the name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    return False


def _about_this_process() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}).encode()


def _refusal(folder: Path, holder: bytes) -> str:
    try:
        about = json.loads(holder)
        who = f"process {about['pid']} on {about['host']} since {about['since']}"
    except (ValueError, KeyError, TypeError):  # it has not written yet
        who = "another process"
    return f"{folder} is in use by {who}. Wait until it has ended, end it, or choose another folder."


def _warn(file: Path, why: str) -> None:
    print(
        f"Warning: {file.parent} cannot be locked ({why}). Never train in it with two processes at once.",
        file=sys.stderr,
    )
