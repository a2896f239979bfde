"""How long does one LSTM layer take forwards and backwards, and how much memory does a time step take?

The contestants, all with the same weights, and checked against each other before the clock runs:

    readable, tape        lstm_lab.sequence, differentiated by tf.GradientTape
    readable, by hand     lstm_lab.sequence forwards and backwards
    fused                 lstm_lab.fast.fused_sequence, alone and compiled by XLA
    keras.layers.LSTM     alone and compiled by XLA
    BlockLSTM             TensorFlow's kernel for a whole sequence
    torch.nn.LSTM         on the CPU; it comes with `pip install '.[bench]'`

A turn is as many calls as fit into `--seconds`. The first call, which traces and compiles, stands apart. The unit is a
time step of one sequence.

Memory is what a call adds to the process for each further time step of a sequence, in bytes: what is kept for the
backward pass, the results, and what a library needs on the way. Each contestant has processes of its own for it.

    python scripts/bench_lstm.py
    python scripts/bench_lstm.py --sizes 1x100x32x32 32x100x64x128 --threads 1 --json
    python scripts/bench_lstm.py --variant V              with peepholes, which Keras and PyTorch do not have
"""

import concurrent.futures
import dataclasses
import multiprocessing
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from peers.lstm import (
    BLOCK,
    FUSED,
    FUSED_XLA,
    KERAS,
    KERAS_XLA,
    NAMES,
    READABLE,
    READABLE_TAPE,
    TORCH,
    WITHOUT_PEEPHOLES,
    Contestant,
    Size,
    build,
    draw_data,
    draw_weights,
    is_installed,
)  # fmt: skip
from side_by_side import Side, matrix_products, measure, report, run_script, take_turns

from transformer_tutorial.runtime.errors import Failure, UsageError

COMPARED = ((FUSED, KERAS), (FUSED_XLA, KERAS), (FUSED_XLA, KERAS_XLA), (FUSED_XLA, TORCH), (FUSED_XLA, BLOCK),
            (FUSED, READABLE), (READABLE, READABLE_TAPE))  # fmt: skip
SMALL, STATUS = ("2x5x3x4",), Path("/proc/self/status")
MEMORY_SIZE, SMALL_MEMORY_SIZE = Size(512, 100, 64, 128), Size(256, 50, 16, 32)
TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class Options:
    """How long does one LSTM layer take forwards and backwards, and how much memory does a time step take?"""

    sizes: tuple[str, ...] = ("1x100x32x32", "32x100x32x32", "32x100x64x128", "128x20x128x128", "32x50x256x256")
    """Batch, steps, inputs and units, as BxTxMxN."""
    variant: Literal["NP", "V"] = "NP"
    """NP has no peepholes, like Keras's and PyTorch's layers; V has them, and those two are left out."""
    rounds: int = 5
    """Turns of each side."""
    seconds: float = 0.3
    """Length of a turn, at least one call."""
    threads: int = 0
    """Threads of each library; 0 lets it choose."""
    memory: bool = True
    """Measure memory as well, with 512 and 1024 sequences of 100 steps, 64 inputs and 128 units. On Linux."""
    smoke: bool = False
    """One tiny size, one turn, and one contestant's memory: does the benchmark run?"""
    json: bool = False
    """Print one JSON object as the last line."""


def main(options: Options) -> None:
    """Lets all contestants take turns at all sizes, and prints rates, ratios and memory."""
    set_threads(options.threads)
    if options.smoke:
        options = dataclasses.replace(options, sizes=SMALL, rounds=1, seconds=0.0)
    names, sizes = names_of(options.variant), [parse_size(text) for text in options.sizes]
    sides = {}
    for size in sizes:
        sides |= line_up(names, options.variant, size, options.seconds)
    turns = take_turns({**sides, **matrix_products(["float32"])}, options.rounds)
    memory = {}
    if options.memory and not STATUS.exists():
        print(f"Memory is left out: this system has no {STATUS}.", file=sys.stderr)
    elif options.memory:
        measured = {FUSED: SMALL_MEMORY_SIZE} if options.smoke else dict.fromkeys(names, MEMORY_SIZE)
        memory = {f"{name}, bytes a step": bytes_a_step(name, options, size) for name, size in measured.items()}
    ratios = {
        f"{first} over {second}, {size}": (f"{first}, {size}", f"{second}, {size}")
        for first, second in COMPARED
        for size in sizes
    }
    report(turns, "steps", ratios, shares=memory, packages=("torch",), as_json=options.json)


def names_of(variant: str) -> list[str]:
    """The contestants that take part; says which one is not installed."""
    names = [name for name in NAMES if variant == "NP" or name not in WITHOUT_PEEPHOLES]
    for name in names:
        if not is_installed(name):
            print(f"{name} is left out: PyTorch is not installed. pip install '.[bench]'", file=sys.stderr)
    return [name for name in names if is_installed(name)]


def line_up(names: Sequence[str], variant: str, size: Size, seconds: float) -> dict[str, Side]:
    """A side for each contestant. The first call of each is compared with what the first of them found."""
    weights, (x, d_outputs), found = draw_weights(variant, size), draw_data(size), {}

    def side_of(name: str) -> Side:
        contestant = build(name, variant, weights)
        data = contestant.tensor(x), contestant.tensor(d_outputs)

        def side(number: int):
            if number == 0:
                return measure(lambda: first_call(name, contestant, data, found) * size.B * size.T)
            return measure(lambda: calls(contestant, data, seconds) * size.B * size.T)

        return side

    return {f"{name}, {size}": side_of(name) for name in names}


def calls(contestant: Contestant, data: tuple, seconds: float) -> int:
    """Calls the contestant for so long, and at least once. Returns how often."""
    count, began = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - began < seconds:
        contestant.run(*data)
        count += 1
    return count


def first_call(name: str, contestant: Contestant, data: tuple, found: dict[str, list[np.ndarray]]) -> int:
    """One call, whose results must be those that are found already. Raises Failure where they are not."""
    arrays = contestant.standard(contestant.run(*data))
    for reference, expected in found.items():
        for what, a, b in zip(("outputs", "x", "W", "R", "b", "p"), arrays, expected, strict=False):
            error = float(np.linalg.norm(a - b) / np.linalg.norm(b))
            if not error < TOLERANCE:
                raise Failure(f"{name} and {reference} differ in {what} by {error:.1e} of its norm.")
    found.setdefault(next(iter(found), name), arrays)
    return 1


def bytes_a_step(name: str, options: Options, size: Size) -> float:
    """Bytes that one call takes for each time step of one sequence: the slope between two batches.

    What does not depend on the batch, as tracing and compiling, is not in it.
    """
    print(f"memory: {name}", file=sys.stderr)
    small, large = (growth(name, options, size._replace(B=batch)) for batch in (size.B, 2 * size.B))
    return (large - small) / (size.B * size.T)


def growth(name: str, options: Options, size: Size) -> int:
    """By how many bytes a process of its own grows at most while the contestant is called once."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(growth_here, name, options.variant, size, options.threads).result()
        except concurrent.futures.process.BrokenProcessPool:
            raise Failure(f"the process that measures {name} has died. Leave it out with --no-memory.") from None


def growth_here(name: str, variant: str, size: Size, threads: int) -> int:
    """By how many bytes this process grows at most during its first call."""
    set_threads(threads)
    contestant = build(name, variant, draw_weights(variant, size))
    data = tuple(map(contestant.tensor, draw_data(size)))
    before = memory_status("VmRSS")
    contestant.run(*data)
    return memory_status("VmHWM") - before


def memory_status(field: str) -> int:
    """A field of /proc/self/status, in bytes."""
    return int(re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text())[1]) * 1024


def set_threads(threads: int) -> None:
    """Lets TensorFlow and PyTorch use so many threads each; 0 leaves it to them."""
    if threads < 0:
        raise UsageError(f"--threads must be 0 or more, got {threads}.")
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        if is_installed(TORCH):
            import torch

            torch.set_num_threads(threads)


def parse_size(text: str) -> Size:
    """ "32x100x64x128" -> its four numbers. Raises UsageError for anything else, and for numbers below 1."""
    parts = text.split("x")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"a size is four whole numbers above 0 as in 32x100x64x128, got {text!r}.")
    return Size(*map(int, parts))


if __name__ == "__main__":
    run_script(main, Options)
