"""What the benchmarks share: sides that take turns, medians, ratios, and what the machine itself can do.

A side is a function from the number of the round to a `Measurement`; `measure` makes one. Round 0 is the first call:
it traces, compiles and warms up, and is kept apart from the rest. The machine's own matrix products take turns with
the sides, because on a shared machine its speed changes while one looks.

    sides = {"new way": new_side, "old way": old_side, **matrix_products()}
    turns = take_turns(sides, rounds=5)
    report(turns, "tokens", {"new over old": ("new way", "old way")}, as_json=True)
"""

import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tyro

from transformer_tutorial.runtime.devices import describe_device
from transformer_tutorial.runtime.errors import Failure, UsageError

MATRIX_PRODUCT = "matrix product, {}"


class Measurement(NamedTuple):
    """One turn of one side.

    Attributes:
        amount: work done, in the benchmark's unit, for example tokens.
        seconds: on the clock on the wall.
        cpu_seconds: of all threads of the process that did the work; another program's share is not in it.
    """

    amount: float
    seconds: float
    cpu_seconds: float


Side = Callable[[int], Measurement]


class Turns(NamedTuple):
    """All turns of one side: the first call apart from the rest."""

    first: Measurement
    rest: list[Measurement]

    def per_second(self) -> float:
        """Median amount a second."""
        return statistics.median(turn.amount / turn.seconds for turn in self.rest)

    def per_cpu_second(self) -> float:
        """Median amount a second of processor time, that of all cores added up."""
        return statistics.median(turn.amount / max(turn.cpu_seconds, 1e-9) for turn in self.rest)


def measure(work: Callable[[], float]) -> Measurement:
    """Calls `work`, which returns the amount of work it did."""
    began, cpu_began = time.perf_counter(), time.process_time()
    amount = work()
    return Measurement(amount, time.perf_counter() - began, time.process_time() - cpu_began)


def take_turns(sides: Mapping[str, Side], rounds: int) -> dict[str, Turns]:
    """Calls every side once with 0, then `rounds` times one after the other with 1, 2, ...; says so on stderr.

    Raises:
        UsageError: `rounds` is below 1.
    """
    if rounds < 1:
        raise UsageError(f"at least one round is needed, got {rounds}.")
    turns = {}
    for name, side in sides.items():
        print(f"first call: {name}", file=sys.stderr)
        turns[name] = Turns(side(0), [])
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for name, side in sides.items():
            turns[name].rest.append(side(number))
    return turns


def matrix_products(dtypes: Iterable[str] = ("float32", "bfloat16"), size: int = 2048) -> dict[str, Side]:
    """Sides that multiply two square matrices of `size`; the amount is in floating-point operations, 2 size³ each."""
    return {MATRIX_PRODUCT.format(dtype): partial(_multiply, dtype, size) for dtype in dtypes}


def _multiply(dtype: str, size: int, number: int, least_seconds: float = 0.3) -> Measurement:
    matrix = tf.cast(tf.random.stateless_normal((size, size), (0, number)), dtype)
    tf.linalg.matmul(matrix, matrix).numpy()

    def work() -> float:
        products, began = 0, time.perf_counter()
        while time.perf_counter() - began < least_seconds:
            tf.linalg.matmul(matrix, matrix)[0, 0].numpy()  # fetched, because a GPU works on its own
            products += 1
        return products * 2.0 * size**3

    return measure(work)


def describe_machine(turns: Mapping[str, Turns], packages: Iterable[str] = ()) -> dict[str, object]:
    """Device, cores, versions, and the matrix-product rates that were measured with the sides, in GFLOP/s.

    Args:
        turns: from `take_turns`.
        packages: names of further packages whose versions matter; those that are not installed are left out.
    """
    versions = {name: _version(name) for name in ("tensorflow", "keras", "numpy", *packages)}
    rates = {name: round(turns[name].per_second() / 1e9, 1) for name in turns if _is_matrix_product(name)}
    return {
        "device": describe_device().removeprefix("Device: "),
        "processor": _processor_name(),
        "cores": cores(),
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version},
        **{f"{name}, GFLOP/s": rate for name, rate in rates.items()},
    }


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def report(
    turns: Mapping[str, Turns],
    unit: str,
    ratios: Mapping[str, tuple[str, str]],
    *,
    shares: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
    packages: Iterable[str] = (),
    as_json: bool = False,
) -> None:
    """Prints the machine, each side's median, and the ratios; `as_json` adds one JSON object as the last line.

    Args:
        turns: from `take_turns`.
        unit: of the amounts, for example "tokens".
        ratios: name -> the two sides whose medians are divided, first over second. Left out where a side is missing.
        shares: further numbers for the table of ratios.
        notes: lines to print after the sides.
        packages: see `describe_machine`.
    """
    sides = {name: side for name, side in turns.items() if not _is_matrix_product(name)}
    found = dict(shares or {})
    for name, (first, second) in ratios.items():
        if first in sides and second in sides:
            found[name] = sides[first].per_second() / sides[second].per_second()
            found[f"{name}, by CPU time"] = sides[first].per_cpu_second() / sides[second].per_cpu_second()
    machine = describe_machine(turns, packages)
    for name, value in machine.items():
        print(f"{name}: {value}")
    width = max(map(len, [*sides, *found]))
    rounds = len(next(iter(turns.values())).rest)
    print(f"\n{f'median of {rounds}':<{width}} {unit + '/s':>14} {unit + '/CPU s':>16} {'first call, s':>14}")
    for name, side in sides.items():
        rates = f"{_number(side.per_second()):>14} {_number(side.per_cpu_second()):>16}"
        print(f"{name:<{width}} {rates} {side.first.seconds:14.1f}")
    for line in ("", *notes, "") if notes else ("",):
        print(line)
    for name, ratio in found.items():
        print(f"{name:<{width}} {ratio:14.3f}")
    if as_json:
        figures = {name: side.per_second() for name, side in sides.items()}
        print(json.dumps({"sides": figures, "ratios": found, "machine": machine}))


def run_script(main: Callable, options: type) -> None:
    """Parses the command line into `options` and calls `main` with it; an error of ours is one line, without traceback.

    Exit codes: 0 done, 1 failure, 2 wrong usage.
    """
    try:
        main(tyro.cli(options))
    except (UsageError, Failure) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)


def _is_matrix_product(name: str) -> bool:
    return name.startswith(MATRIX_PRODUCT.format(""))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
