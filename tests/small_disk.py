"""A really full disk: a small file system that an ordinary user may mount in a name space of its own."""

import subprocess
from pathlib import Path

import pytest


def on_small_disk(folder: Path, size: str) -> list[str]:
    """What stands before a command that is to find a new file system of this size at `folder`; skips where none can be.

    Args:
        folder: empty.
        size: as mount takes it, for example "128k".
    """
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
    mount += [f'mount -t tmpfs -o size={size} none "$0"; exec "$@"', str(folder)]
    try:
        possible = subprocess.run([*mount, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("no small file system can be mounted here")
    return mount
