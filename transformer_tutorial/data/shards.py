"""Encoded pairs in shards on disk, for a corpus that is larger than memory.

    shards/pairs/1.0.0/   TFRecord files, written and shuffled by TensorFlow Datasets
    shards/lengths.npy    tokens of each source and each shifted target, shard after shard: uint16, (pairs, 2)
    shards/about.json     pairs in each shard, lanes

The library's writer mixes the whole corpus once, on disk and in bounded memory, in blocks of `BLOCK` neighbouring
pairs. A shard is therefore a random sample of the corpus. It is read as a whole; `lanes` shards together are a round,
about `pairs_at_once` pairs: no reader needs more in memory. The lengths are all that planning an epoch takes.

Next: ../fast/sharded_batches.py
"""

import contextlib
import functools
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transformer_tutorial.runtime.errors import Failure, UsageError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

BLOCK = 64
LANES = 4
PAIRS_AT_ONCE = 1 << 18
NAME, VERSION, SPLIT = "pairs", "1.0.0", "train"
FIELDS = ("source", "source_lengths", "target", "target_lengths", "numbers")

Pair = tuple[np.ndarray, np.ndarray]


class Rows(Sequence):
    """Rows of ids that lie in one array, one behind the other.

    Args:
        flat: int32, all ids.
        lengths: number of ids of each row.
    """

    def __init__(self, flat: np.ndarray, lengths: np.ndarray):
        self.flat, self.lengths, self.ends = flat, lengths, np.cumsum(lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.flat[self.ends[index] - self.lengths[index] : self.ends[index]]


class Shard(NamedTuple):
    """One shard in memory.

    Attributes:
        source: ids of each sentence, from [START] to [END].
        target: likewise, as many.
        numbers: of each pair in the corpus, from 0, int32.
    """

    source: Rows
    target: Rows
    numbers: np.ndarray


def write_shards(
    folder: Path, pairs: Iterable[Pair], count: int, *, lanes: int = LANES, pairs_at_once: int = PAIRS_AT_ONCE
) -> None:
    """Writes `count` pairs of ids into `folder`, which must not exist, in memory for about 1 GB of them.

    Args:
        folder: where to.
        pairs: int32 ids of source and target, each from [START] to [END].
        count: how many there are.
        lanes: L; a batch takes its rows from L shards in equal parts, so up to L workers can share the reading.
        pairs_at_once: pairs in L shards.

    Raises:
        UsageError: there are too few pairs for this.
        Failure: another number of pairs has come.
        OSError: the disk is full, for example.
    """
    rounds = -(-count // pairs_at_once)
    if count < lanes * rounds * BLOCK:
        raise UsageError(f"shards are for large corpora, of at least {lanes * BLOCK} pairs, got {count}.")
    _store(folder, pairs, lanes * rounds)
    sizes, builder = [], _open(folder)
    with (folder / "lengths.npy").open("wb") as file:  # not as a memory map, which kills the process on a full disk
        about = {"descr": "<u2", "fortran_order": False, "shape": (count, 2)}
        np.lib.format.write_array_header_1_0(file, about)
        for number in range(lanes * rounds):
            shard = _read(builder, number)
            sizes.append(len(shard.source))
            lengths = np.stack([shard.source.lengths, shard.target.lengths - 1], axis=1)
            file.write(lengths.astype("<u2").tobytes())
    if sum(sizes) != count:
        raise Failure(f"The corpus changed while it was read: {count} pairs were counted. Run the same command again.")
    (folder / "about.json").write_text(json.dumps({"sizes": sizes, "lanes": lanes}) + "\n")


class Shards:
    """The shards of a folder that `write_shards` made.

    Args:
        folder: the folder.
        skipped: pairs left out because a side was blank.
        truncated: sentences of either side that were cut.

    Raises:
        Failure: it is not complete.
    """

    def __init__(self, folder: Path, skipped: int = 0, truncated: int = 0):
        self.folder, self.skipped, self.truncated = folder, skipped, truncated
        try:
            about = json.loads((folder / "about.json").read_text())
            self.sizes, self.lanes = about["sizes"], about["lanes"]
            self._lengths = np.load(folder / "lengths.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failure(f"{folder} is incomplete ({error}). Delete it and run the same command again.") from error
        self.starts = np.cumsum([0, *self.sizes])

    def __len__(self) -> int:
        return len(self.sizes)

    @functools.cached_property
    def _builder(self) -> "tfds.core.DatasetBuilder":
        return _open(self.folder)

    @property
    def pairs(self) -> int:
        """Number of pairs in all shards."""
        return int(self.starts[-1])

    def lengths(self, number: int) -> np.ndarray:
        """Tokens of each source and each shifted target of one shard, int64, (pairs, 2), from the index alone."""
        return np.asarray(self._lengths[self.starts[number] : self.starts[number + 1]], np.int64)

    def read(self, number: int) -> Shard:
        """One shard.

        Raises:
            Failure: its file is damaged or missing.
        """
        return _read(self._builder, number)


def _store(folder: Path, pairs: Iterable[Pair], shards: int) -> None:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    ids = tfds.features.Tensor(shape=(None,), dtype=np.int32)
    store = functools.partial(
        tfds.dataset_builders.store_as_tfds_dataset,
        name=NAME,
        version=VERSION,
        description="Pairs of encoded sentences, in blocks.",
        features=tfds.features.FeaturesDict(dict.fromkeys(FIELDS, ids)),
        split_datasets={SPLIT: enumerate(_blocks(pairs))},
        data_dir=folder,
        download_config=tfds.download.DownloadConfig(num_shards=shards),
    )
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the library says what it does; stdout is for results
            store()
    except (RuntimeError, tf.errors.OpError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, tf.errors.OpError):  # TensorFlow's own kind, of a full disk for example
            raise OSError(" ".join(cause.message.split())[:200]) from error
        raise


def _blocks(pairs: Iterable[Pair]) -> Iterator[dict[str, np.ndarray]]:
    pairs = iter(pairs)
    for first in itertools.count(0, BLOCK):
        if not (block := list(itertools.islice(pairs, BLOCK))):
            return
        sides = dict(zip(("source", "target"), zip(*block, strict=True), strict=True))
        yield {
            **{side: np.concatenate(rows).astype(np.int32) for side, rows in sides.items()},
            **{f"{side}_lengths": np.array([len(row) for row in rows], np.int32) for side, rows in sides.items()},
            "numbers": np.arange(first, first + len(block), dtype=np.int32),
        }


def _open(folder: Path) -> "tfds.core.DatasetBuilder":
    import tensorflow_datasets as tfds

    return tfds.builder_from_directory(folder / NAME / VERSION)


def _read(builder: "tfds.core.DatasetBuilder", number: int) -> Shard:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from transformer_tutorial.runtime.untuned import untuned

    try:
        blocks = builder.as_dataset(split=f"{SPLIT}[{number}shard:{number + 1}shard]", shuffle_files=False)
        blocks = list(tfds.as_numpy(untuned(blocks)))
    except (OSError, ValueError, tf.errors.OpError) as error:
        message = " ".join(str(error).split())[:200]
        raise Failure(
            f"Shard {number} in {builder.data_path} cannot be read: {message}. Delete the folder and prepare it again."
        ) from error
    fields = (np.concatenate([block[name] for block in blocks]) for name in FIELDS)
    source, source_lengths, target, target_lengths, numbers = fields
    return Shard(Rows(source, source_lengths), Rows(target, target_lengths), numbers)
