"""A corpus larger than memory, read as a stream, tokenised once and kept in shards.

Twin of prepared.py, with the training split in shards and everything else the same. The text is read twice: once to
count it, to take its digest and a sample to learn the tokenizers from, and once to encode it.

Next: shards.py
"""

import contextlib
import hashlib
import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from transformer_tutorial.config import Config
from transformer_tutorial.data.corpus import FILE_SUFFIXES, Corpus, Split
from transformer_tutorial.data.kept_folder import load_or_write
from transformer_tutorial.data.line_stream import stream_side_by_side
from transformer_tutorial.data.prepared import (
    EncodedSplit,
    PreparedCorpus,
    corpus_digest,
    encode_split,
    learn_tokenizers,
    load_split,
    store_split,
)
from transformer_tutorial.data.shards import Pair, Shards, write_shards
from transformer_tutorial.data.tokenizer_pair import TokenizerPair
from transformer_tutorial.runtime.errors import UsageError

SAMPLE = 200_000  # pairs that the tokenizers are learnt from
CHUNK = 8192  # pairs encoded at a time

Stream = Callable[[], Iterator[tuple[str, str]]]


class Survey(NamedTuple):
    """What one pass over the text tells.

    Attributes:
        pairs: number of pairs with text on both sides.
        skipped: number of the others.
        digest: of all pairs, in order.
        sample: up to `SAMPLE` pairs, each with the same probability; None where the pass was made long ago.
    """

    pairs: int
    skipped: int
    digest: str
    sample: Split | None


def prepare_sharded(corpus: Corpus, config: Config, cache_dir: Path) -> PreparedCorpus:
    """As `prepare`, with the training split read as a stream and `Shards` in the place of its `EncodedSplit`.

    Only a corpus in a folder is read as a stream; others pass through memory on their way. While its files keep their
    sizes and times of change, a second call does not read them.

    Raises:
        UsageError: the corpus cannot be used, or is too small for shards.
        Failure: the result can be neither found in `cache_dir` nor written there.
    """

    def write(folder: Path) -> None:
        _prepare(folder, stream, known if known.sample else survey(stream), validation, config)

    stream, validation = training_stream(corpus), corpus.read("validation")
    known = remembered_survey(training_files(corpus), stream, cache_dir)
    parts = "shards", corpus_digest((validation,), config), known.digest
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()
    folder = cache_dir / digest[:16]
    tokenizers, train, stored = load_or_write(folder, _load, write)
    return PreparedCorpus(digest, tokenizers, train, stored, {"validation": validation}, folder, corpus)


def training_files(corpus: Corpus) -> list[Path]:
    """Where the training pairs stand side by side; none if the corpus is no folder."""
    if not Path(corpus.name).is_dir():
        return []
    languages = corpus.source_language, corpus.target_language
    return [Path(corpus.name) / f"{language}.{FILE_SUFFIXES['train']}" for language in languages]


def training_stream(corpus: Corpus) -> Stream:
    """A function that begins to read the training pairs, blank ones included."""
    if files := training_files(corpus):
        return partial(stream_side_by_side, *files)
    split = corpus.read("train")
    return lambda: zip(split.source, split.target, strict=True)


def remembered_survey(files: list[Path], stream: Stream, cache_dir: Path) -> Survey:
    """`survey`, or what it found when these files were as they are: then nothing is read, and there is no sample."""
    before = _stamp(files)
    note = cache_dir / f"text-{hashlib.sha256(before.encode()).hexdigest()[:16]}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):  # there is none, or a damaged one
        return Survey(**json.loads(note.read_text()), sample=None)
    found = survey(stream)
    if files and _stamp(files) == before:
        beside = note.with_name(f"{note.name}.tmp-{os.getpid()}")
        with contextlib.suppress(OSError):  # without a note the text is read again next time
            cache_dir.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"pairs": found.pairs, "skipped": found.skipped, "digest": found.digest}))
            beside.replace(note)
        with contextlib.suppress(OSError):  # half of it, on a full disk
            beside.unlink()
    return found


def _stamp(files: list[Path]) -> str:
    """Paths, sizes and times of change; empty for a file that is not there, whose reading says so."""
    try:
        return json.dumps([(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files])
    except OSError:
        return ""


def survey(stream: Stream, most: int = SAMPLE) -> Survey:
    """Reads all pairs once, in bounded memory.

    Raises:
        UsageError: no pair has text on both sides.
    """
    digest, chance, skipped, pairs = hashlib.sha256(), random.Random(0), 0, 0
    sample: list[tuple[str, str]] = []
    for pair in stream():
        if not all(text.strip() for text in pair):
            skipped += 1
            continue
        digest.update("\t".join(pair).encode() + b"\n")
        pairs += 1
        if len(sample) < most:
            sample.append(pair)
        elif (place := chance.randrange(pairs)) < most:
            sample[place] = pair
    if not pairs:
        raise UsageError(f"no training pair with text on both sides, of {skipped} read.")
    return Survey(pairs, skipped, digest.hexdigest(), Split(*map(list, zip(*sample, strict=True)), skipped))


class EncodedStream:
    """The pairs of a stream as ids, in chunks; counts in `truncated` the sentences it has cut."""

    def __init__(self, stream: Stream, tokenizers: TokenizerPair, max_tokens: int):
        self.stream, self.tokenizers, self.max_tokens, self.truncated = stream, tokenizers, max_tokens, 0

    def __iter__(self) -> Iterator[Pair]:
        texts = (pair for pair in self.stream() if all(text.strip() for text in pair))
        while chunk := list(itertools.islice(texts, CHUNK)):
            source, target = map(list, zip(*chunk, strict=True))
            encoded = encode_split(Split(source, target, 0), self.tokenizers, self.max_tokens)
            self.truncated += encoded.truncated
            yield from zip(encoded.source, encoded.target, strict=True)


def _load(folder: Path) -> tuple[TokenizerPair, Shards, EncodedSplit]:
    report = json.loads((folder / "report.json").read_text())
    train = Shards(folder / "shards", report["train"]["skipped"], report["train"]["truncated"])
    return TokenizerPair.load(folder / "tokenizers"), train, load_split(folder / "validation.npz", report["validation"])


def _prepare(folder: Path, stream: Stream, known: Survey, validation: Split, config: Config) -> None:
    tokenizers = learn_tokenizers(known.sample, config)
    tokenizers.save(folder / "tokenizers")
    print(f"Writing {known.pairs:,} pairs in shards ...", file=sys.stderr)
    encoded = EncodedStream(stream, tokenizers, config.max_tokens)
    write_shards(folder / "shards", encoded, known.pairs)
    train = {"pairs": known.pairs, "skipped": known.skipped, "truncated": encoded.truncated}
    report = {
        "train": train,
        "validation": store_split(folder / "validation.npz", validation, tokenizers, config.max_tokens),
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
