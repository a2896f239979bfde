"""Does a training that is killed again and again end where an unbroken one does?

Trains once without interruption. Then trains with the same flags in another folder, sends SIGKILL at random moments,
starts the same command again, and compares both ends bit by bit: every array of the last checkpoint, its state, the
model's weights, the metrics of each epoch. When the training ends before the kills are spent, another round begins.

    python scripts/soak.py --kills 50
    python scripts/soak.py --kills 5 -- --preset demo --num-layers 1 --save-every-minutes 0.01

Flags behind `--` are those of `train`. A third of the kills comes while the program starts or resumes, a third in
training, and a third in the middle of writing a checkpoint. Exit code 1 when anything differs.
"""

import dataclasses
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tyro

from transformer_tutorial.runtime.checkpoints import load_newest

TRAIN = ("--preset", "demo", "--save-every-minutes", "0.03", "--deterministic")
MOMENTS = ("starting", "training", "writing")
MEASURED = ("seconds", "target_tokens_per_second", "peak_memory_mb")  # what no two runs have in common


@dataclasses.dataclass(frozen=True)
class Options:
    """Does a training that is killed again and again end where an unbroken one does?"""

    kills: int = 50
    """How often SIGKILL is sent."""
    seed: int = 0
    """Of the moments."""
    folder: Path | None = None
    """Where both trainings go; an empty one. Default: a temporary folder, removed afterwards."""
    json: bool = False
    """Print one JSON object as the last line."""


class Kill(NamedTuple):
    """One kill.

    Attributes:
        round: which training, counted from 1.
        moment: one of `MOMENTS`.
        seconds: after the start of the process.
        step: of the newest checkpoint then; None before the first.
        half_written: whether the process left a half-written checkpoint.
    """

    round: int
    moment: str
    seconds: float
    step: int | None
    half_written: bool


class Training:
    """One `train` command that can be started again.

    Args:
        folder: for the run, its data and its log.
        name: of the run folder in it.
        arguments: flags of `train`.
    """

    def __init__(self, folder: Path, name: str, arguments: Sequence[str]):
        self.run_dir, self.log = folder / name, folder / f"{name}.log"
        where = ["--run-dir", str(self.run_dir), "--data-dir", str(folder / "data")]
        self.command = [sys.executable, "-m", "transformer_tutorial", "train", *where, *arguments]

    def start(self) -> subprocess.Popen:
        with self.log.open("a") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=log)

    def finish(self) -> None:
        """Runs to the end.

        Raises:
            SystemExit: the training failed.
        """
        if self.start().wait():
            raise SystemExit(f"Error: the training failed:\n{self.log.read_text()[-2000:]}")

    def steps(self) -> list[int]:
        """Of the checkpoints, rising."""
        return sorted(int(path.name[5:]) for path in self.run_dir.glob("checkpoints/ckpt-????????"))

    def half_written(self) -> set[str]:
        return {path.name for path in self.run_dir.glob("checkpoints/ckpt-*.tmp-*")}


def kill_once(training: Training, moment: str, chance: random.Random, number: int, start_seconds: float) -> Kill | None:
    """Starts the training and kills it at such a moment; None if it ended by itself before."""
    known, left = set(training.steps()), training.half_written()
    process, began = training.start(), time.monotonic()
    pause = chance.uniform(0, start_seconds)
    if moment == "starting":
        time.sleep(pause)
    while process.poll() is None and moment != "starting":
        if moment == "writing" and training.half_written() - left:
            break
        if moment == "training" and set(training.steps()) - known:
            time.sleep(pause / 4)
            break
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        return None
    newest = max(training.steps(), default=None)
    torn = bool(training.half_written() - left)
    return Kill(number, moment, round(time.monotonic() - began, 2), newest, torn)


def differences(straight: Path, killed: Path) -> list[str]:
    """What is not the same at the ends of two runs, in words."""
    expected, found = (load_newest(folder / "checkpoints") for folder in (straight, killed))
    if expected is None or found is None:
        return ["a run has no checkpoint"]
    differing = [
        f"array {name}"
        for name in sorted(set(expected.arrays) | set(found.arrays))
        if name not in expected.arrays
        or name not in found.arrays
        or expected.arrays[name].tobytes() != found.arrays[name].tobytes()
    ]
    if (expected.step, expected.state) != (found.step, found.state):
        differing.append(f"state: {expected.step} {expected.state}, {found.step} {found.state}")
    if model_weights(straight) != model_weights(killed):
        differing.append("weights of model.keras")
    if metrics(straight) != metrics(killed):
        differing.append("metrics.jsonl")
    return differing


def model_weights(run_dir: Path) -> bytes:
    """The weights in model.keras, as they are stored."""
    with zipfile.ZipFile(run_dir / "model.keras") as archive:
        return archive.read("model.weights.h5")


def metrics(run_dir: Path) -> list[dict]:
    """The lines of metrics.jsonl without what is measured with a clock."""
    records = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in record.items() if name not in MEASURED} for record in records]


def soak(folder: Path, options: Options, arguments: Sequence[str]) -> dict:
    """Both trainings and their comparison, as one JSON object."""
    chance = random.Random(options.seed)
    straight, began = Training(folder, "straight", arguments), time.monotonic()
    straight.finish()
    unbroken_seconds = time.monotonic() - began
    start_seconds = min(10.0, unbroken_seconds)
    kills, rounds = [], []
    while len(kills) < options.kills or not rounds:
        training = Training(folder, f"killed-{len(rounds) + 1}", arguments)
        while len(kills) < options.kills:
            kill = kill_once(training, MOMENTS[len(kills) % 3], chance, len(rounds) + 1, start_seconds)
            if kill is None:
                break
            kills.append(kill)
            print(f"kill {len(kills)}/{options.kills}: {kill._asdict()}", file=sys.stderr, flush=True)
        training.finish()
        log = training.log.read_text()
        rounds.append(
            {
                "differences": differences(straight.run_dir, training.run_dir),
                "damaged": log.count("is damaged"),
                "resumed": log.count("Resuming from step"),
            }
        )
    return {
        "kills": len(kills),
        "moments": dict(Counter(kill.moment for kill in kills)),
        "half_written": sum(kill.half_written for kill in kills),
        "rounds": rounds,
        "steps": load_newest(straight.run_dir / "checkpoints").step,
        "unbroken_seconds": round(unbroken_seconds, 1),
        "seconds": round(time.monotonic() - began, 1),
        "equal": not any(one["differences"] for one in rounds),
        "arguments": list(arguments),
    }


def print_table(result: dict) -> None:
    """The result for people."""
    moments = ", ".join(f"{count} {moment}" for moment, count in sorted(result["moments"].items()))
    print(f"kills                     {result['kills']} ({moments})")
    print(f"in the middle of writing  {result['half_written']} left a half-written checkpoint")
    print(f"trainings                 {len(result['rounds'])} of {result['steps']} steps, beside the unbroken one")
    print(f"resumed                   {sum(one['resumed'] for one in result['rounds'])} times")
    print(f"damaged checkpoints met   {sum(one['damaged'] for one in result['rounds'])}")
    print(f"time                      {result['seconds']:.0f} s, unbroken {result['unbroken_seconds']:.0f} s")
    print(f"ends equal bit by bit     {'yes' if result['equal'] else 'NO'}")
    for number, one in enumerate(result["rounds"], start=1):
        for difference in one["differences"][:10]:
            print(f"    round {number}: {difference}")


def main(options: Options, arguments: Sequence[str]) -> int:
    """Prints the result; 1 when the ends differ."""
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"Error: {folder} is not empty. Choose another --folder.")
        result = soak(folder, options, arguments)
    print_table(result)
    if options.json:
        print(json.dumps(result))
    return 0 if result["equal"] else 1


if __name__ == "__main__":
    own, separator, train_arguments = (*sys.argv[1:],), "--", TRAIN
    if separator in own:
        place = own.index(separator)
        own, train_arguments = own[:place], own[place + 1 :]
    sys.exit(main(tyro.cli(Options, args=own), train_arguments))
