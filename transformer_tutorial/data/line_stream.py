"""The pairs of two files one at a time, for files larger than memory; the same pairs that parallel_files.py reads.

Next: sharded_corpus.py
"""

import codecs
import itertools
from collections.abc import Iterator
from pathlib import Path

from transformer_tutorial.runtime.errors import UsageError


def stream_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file without their LF or CRLF; a byte order mark is dropped.

    Raises:
        UsageError: the file cannot be read or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                yield line.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, line {number}: not valid UTF-8. Convert the file to UTF-8.") from error


def stream_side_by_side(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    """Line i of `source` with line i of `target`.

    Raises:
        UsageError: a file cannot be read, or they differ in their number of lines; that shows at the end.
    """
    sources, targets = stream_lines(source), stream_lines(target)
    for count, pair in enumerate(itertools.zip_longest(sources, targets)):
        if None in pair:
            more = count + 1 + sum(1 for _ in (targets if pair[0] is None else sources))
            lines = (count, more) if pair[0] is None else (more, count)
            raise UsageError(f"{source} and {target} must have equally many lines, got {lines[0]} and {lines[1]}.")
        yield pair
