"""Do memory and speed depend on the size of the corpus?

Makes corpora of invented words, prepares each in shards and trains a few steps from them, every part in a process of
its own, and prints the peak memory and the speed of each. Up to a limit the same is done in memory, beside it.

    python scripts/bench_corpus_size.py --sizes 50000 200000
    python scripts/bench_corpus_size.py --sizes 50000 500000 5000000 --folder /somewhere/with/10/GB

The speed is real target tokens a second, the median of several measurements: of the batches alone, and in training.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np
from side_by_side import describe_machine, run_script

LANGUAGES = ("pt", "en")
MEDIAN_WORDS, SPREAD = 14, 0.6  # of a sentence's log-normal length
WORDS = 20_000
CHUNK = 100_000


@dataclasses.dataclass(frozen=True)
class Options:
    """Do memory and speed depend on the size of the corpus?"""

    sizes: tuple[int, ...] = (50_000, 200_000)
    """Pairs of the corpora."""
    in_memory_up_to: int = 200_000
    """Larger corpora are only tried in shards."""
    steps: int = 30
    """Batches of one measurement of training; ten times as many of the batches alone."""
    repeats: int = 5
    """Measurements in one process."""
    rounds: int = 3
    """Processes that train from each corpus, in turn; the median counts, as a shared machine's speed drifts."""
    folder: Path | None = None
    """Where corpora and shards go, and stay. Default: a temporary folder."""
    json: bool = False
    """Print one JSON object as the last line."""
    part: Literal["all", "prepare", "train"] = "all"
    """One part alone, of one size: what this script starts processes for."""
    way: Literal["shards", "memory"] = "shards"
    """With --part: how the corpus is kept."""


def write_corpus(folder: Path, pairs: int) -> None:
    """Files of invented words; the target has the source's words, each in its other form, in reverse order."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(pairs)
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
    stems = ["".join(generator.choice(syllables, generator.integers(1, 4))) for _ in range(WORDS)]
    forms = {"pt": np.array([f"{stem}o" for stem in stems]), "en": np.array([f"{stem}ing" for stem in stems])}
    for split, count in (("train", pairs), ("dev", 200)):
        files = {language: (folder / f"{language}.{split}").open("w") for language in LANGUAGES}
        for first in range(0, count, CHUNK):
            lengths = np.exp(generator.normal(np.log(MEDIAN_WORDS), SPREAD, min(CHUNK, count - first)))
            ends = np.cumsum(np.clip(lengths, 1, 50).astype(int))
            words = np.minimum(generator.zipf(1.2, ends[-1]), WORDS) - 1
            for sentence in np.split(words, ends[:-1]):
                files["pt"].write(" ".join(forms["pt"][sentence]) + "\n")
                files["en"].write(" ".join(forms["en"][sentence[::-1]]) + "\n")
        for file in files.values():
            file.close()


def prepared_corpus(corpus: Path, way: str):
    """The corpus as training gets it, and the config."""
    from transformer_tutorial.config import PRESETS
    from transformer_tutorial.data.corpus import open_corpus
    from transformer_tutorial.data.prepared import prepare
    from transformer_tutorial.data.sharded_corpus import prepare_sharded

    config = dataclasses.replace(PRESETS["demo"], data=str(corpus))
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        do = prepare_sharded if way == "shards" else prepare
        return do(open_corpus(str(corpus)), config, corpus.with_name(f"{corpus.name}-{way}")), config


def measure_preparing(corpus: Path, options: Options) -> dict:
    """Seconds for all of it."""
    began = time.perf_counter()
    prepared_corpus(corpus, options.way)
    return {"seconds": time.perf_counter() - began}


def measure_training(corpus: Path, options: Options) -> dict:
    """Speed of the batches alone and in training, tokens a second, in turn."""
    import tensorflow as tf

    from transformer_tutorial.data.batches import as_dataset
    from transformer_tutorial.fast.bucketed_batches import BucketedBatches
    from transformer_tutorial.fast.sharded_batches import ShardedBatches
    from transformer_tutorial.learning.training import build_trainer

    prepared, config = prepared_corpus(corpus, options.way)
    if options.way == "shards":
        batches = ShardedBatches(prepared.train, config.tokens_per_batch, config.seed)
    else:
        batches = BucketedBatches(prepared.train.source, prepared.train.target, config.tokens_per_batch, config.seed)
    trainer = build_trainer(config, prepared)
    stream = itertools.chain.from_iterable(batches.epoch(number) for number in itertools.count())

    def alone() -> float:
        began = time.perf_counter()
        tokens = sum(np.count_nonzero(labels) for _, labels in itertools.islice(stream, 10 * options.steps))
        return tokens / (time.perf_counter() - began)

    def train() -> float:
        dataset = as_dataset(lambda: itertools.islice(stream, options.steps))
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(options.steps))
        began = time.perf_counter()
        trainer.fit(dataset, shuffle=False, verbose=0)
        return float(trainer.token_count.result()) / (time.perf_counter() - began)

    train()  # the first call traces the step
    sides = {"batches": alone, "training": train}
    measured = {name: [] for name in sides}
    for _, name in itertools.product(range(options.repeats), sides):
        measured[name].append(sides[name]())
    speed = {name: statistics.median(values) for name, values in measured.items()}
    return {**speed, "real_token_share": batches.real_token_share()}


def in_a_process_of_its_own(part: str, way: str, corpus: Path, options: Options) -> dict:
    """What one part measures, with its peak memory."""
    flags = {"--part": part, "--way": way, "--folder": corpus, "--steps": options.steps, "--repeats": options.repeats}
    command = [sys.executable, __file__, *(str(text) for pair in flags.items() for text in pair)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"Error: {part} from {corpus} failed, see above.")
    return json.loads(finished.stdout.splitlines()[-1])


def measure_all(folder: Path, options: Options) -> list[dict]:
    """One row for each size and way."""
    rows = []
    for size, way in itertools.product(options.sizes, ("shards", "memory")):
        corpus = folder / f"pairs-{size}"
        if way == "memory" and size > options.in_memory_up_to:
            continue
        if not corpus.exists():
            write_corpus(corpus, size)
        prepare = in_a_process_of_its_own("prepare", way, corpus, options)
        print(f"{size:>9,} pairs, {way:<6}  prepared in {prepare['seconds']:.0f} s", file=sys.stderr, flush=True)
        rows.append({"pairs": size, "way": way, "corpus": corpus, "prepare": prepare, "rounds": []})
    for _, row in itertools.product(range(options.rounds), rows):
        row["rounds"].append(in_a_process_of_its_own("train", row["way"], row["corpus"], options))
    for row in rows:
        row["train"] = {name: statistics.median(one[name] for one in row["rounds"]) for name in row["rounds"][0]} | {
            "peak_mb": max(one["peak_mb"] for one in row["rounds"])
        }
        print(as_line(row), flush=True)
    return rows


def as_line(row: dict) -> str:
    prepare, train = row["prepare"], row["train"]
    return (
        f"{row['pairs']:>9,} pairs, {row['way']:<6}  prepare {prepare['seconds']:6.0f} s {prepare['peak_mb']:6,.0f} MB"
        f"   train {train['peak_mb']:6,.0f} MB {train['training']:8,.0f} tokens/s"
        f"   batches alone {train['batches']:10,.0f} tokens/s, {train['real_token_share']:.3f} real"
    )


def main(options: Options) -> None:
    """Runs one part, or all of them in processes of their own."""
    if options.part != "all":
        from transformer_tutorial.runtime.devices import peak_memory_mb

        measure = {"prepare": measure_preparing, "train": measure_training}[options.part]
        result = measure(options.folder, options)
        print(json.dumps({**result, "peak_mb": peak_memory_mb()}))
        return
    with tempfile.TemporaryDirectory(prefix="corpus-size-") as temporary:
        rows = measure_all(options.folder or Path(temporary), options)
    found, machine = ratios(rows), describe_machine({}, ("tensorflow-datasets",))
    for name, value in [*machine.items(), *found.items()]:
        print(f"{name}: {value if isinstance(value, (str, int)) else round(value, 3)}")
    if options.json:
        print(json.dumps({"sides": sides(rows), "ratios": found, "machine": machine}))


def sides(rows: list[dict]) -> dict[str, dict[str, float]]:
    """All that was measured of each size and way: tokens a second, seconds, megabytes."""
    names = {"seconds": "prepare", "training": "train", "batches": "train", "real_token_share": "train"}
    return {
        f"{row['pairs']:,} pairs, {row['way']}": {
            **{name: row[part][name] for name, part in names.items()},
            **{f"{part}, peak_mb": row[part]["peak_mb"] for part in ("prepare", "train")},
        }
        for row in rows
    }


def ratios(rows: list[dict]) -> dict[str, float]:
    """What a larger corpus changes, the largest over the smallest; and what shards change, at the same size."""
    by_way = {way: [row for row in rows if row["way"] == way] for way in ("shards", "memory")}
    pairs = {f"shards over memory, {one['pairs']:,} pairs": (one, other)
             for one in by_way["shards"] for other in by_way["memory"] if one["pairs"] == other["pairs"]}  # fmt: skip
    ordered = sorted(by_way["shards"], key=lambda row: row["pairs"])
    if len(ordered) > 1:
        pairs[f"{ordered[-1]['pairs']:,} over {ordered[0]['pairs']:,} pairs, shards"] = ordered[-1], ordered[0]
    found = {}
    for name, (one, other) in pairs.items():
        found[f"training speed, {name}"] = one["train"]["training"] / other["train"]["training"]
        found[f"speed of batches alone, {name}"] = one["train"]["batches"] / other["train"]["batches"]
        for part in ("prepare", "train"):
            found[f"peak memory of {part}, {name}"] = one[part]["peak_mb"] / other[part]["peak_mb"]
    return found


if __name__ == "__main__":
    run_script(main, Options)
