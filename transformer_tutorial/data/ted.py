"""TED HRLR Portuguese-English, the tutorial's corpus: `ted_hrlr_translate/pt_to_en` of TensorFlow Datasets.

The data set is prepared once, in the library's own folder and format, so that every
`tfds.load("ted_hrlr_translate/pt_to_en")` finds it. Only the download differs from the library's: its address has
stopped answering.

The library sorts the examples of a split by md5(split name + str(i)), where i counts the lines of the file from 0.

Next: ted_archive.py
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from transformer_tutorial.data.parallel_files import read_side_by_side
from transformer_tutorial.data.ted_archive import ted_files
from transformer_tutorial.runtime.errors import Failure

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

DATASET, CONFIG = "ted_hrlr_translate", "pt_to_en"
FILE_SUFFIXES = {"train": "train", "validation": "dev", "test": "test"}
READ_BATCH = 1024


def ted_pairs(split: str, *, data_dir: Path | None = None, archive: Path | None = None) -> list[tuple[str, str]]:
    """The (Portuguese, English) pairs of "train", "validation" or "test", in the library's order.

    Args:
        split: 51,785, 1,193 or 1,803 pairs.
        data_dir: the library's folder; None is its default, $TFDS_DATA_DIR or ~/tensorflow_datasets.
        archive: file to prepare the data set from, where that has not been done; None downloads one.

    Raises:
        UsageError: there is no such archive.
        Failure: the data set is not prepared and cannot be, as ted_archive.py says.
    """
    import tensorflow_datasets as tfds

    batches = prepared_builder(data_dir, archive).as_dataset(split=split, batch_size=READ_BATCH, shuffle_files=False)
    return [
        (portuguese.decode(), english.decode())
        for batch in tfds.as_numpy(batches)
        for portuguese, english in zip(batch["pt"], batch["en"], strict=True)
    ]


def prepared_builder(data_dir: Path | None = None, archive: Path | None = None) -> "tfds.core.DatasetBuilder":
    """The library's builder, its data set on disk; with nothing to prepare it needs neither network nor archive.

    Raises:
        UsageError, Failure: as `ted_pairs`.
    """
    import tensorflow_datasets as tfds

    data_dir = data_dir and data_dir.expanduser()  # the library does not
    builder = tfds.builder(f"{DATASET}/{CONFIG}", data_dir=data_dir)
    if builder.is_prepared():
        return builder
    if builder.data_path.exists():
        raise Failure(f"{builder.data_path} is not a complete data set. Delete that folder and run the command again.")
    downloads = Path(builder.data_path).parents[2] / "downloads"
    with contextlib.redirect_stdout(sys.stderr):  # the library prints its progress; stdout is for results
        _builder_of_files(ted_files(downloads, archive), data_dir).download_and_prepare(download_dir=downloads)
    return tfds.builder(f"{DATASET}/{CONFIG}", data_dir=data_dir)


def _builder_of_files(folder: Path, data_dir: Path | None) -> "tfds.core.DatasetBuilder":
    """The library's builder with `folder` in place of its download."""
    import tensorflow_datasets as tfds

    class BuilderOfFiles(tfds.builder_cls(DATASET), skip_registration=True):
        name = DATASET

        def _split_generators(self, dl_manager):
            return {split: _examples(folder, suffix) for split, suffix in FILE_SUFFIXES.items()}

    return BuilderOfFiles(config=CONFIG, data_dir=data_dir)


def _examples(folder: Path, suffix: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Numbered pairs for the library, which orders them by their numbers."""
    for number, (portuguese, english) in enumerate(read_side_by_side(folder / f"pt.{suffix}", folder / f"en.{suffix}")):
        if portuguese and english:
            yield number, {"pt": portuguese, "en": english}
