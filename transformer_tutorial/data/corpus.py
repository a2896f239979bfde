"""Where sentence pairs come from: `phrasebook`, `ted`, or a folder or .tsv file of the user's own.

    corpus = open_corpus("phrasebook")
    sources, targets, skipped = corpus.read("train")

A folder holds one sentence a line, line i of both languages belonging together:

    pt.train  en.train      split "train"
    pt.dev    en.dev        split "validation"
    pt.test   en.test       split "test"

A .tsv file holds one pair a line, source TAB target; parallel_files.py says how it is split.

Next: parallel_files.py, phrasebook/, ted.py
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from transformer_tutorial.data.parallel_files import read_side_by_side, read_table
from transformer_tutorial.runtime.errors import UsageError

NAMES = ("phrasebook", "ted")
FILE_SUFFIXES = {"train": "train", "validation": "dev", "test": "test"}


class Split(NamedTuple):
    """The pairs of one split, in the order of the corpus.

    Attributes:
        source: sentences.
        target: their translations, as many.
        skipped: number of pairs left out because one side is blank; a .tsv file counts all of its own in "train".
    """

    source: list[str]
    target: list[str]
    skipped: int


Readers = Mapping[str, Callable[[], Split]]


@dataclass(frozen=True)
class Corpus:
    """A parallel corpus, opened but not read.

    Attributes:
        name: "phrasebook", "ted" or the path.
        source_language: such as "pt".
        target_language: such as "en".
        readers: from the name of each split that exists to the function that reads it.
    """

    name: str
    source_language: str
    target_language: str
    readers: Readers

    def read(self, split: str) -> Split:
        """Reads one split ("train", "validation" or "test") and no other.

        Raises:
            UsageError: the corpus has no such split, or the split's text cannot be used.
            Failure: the corpus has to be downloaded and cannot be.
        """
        if split not in self.readers:
            message = f"{self.name} has no split {split!r}, only {', '.join(self.readers)}."
            if split in FILE_SUFFIXES:
                message += f" The files {self._file_names([split])} would provide it."
            raise UsageError(message)
        return self.readers[split]()

    def _file_names(self, splits: Iterable[str]) -> str:
        return _file_names((self.source_language, self.target_language), splits)


def open_corpus(
    data: str,
    *,
    source_language: str = "pt",
    target_language: str = "en",
    data_dir: Path | None = None,
    archive: Path | None = None,
) -> Corpus:
    """Finds a corpus and its splits; reads no sentence.

    Args:
        data: "phrasebook", "ted", or the path of a folder or a .tsv file. A folder that is called "ted" is "./ted".
        source_language: as in the names of the folder's files; "pt" or "en" for the two built-in corpora.
        target_language: likewise.
        data_dir: where "ted" is kept; None is TensorFlow Datasets' own default.
        archive: the file from which "ted" is prepared instead of a download.

    Raises:
        UsageError: there is no such corpus, a file is missing, or the options do not fit together.
    """
    languages = (source_language, target_language)
    if source_language == target_language:
        raise UsageError(f"source and target language must differ, got {source_language!r} twice.")
    if archive is not None and data != "ted":
        raise UsageError(f"an archive belongs to the corpus ted, got archive {archive} with corpus {data}.")
    if data == "phrasebook":
        readers = _built_in_readers(data, languages, _phrasebook_pairs)
    elif data == "ted":
        readers = _built_in_readers(data, languages, partial(_ted_pairs, data_dir=data_dir, archive=archive))
    else:
        readers = _file_readers(Path(data).expanduser(), languages)
    return Corpus(data, source_language, target_language, readers)


def _built_in_readers(name: str, languages: tuple[str, str], pairs: Callable) -> Readers:
    """The readers of a corpus of (pt, en) pairs, in the direction asked for."""
    if set(languages) != {"pt", "en"}:
        raise UsageError(f"{name} translates pt to en or en to pt, got {languages[0]} to {languages[1]}.")
    forwards = languages[0] == "pt"

    def read(split: str) -> Split:
        return _without_blanks(((pt, en) if forwards else (en, pt) for pt, en in pairs(split)), name)

    return {split: partial(read, split) for split in FILE_SUFFIXES}


def _phrasebook_pairs(split: str) -> list[tuple[str, str]]:
    from transformer_tutorial.data.phrasebook import phrasebook_pairs

    return phrasebook_pairs(split)


def _ted_pairs(split: str, data_dir: Path | None, archive: Path | None) -> list[tuple[str, str]]:
    from transformer_tutorial.data.ted import ted_pairs  # imports TensorFlow Datasets

    return ted_pairs(split, data_dir=data_dir, archive=archive)


def _file_readers(path: Path, languages: tuple[str, str]) -> Readers:
    if path.is_dir():
        return _folder_readers(path, languages)
    if path.is_file() and path.suffix == ".tsv":
        return {
            split: lambda split=split: _without_blanks(read_table(path, split), f"{path}, {split}")
            for split in FILE_SUFFIXES
        }
    expected = (
        f"Expected {', '.join(NAMES)}, a folder with {_file_names(languages, ['train', 'validation'])} "
        f"(and perhaps {_file_names(languages, ['test'])}), or a .tsv file of lines {languages[0]} TAB {languages[1]}."
    )
    if path.exists():
        raise UsageError(f"{path} is neither a folder nor a .tsv file. {expected}")
    near = difflib.get_close_matches(str(path), NAMES, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(f"there is no corpus, folder or file {str(path)!r}. {hint}{expected}")


def _folder_readers(folder: Path, languages: tuple[str, str]) -> Readers:
    """The readers of the splits for which the folder has files; looks at names only."""
    readers = {}
    for split, suffix in FILE_SUFFIXES.items():
        paths = [folder / f"{language}.{suffix}" for language in languages]
        missing = [path for path in paths if not path.is_file()]
        if len(missing) == 1:
            raise UsageError(f"{missing[0]} is missing: a split needs both {_file_names(languages, [split])}.")
        if not missing:
            readers[split] = partial(_read_folder_split, *paths)
    if not readers:
        raise UsageError(f"{folder} holds none of the files {_file_names(languages, FILE_SUFFIXES)}.")
    return readers


def _read_folder_split(source: Path, target: Path) -> Split:
    return _without_blanks(read_side_by_side(source, target), f"{source} and {target}")


def _without_blanks(pairs: Iterable[tuple[str, str]], origin: str) -> Split:
    pairs = list(pairs)
    kept = [(source, target) for source, target in pairs if source.strip() and target.strip()]
    if not kept:
        raise UsageError(f"{origin}: no pair with text on both sides, of {len(pairs)} read.")
    return Split([source for source, _ in kept], [target for _, target in kept], len(pairs) - len(kept))


def _file_names(languages: tuple[str, str], splits: Iterable[str]) -> str:
    return ", ".join(f"{language}.{FILE_SUFFIXES[split]}" for split in splits for language in languages)
