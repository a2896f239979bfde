"""A corpus, read and tokenised once, kept on disk and read from there afterwards.

The folder's name is a digest of the text and of the settings that matter, so another corpus or another vocabulary size
makes another folder. It is written beside, and renamed when all of it is on the disk: a folder that is there is whole.
One that is damaged all the same is prepared anew. Processes may prepare one corpus at once; all use the first's folder.

Next: batches.py
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import Corpus, Split
from transformer_tutorial.data.tokenizer_pair import TokenizerPair, encode
from transformer_tutorial.runtime import checkpoints
from transformer_tutorial.runtime.errors import Failure

if TYPE_CHECKING:
    from transformer_tutorial.data.shards import Shards

VERSION = 1  # of the layout; part of the digest
DAMAGED = (*checkpoints.DAMAGED, EOFError, RuntimeError, zipfile.BadZipFile)
"""What reading a damaged folder can raise; `Failure` is a RuntimeError."""


class EncodedSplit(NamedTuple):
    """One split as ids.

    Attributes:
        source: one int32 array a sentence, from [START] to [END].
        target: likewise, as many.
        skipped: pairs left out because a side was blank.
        truncated: sentences of either side that were cut to `max_tokens`.
    """

    source: list[np.ndarray]
    target: list[np.ndarray]
    skipped: int
    truncated: int

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.source)


class PreparedCorpus(NamedTuple):
    """What training needs of a corpus.

    Attributes:
        digest: names the text and the settings it was prepared with.
        tokenizers: learnt from the training split.
        train: the training split, in memory or on disk.
        validation: the validation split.
        text: the sentences of the splits that are in memory, by name.
        folder: where it is kept.
        corpus: what it was made from.
    """

    digest: str
    tokenizers: TokenizerPair
    train: "EncodedSplit | Shards"
    validation: EncodedSplit
    text: dict[str, Split]
    folder: Path
    corpus: Corpus


def prepare(corpus: Corpus, config: Config, cache_dir: Path) -> PreparedCorpus:
    """Reads the training and validation splits of `corpus`, learns the tokenizers, and keeps the result.

    Args:
        corpus: opened with the config's data and languages.
        config: its tokenizer settings are used.
        cache_dir: the result goes to a folder in here, or is found there.

    Raises:
        Failure: it can be neither found there nor written.
    """
    text = {name: corpus.read(name) for name in ("train", "validation")}
    digest = corpus_digest(tuple(text.values()), config)
    folder = cache_dir / digest[:16]
    tokenizers, *splits = load_or_write(folder, _load, partial(_prepare, text=text, config=config))
    return PreparedCorpus(digest, tokenizers, *splits, text, folder, corpus)


def default_cache_dir(data_dir: Path | None) -> Path:
    """Where prepared corpora are kept: in `data_dir`, or in the user's cache folder."""
    if data_dir is not None:
        return data_dir / "prepared"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "transformer_tutorial" / "prepared"


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
        files = [path for path in beside.rglob("*") if path.is_file()]
        sizes = {str(file.relative_to(beside / "new")): file.stat().st_size for file in files}
        (beside / "new" / "sizes.json").write_text(json.dumps(sizes, indent=2) + "\n")
        for path in (*sorted(beside.rglob("*"), reverse=True), beside):
            checkpoints.sync(path)
        _put_in_place(beside, folder, load)
    except OSError as error:
        raise Failure(
            f"The prepared corpus could not be written to {folder.parent}: {error.strerror or error}. Make room and "
            "run the same command again, or choose another --data-dir."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return load(folder)


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


def _load(folder: Path) -> tuple[TokenizerPair, EncodedSplit, EncodedSplit]:
    report = json.loads((folder / "report.json").read_text())
    splits = (load_split(folder / f"{name}.npz", report[name]) for name in ("train", "validation"))
    return TokenizerPair.load(folder / "tokenizers"), *splits


def _prepare(folder: Path, text: dict[str, Split], config: Config) -> None:
    tokenizers = learn_tokenizers(text["train"], config)
    tokenizers.save(folder / "tokenizers")
    report = {
        name: store_split(folder / f"{name}.npz", split, tokenizers, config.max_tokens) for name, split in text.items()
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")


def learn_tokenizers(train: Split, config: Config) -> TokenizerPair:
    """The vocabularies of a training text, as the config wants them."""
    print(f"Learning a {config.tokenizer} vocabulary from {len(train.source):,} pairs ...", file=sys.stderr)
    return TokenizerPair.train(
        train.source,
        train.target,
        kind=config.tokenizer,
        vocab_size=config.vocab_size,
        lower_case=config.lower_case,
        joint=config.joint_vocab,
        **({"model_type": config.sentencepiece_model} if config.tokenizer == "sentencepiece" else {}),
        source_language=config.source_language,
        target_language=config.target_language,
    )


def encode_split(split: Split, tokenizers: TokenizerPair, max_tokens: int) -> EncodedSplit:
    """Tokenises one split. A target may have one token more than a source, because it is shifted by one."""
    source = encode(tokenizers.source, split.source, max_tokens)
    target = encode(tokenizers.target, split.target, max_tokens + 1)
    return EncodedSplit(source.ids, target.ids, split.skipped, source.truncated + target.truncated)


def store_split(file: Path, split: Split, tokenizers: TokenizerPair, max_tokens: int) -> dict[str, int]:
    """Tokenises one split and writes it as .npz; returns its counts, for `load_split`."""
    encoded = encode_split(split, tokenizers, max_tokens)
    sides = {"source": encoded.source, "target": encoded.target}
    lengths = {f"{side}_lengths": np.array([len(row) for row in ids]) for side, ids in sides.items()}
    np.savez(file, **{side: np.concatenate(ids) for side, ids in sides.items()}, **lengths)
    return {"pairs": len(encoded.source), "skipped": encoded.skipped, "truncated": encoded.truncated}


def load_split(file: Path, report: dict[str, int]) -> EncodedSplit:
    """What `store_split` wrote, with the counts that it returned."""
    with np.load(file, allow_pickle=False) as stored:
        source, target = (
            np.split(stored[side], np.cumsum(stored[f"{side}_lengths"])[:-1]) for side in ("source", "target")
        )
    return EncodedSplit(source, target, report["skipped"], report["truncated"])


def corpus_digest(splits: Sequence[Split], config: Config) -> str:
    """SHA-256, in hexadecimal, of some splits and of the settings that decide how they are tokenised."""
    digest = hashlib.sha256()
    names = ("source_language", "target_language", "tokenizer", "vocab_size", "lower_case", "max_tokens")
    names += ("joint_vocab", "sentencepiece_model")
    digest.update(repr((VERSION, *(getattr(config, name) for name in names))).encode())
    for split in splits:
        for side in (split.source, split.target):
            digest.update("\n".join([str(len(side)), *side]).encode())
    return digest.hexdigest()
