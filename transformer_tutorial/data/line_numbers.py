"""From the numbers of training pairs back to the lines of the files they came from.

A corpus leaves pairs with a blank side out, and a table gives each split some of its lines, so the two differ.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from transformer_tutorial.data.corpus import FILE_SUFFIXES, Corpus
from transformer_tutorial.data.line_stream import stream_lines, stream_side_by_side


class Lines(NamedTuple):
    """Where training pairs are.

    Attributes:
        origin: the files, or the corpus where it has none.
        numbers: of the lines, from 1, rising.
    """

    origin: str
    numbers: list[int]


def training_lines(corpus: Corpus, pairs: Iterable[int]) -> Lines:
    """The lines of some training pairs.

    Args:
        corpus: as it was when it was prepared.
        pairs: numbers in the training split, from 0.
    """
    wanted, path = set(pairs), Path(corpus.name)
    if path.is_dir():
        names = [
            f"{language}.{FILE_SUFFIXES['train']}" for language in (corpus.source_language, corpus.target_language)
        ]
        files = [path / name for name in names]
        lines = (number for number, pair in enumerate(stream_side_by_side(*files), start=1) if _has_text(pair))
        origin = f"{files[0]} and {files[1]}"
    elif path.is_file():
        lines, origin = _table_lines(corpus), str(path)
    else:
        return Lines(f"the training pairs of {corpus.name}", sorted(number + 1 for number in wanted))
    return Lines(origin, [line for number, line in enumerate(lines) if number in wanted])


def _table_lines(corpus: Corpus) -> Iterator[int]:
    """The line of each training pair: pairs keep their order, and equal ones are in the same split."""
    split = corpus.read("train")
    pairs = zip(split.source, split.target, strict=True)
    expected = next(pairs, None)
    for number, line in enumerate(stream_lines(Path(corpus.name)), start=1):
        if expected is not None and tuple(line.split("\t")) == expected:
            yield number
            expected = next(pairs, None)


def _has_text(pair: tuple[str, str]) -> bool:
    return all(text.strip() for text in pair)
