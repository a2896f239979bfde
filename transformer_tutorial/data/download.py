"""One file from one address: resumed after a break, and accepted by size and SHA-256 only.

Bytes go to `<file>.part`, which gets its final name once it has been verified. A server that is asked for the rest
of a file and sends all of it is believed: the part is written anew.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from transformer_tutorial.runtime.errors import Failure

ATTEMPTS = 5
TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 1 << 16


class Fingerprint(NamedTuple):
    """What a file must be: its size in bytes and its SHA-256 in lower-case hexadecimal."""

    size: int
    sha256: str


def fingerprint(path: Path) -> Fingerprint:
    """Reads the whole file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return Fingerprint(file.tell(), digest.hexdigest())


def download(url: str, path: Path, expected: Fingerprint) -> None:
    """Fetches `url` to `path`, with a progress bar on stderr.

    Continues an earlier `<path>.part`, and tries again as long as each try brings the file further. A file that is
    not the expected one is removed.

    Raises:
        Failure: the server cannot be reached, does not have the whole file, or has another one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    problem = ""
    for _ in range(ATTEMPTS):
        start = _size(part)
        try:
            _receive(url, part, expected.size)
        except (OSError, http.client.HTTPException, Failure) as error:
            problem = _reason(error)
        if _size(part) == expected.size:
            received = fingerprint(part)
            if received == expected:
                part.replace(path)
                return
            part.unlink()
            problem = f"wrong checksum: expected SHA-256 {expected.sha256}, received {received.sha256}"
            if start == 0:  # all of it came from this server, so that a second try would bring the same
                break
        elif _size(part) <= start:
            break
    raise Failure(f"{url}: {problem}")


def _receive(url: str, part: Path, size: int) -> None:
    """Completes `part` to `size` bytes, or raises and leaves there what has come."""
    start = _size(part)
    if start == size:
        return
    request = urllib.request.Request(url, headers={"User-Agent": "transformer-tutorial"})
    if 0 < start < size:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and start + int(announced) != size:
            raise Failure(f"wrong size: expected {size:,} bytes, the server has {start + int(announced):,}")
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(desc=part.stem, total=size, initial=start, unit="B", unit_scale=True) as bar,
        ):
            while chunk := response.read(min(CHUNK_BYTES, size - file.tell())):
                file.write(chunk)
                bar.update(len(chunk))
    if _size(part) < size:
        raise Failure(f"ended after {_size(part):,} of {size:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
