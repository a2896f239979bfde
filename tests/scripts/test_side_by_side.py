"""Turns, medians, ratios and the JSON line of the benchmarks."""

import dataclasses
import json
import time

import pytest

from scripts.side_by_side import (
    MATRIX_PRODUCT,
    Measurement,
    Turns,
    cores,
    matrix_products,
    measure,
    report,
    run_script,
    take_turns,
)
from transformer_tutorial.runtime.errors import Failure, UsageError


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Nothing to choose."""


FAST = Turns(Measurement(10, 99, 99), [Measurement(10, 1, 2), Measurement(30, 1, 2), Measurement(20, 1, 1)])
SLOW = Turns(Measurement(10, 99, 99), [Measurement(10, 2, 4)])


def test_sides_are_called_one_after_the_other_and_the_first_call_is_kept_apart():
    calls = []

    def side(name):
        return lambda number: calls.append((name, number)) or Measurement(number, 1, 1)

    turns = take_turns({"a": side("a"), "b": side("b")}, rounds=2)
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert turns["b"].first.amount == 0
    assert [turn.amount for turn in turns["b"].rest] == [1, 2]


def test_no_round_is_an_error():
    with pytest.raises(UsageError, match="at least one round is needed, got 0"):
        take_turns({}, rounds=0)


def test_rates_are_medians_of_the_rounds_without_the_first_call():
    assert FAST.per_second() == 20
    assert FAST.per_cpu_second() == 15


def test_sleeping_takes_time_on_the_wall_but_not_of_the_processor():
    measurement = measure(lambda: time.sleep(0.2) or 3)
    assert measurement.amount == 3
    assert measurement.seconds >= 0.2 > 0.15 > measurement.cpu_seconds


def test_a_matrix_product_counts_two_operations_for_each_multiply_add():
    (side,) = matrix_products(["float32"], size=64).values()
    measurement = side(1)
    assert measurement.amount % (2 * 64**3) == 0
    assert measurement.seconds >= 0.3


def test_the_last_line_is_json_with_sides_ratios_and_machine(capsys):
    turns = {"fast": FAST, "slow": SLOW, MATRIX_PRODUCT.format("float32"): FAST}
    ratios = {"fast over slow": ("fast", "slow"), "fast over none": ("fast", "none")}
    report(
        turns, "tokens", ratios, shares={"share": 0.5}, notes=["a note"], packages=("no-such-package",), as_json=True
    )
    *lines, last = capsys.readouterr().out.splitlines()
    printed = json.loads(last)
    assert printed["sides"] == {"fast": 20, "slow": 5}
    assert printed["ratios"] == {"share": 0.5, "fast over slow": 4, "fast over slow, by CPU time": 6}
    assert printed["machine"]["cores"] == cores()
    assert printed["machine"]["matrix product, float32, GFLOP/s"] == 0
    assert "no-such-package" not in printed["machine"]
    assert "a note" in lines


def test_without_json_there_is_no_json(capsys):
    report({"fast": FAST}, "tokens", {})
    assert "{" not in capsys.readouterr().out


@pytest.mark.parametrize(("error", "code"), [(UsageError("wrong."), 2), (Failure("broken."), 1)])
def test_an_error_of_ours_is_one_line(error, code, monkeypatch, capsys):
    def fail(options):
        raise error

    monkeypatch.setattr("sys.argv", ["bench"])
    with pytest.raises(SystemExit) as stopped:
        run_script(fail, NoOptions)
    assert stopped.value.code == code
    assert capsys.readouterr().err == f"Error: {error}\n"
