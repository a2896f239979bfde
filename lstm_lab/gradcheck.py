"""Is a backward pass written by hand the derivative of its forward pass? Four ways to the same number, compared.

    by hand              lstm_lab.cells and lstm_lab.sequence
    tape                 tf.GradientTape over the same forward pass
    complex step         an independent NumPy forward pass, see oracle.py
    central differences  the same, without the assumption that it is analytic

Two arrays a and b are compared as a whole, each array for itself:

    (1)  ‖a - b‖ / max(‖a‖ + ‖b‖, tiny)

One norm over all arrays would let a large gradient hide an error in a small one; entry by entry, rounding alone fills
the tails. A correct float64 pass stays near 1e-16 against the tape and 1e-9 against differences, and real bugs stand
at 3e-5 or more, so that the limits below separate the two.

Next: jacobians.py, or trace.py to see the values that were compared
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lstm_lab import oracle
from lstm_lab.config import GradcheckOptions
from lstm_lab.problems import DenseProblem, LSTMProblem, Problem, RNNProblem
from lstm_lab.trace_page import write_page


class Limits(NamedTuple):
    """The largest relative errors that a row may have."""

    tape: float
    complex_step: float
    difference: float


LIMITS = {"float64": Limits(1e-12, 1e-12, 1e-6), "float32": Limits(1e-5, 1e-5, 1e-5)}


class Errors(NamedTuple):
    """How far the gradient by hand is from the others: the largest entry against the tape, then relative errors (1)."""

    absolute: float
    tape: float
    complex_step: float
    difference: float

    def within(self, limits: Limits) -> bool:
        """Whether no relative error is over its limit; NaN is over every limit."""
        return all(error <= limit for error, limit in zip(self[1:], limits, strict=True))


class Row(NamedTuple):
    """One line of the table: a tensor of a cell, at the worst of its problems.

    Attributes:
        cell, variant, tensor: what was compared.
        shape: of the tensor, in the worst problem.
        errors: the worst of each kind over all problems.
        ok: whether no error is over its limit.
        problem: the problem with the largest error against the complex step.
    """

    cell: str
    variant: str
    tensor: str
    shape: tuple[int, ...]
    errors: Errors
    ok: bool
    problem: Problem


def run(options: GradcheckOptions) -> int:
    """Prints the table or its JSON, writes the page if asked; returns 0 if every row is within the limits, else 1."""
    rows = [row for problems in problem_groups(options) for row in check(problems, options.dtype)]
    bad = [row for row in rows if not row.ok]
    print(json.dumps([as_json(row) for row in rows], indent=1, allow_nan=False) if options.json else table(rows))
    for row in bad:
        print(f"{row.cell} {row.variant} {row.tensor}: {first_difference(row, options.dtype)}", file=sys.stderr)
    limits = LIMITS[options.dtype]
    print(
        f"{len(rows) - len(bad)} of {len(rows)} tensors within the limits: tape {limits.tape:g}, complex step "
        f"{limits.complex_step:g}, differences {limits.difference:g} ({options.dtype}, lengths "
        f"{' '.join(map(str, options.lengths))}, seeds {' '.join(map(str, options.seeds))}"
        f"{', po_prev' if options.po_prev else ''}).",
        file=sys.stderr if options.json else sys.stdout,
    )
    if options.trace:
        path = write_page(options.trace, options.variants, max(options.lengths), options.seeds[0], options.error_flow)
        print(f"The LSTM, step by step: {path}", file=sys.stderr)
    return 1 if bad else 0


def problem_groups(options: GradcheckOptions) -> Iterator[list[Problem]]:
    """For each cell and variant, its problems: one a seed and length."""
    seeds = options.seeds
    cases = [(length, seed) for length in options.lengths for seed in seeds]
    if "dense" in options.cells:
        for output in ("softmax", "sigmoid", "linear"):
            yield [DenseProblem(output, np.random.default_rng(seed)) for seed in seeds]
    if "rnn" in options.cells:
        yield [RNNProblem(length, np.random.default_rng(seed)) for length, seed in cases]
    if "lstm" in options.cells:
        for variant in options.variants:
            choices = options.error_flow, options.po_prev
            yield [LSTMProblem(variant, t, np.random.default_rng(seed), *choices) for t, seed in cases]


def check(problems: Sequence[Problem], dtype: str = "float64") -> list[Row]:
    """Problems of one cell and variant -> a row for each of their tensors."""
    found = [(problem, compare(problem, dtype)) for problem in problems]
    return [_row(tensor, found, LIMITS[dtype]) for tensor in problems[0].arrays]


def compare(problem: Problem, dtype: str = "float64") -> dict[str, Errors]:
    """Each tensor's errors in one problem. The tape runs in `dtype`, the numerical derivatives in float64."""
    arrays = {name: tf.constant(array, dtype) for name, array in problem.arrays.items()}
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        loss = problem.tape_loss(arrays)
    on_tape = tape.gradient(loss, arrays, unconnected_gradients="zero")
    by_hand = problem.by_hand(arrays)
    errors = {}
    for name, array in problem.arrays.items():
        hand, taped = by_hand[name].numpy().astype(float), on_tape[name].numpy().astype(float)
        moved = _loss_of(problem, name)
        errors[name] = Errors(
            float(np.max(np.abs(hand - taped))),
            relative_error(hand, taped),
            relative_error(hand, oracle.complex_step(moved, array)),
            relative_error(hand, oracle.central_difference(moved, array)),
        )
    return errors


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of two arrays of one shape as a share of their size: 0 equal, 1 nothing in common."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / max(size, np.finfo(float).tiny))  # (1)


def first_difference(row: Row, dtype: str = "float64") -> str:
    """Where a failing row first goes wrong, in the order of the backward pass: the last time step is the first.

    Compares the summands of the single time steps with the complex step of weights that are moved at that step alone.
    """
    problem, name = row.problem, row.tensor
    arrays = {key: tf.constant(array, dtype) for key, array in problem.arrays.items()}
    for back, by_hand in enumerate(problem.by_hand_at_steps(arrays)):
        if name not in by_hand:
            break
        t = problem.length - 1 - back
        hand, expected = by_hand[name].numpy().astype(float), _expected_at_step(problem, name, t)
        if not relative_error(hand, expected) <= LIMITS[dtype].complex_step:
            return f"first differs, going backwards, at time step {t + 1} of {problem.length}, {_entry(hand, expected)}"
    hand = problem.by_hand(arrays)[name].numpy().astype(float)
    expected = oracle.complex_step(_loss_of(problem, name), problem.arrays[name])
    where = "differs at time step 0, " if name.endswith("0") and problem.length else "differs in "
    return where + _entry(hand, expected)


def as_json(row: Row) -> dict[str, object]:
    """The row as --json prints it; an error that is not a number becomes null."""
    tape, difference = (error if math.isfinite(error) else None for error in (row.errors.tape, row.errors.difference))
    return {
        "cell": row.cell,
        "variant": row.variant,
        "tensor": row.tensor,
        "shape": list(row.shape),
        "relative_error_tape": tape,
        "relative_error_difference": difference,
        "ok": row.ok,
    }


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one a line, with the column names above."""
    lines = [f"{'cell':5} {'variant':7} {'tensor':6} {'shape':11} absolute     tape  complex  differences"]
    for row in rows:
        errors = row.errors
        shape = "x".join(map(str, row.shape))
        lines.append(
            f"{row.cell:5} {row.variant:7} {row.tensor:6} {shape:11} {errors.absolute:8.1e} {errors.tape:8.1e} "
            f"{errors.complex_step:8.1e}     {errors.difference:8.1e}  {'ok' if row.ok else 'OVER THE LIMIT'}"
        )
    return "\n".join(lines)


def _row(tensor: str, found: Sequence[tuple[Problem, dict[str, Errors]]], limits: Limits) -> Row:
    """The worst of what was found for one tensor. NaN is the worst: NumPy's maximum keeps it, max() may drop it."""
    each = np.array([errors[tensor] for _, errors in found])
    worst, _ = found[int(np.argmax(each[:, Errors._fields.index("complex_step")]))]
    errors = Errors(*map(float, each.max(axis=0)))
    shape = worst.arrays[tensor].shape
    return Row(worst.cell, worst.variant, tensor, shape, errors, errors.within(limits), worst)


def _loss_of(problem: Problem, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The NumPy loss as a function of one array."""

    def loss(copies: np.ndarray) -> np.ndarray:
        arrays = problem.arrays | {name: copies}
        return problem.loss(arrays, lambda t: arrays)

    return loss


def _expected_at_step(problem: Problem, name: str, step: int) -> np.ndarray:
    """The derivative by what one time step alone sees of an array: its copy of a weight, or its slice of x."""
    array = problem.arrays[name]
    if name == "x":
        return oracle.complex_step(_loss_of(problem, name), array)[:, step]

    def loss(copies: np.ndarray) -> np.ndarray:
        moved: Mapping[str, np.ndarray] = problem.arrays | {name: copies}
        return problem.loss(problem.arrays, lambda t: moved if t == step else problem.arrays)

    return oracle.complex_step(loss, array)


def _entry(hand: np.ndarray, expected: np.ndarray) -> str:
    """The entry that is furthest off, with both its values."""
    distance = np.nan_to_num(np.abs(hand - expected), nan=np.inf)
    index = np.unravel_index(np.argmax(distance), distance.shape)
    place = ", ".join(map(str, index))
    return f"element ({place}): by hand {hand[index]:.9g}, expected {expected[index]:.9g}"
