"""Sentence pairs in plain files of the user's own: two files line by line, or one table.

Files are UTF-8. Lines end with LF or CRLF and with nothing else: U+0085 and U+2028 are part of a sentence.

A table (.tsv) holds one pair a line, source TAB target. The SHA-256 of a source text, read as a number in [0, 1),
decides its split: below 0.02 test, from 0.98 on validation, else train. So that a short table has held-out pairs
too, the lowest number is test and the highest is validation whatever their values. Hence:

    equal sources are always in the same split;
    adding lines never moves a pair out of train;
    adding lines moves no other pair either, with one exception: where a split has one source, and that only for
    being the lowest or highest, a new source that goes beyond it takes its place, and it joins train.
"""

import codecs
import hashlib
from collections.abc import Sequence
from pathlib import Path

from transformer_tutorial.runtime.errors import UsageError

HELD_OUT_SHARE = 0.02


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file without their LF or CRLF; a byte order mark is dropped.

    Raises:
        UsageError: the file cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {number}: not valid UTF-8. Convert the file to UTF-8.") from error
    if lines[-1] == "":  # what follows the final newline is not a line
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_side_by_side(source: Path, target: Path) -> list[tuple[str, str]]:
    """Line i of `source` with line i of `target`.

    Raises:
        UsageError: a file cannot be read, or they differ in their number of lines.
    """
    sources, targets = read_lines(source), read_lines(target)
    if len(sources) != len(targets):
        raise UsageError(f"{source} and {target} must have equally many lines, got {len(sources)} and {len(targets)}.")
    return list(zip(sources, targets, strict=True))


def read_table(path: Path, split: str) -> list[tuple[str, str]]:
    """The pairs of a table that belong to `split`, in the order of the file; "train" includes those with a blank side.

    Raises:
        UsageError: the file cannot be read, a line has not two columns, or there are too few different sources.
    """
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t") if line.strip() else ["", ""]
        if len(columns) != 2:
            raise UsageError(f"{path}, line {number}: needs two columns, source TAB target, got {len(columns)}.")
        pairs.append((columns[0], columns[1]))
    try:
        splits = assign_splits(pairs)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return [pair for pair, assigned in zip(pairs, splits, strict=True) if assigned == split]


def assign_splits(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The split of each pair of a table, by the rule at the top of this module.

    Raises:
        UsageError: there are fewer than three different sources; pairs with a blank side do not count.
    """
    places = [_place(source) if source.strip() and target.strip() else None for source, target in pairs]
    different = {place for place in places if place is not None}
    if len(different) < 3:
        raise UsageError(f"three splits need at least 3 different source sentences, got {len(different)}.")
    lowest, highest = min(different), max(different)

    def split(place: float | None) -> str:
        if place is None:
            return "train"
        if place == lowest or (place < HELD_OUT_SHARE and place != highest):
            return "test"
        return "validation" if place == highest or place >= 1 - HELD_OUT_SHARE else "train"

    return [split(place) for place in places]


def _place(source: str) -> float:
    """A number in [0, 1) that depends on the text alone and is the same on every machine."""
    return int.from_bytes(hashlib.sha256(source.strip().encode()).digest()[:6], "big") / 2**48
