"""One page on which a run of the LSTM is stepped through: `python -m lstm_lab gradcheck --trace FILE.html`.

The run is the first sequence of the problem that gradcheck checks, with a loss on every output and on the final state.
The page holds everything in itself, values, diagrams and program (page/), loads nothing, and opens from a file.

Next: figures/circuit.py, whose table the page draws
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
import tensorflow as tf

from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.lstm_variants import VARIANTS as ROWS
from lstm_lab.cells.lstm_weights import State, block_names, stacked
from lstm_lab.config import VARIANTS
from lstm_lab.figures.block import (
    BACKWARD,
    FORWARD,
    GATE_WIRES,
    SIZES,
    SYMBOLS,
    Layout,
    activation_text,
    equations,
    events,
    remarks,
    wires_of,
)
from lstm_lab.figures.circuit import CIRCUIT
from lstm_lab.figures.odyssey import ODYSSEY
from lstm_lab.problems import LSTMProblem
from lstm_lab.trace import StepTrace, trace
from transformer_tutorial.runtime.errors import Failure

DIGITS = 7
"""Significant digits of a number in the page."""


def trace_of(problem: LSTMProblem) -> list[StepTrace]:
    """The first sequence of a problem; the padded one is the last."""
    arrays = {name: tf.constant(array) for name, array in problem.arrays.items()}
    names = [name for fields in block_names(problem.variant).values() for name in fields]
    weights = stacked(problem.variant, {name: arrays[name] for name in names})
    initial = _state({name: arrays[f"{name}0"] for name in problem.states})
    d_final = _state(problem.d_final)
    cell = LSTMCell(problem.variant, problem.error_flow)
    return trace(cell, weights, arrays["x"][0], tf.constant(problem.d_outputs[0]), initial, d_final)


def page(variants: Sequence[str], length: int, seed: int, error_flow: str = "full") -> str:
    """The page of one or several variants, as HTML.

    Args:
        variants: names out of lstm_lab.config.VARIANTS; the page has a menu of them.
        length: time steps, at least 1.
        seed: of the problem's random numbers.
        error_flow: the full gradient or a truncated one.
    """
    problems = {name: LSTMProblem(name, length, np.random.default_rng(seed), error_flow) for name in variants}
    data = {
        "about": f"gradcheck's problem of seed {seed}, first sequence, error flow: {error_flow}",
        "equations": equations(),
        "layouts": {"circuit": _layout(CIRCUIT), "odyssey": _layout(ODYSSEY)},
        "symbols": SYMBOLS,
        "gates": GATE_WIRES,
        "vanilla": sorted(wires_of("V")),
        "variants": {name: _variant(name, trace_of(problem)) for name, problem in problems.items()},
    }
    # "<" cannot end the script element from inside.
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    program = _part("diagram.js") + _part("page.js")
    text = _part("page.html")
    for place, content in (
        ("/* style */", _part("page.css")),
        ("/* data */", embedded),
        ("/* program */", program),
    ):
        text = text.replace(place, content)
    return text


def write_page(
    path: str | os.PathLike, variants: Sequence[str], length: int, seed: int, error_flow: str
) -> pathlib.Path:
    """Writes the page to a file, complete or not at all.

    Raises:
        Failure: the file cannot be written.
    """
    path = pathlib.Path(path)
    text = page(variants, length, seed, error_flow)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise Failure(f"The page cannot be written to {path}: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return path


def _part(name: str) -> str:
    return resources.files("lstm_lab").joinpath("page", name).read_text(encoding="utf-8")


def _state(parts: dict[str, Any]) -> State:
    """The state of the first sequence, from arrays (B, N)."""
    first = {name: tf.constant(part[:1]) for name, part in parts.items()}
    gates = tf.concat([first[gate] for gate in "ifo"], axis=1) if "i" in first else ()
    return State(first["y"], first["c"], gates)


def _variant(name: str, steps: Sequence[StepTrace]) -> dict[str, Any]:
    """What the page knows of a variant."""
    first = steps[0]
    passes = {"forward": FORWARD, "backward": BACKWARD}
    return {
        "title": VARIANTS[name],
        "remarks": remarks(name),
        "activations": {node: activation_text(ROWS[name], node) for node in "zh"},
        "events": {
            key: [event._asdict() for event in events(order, first.values, first.results)]
            for key, order in passes.items()
        },
        "steps": [
            {
                "values": _numbers(step.values),
                "deltas": _numbers(step.deltas),
                "results": {number: _numbers(found) for number, found in step.results.items()},
            }
            for step in steps
        ],
    }


def _layout(layout: Layout) -> dict[str, Any]:
    nodes = [{**node._asdict(), "size": SIZES[node.shape]} for node in layout.nodes]
    return {**layout._asdict(), "nodes": nodes, "wires": [wire._asdict() for wire in layout.wires]}


def _numbers(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: _rounded(array.tolist()) for name, array in arrays.items()}


def _rounded(value: Any) -> Any:
    return [_rounded(entry) for entry in value] if isinstance(value, list) else float(f"{value:.{DIGITS}g}")
