"""What flows through an LSTM block: every forward value and every delta of a run, wire by wire.

A backward pass returns sums: of δc it is enough to know the whole. A picture shows the parts, how much of δc came back
along which wire. Here the parts are laid open, from what the step kept and from what its backward pass by hand
returned; nothing is differentiated a second time. One sequence at a time, so that δb of a step is its δa.

A wire leads from one operation to the next and is named after what it carries, or after its two ends:

    x y- c- s-       the input, and what comes from the step before (s-: its gates, FGR only)
    x-z y-i s-f ..   from there to a block
    c-i c-f c-o      peepholes
    z i f o          out of a block, to its product
    i+ f+ o+         FGR: from a gate to the gates of the next step
    i>1 1>f          CIFG: from i to 1 - i, and on as f
    carry            from c- to its product with f
    zi cf            the two summands of the cell
    c c-h c+         the cell; on to h, and to the next step
    h y y+ out       h(c); the output; on to the next step, and out of the layer

The delta of a wire is the loss's derivative by its value, along this wire alone. On some wires a weight has its place:
W, R, G and p. Values are given where they arrive, behind the weight. So are the deltas of peepholes and of the wires
from y-: they are summands of δc, δc₋ and δy₋. Those from x and s- carry the δ of their block, in front of the weight,
because an input has no units.

Next: figures/block.py
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells import StepGradients
from lstm_lab.cells.activation import Activation
from lstm_lab.cells.lstm import LSTMCell, Step
from lstm_lab.cells.lstm_weights import State, Weights, named

Arrays = dict[str, np.ndarray]
SUBSCRIPTS = {"i": "ᵢ", "f": "_f", "z": "_z", "o": "ₒ"}


class StepTrace(NamedTuple):
    """One time step, laid open.

    Attributes:
        values: for each wire that the variant has, what it carries: (N,), but (M,) on x and (3N,) on s-.
        deltas: for the same wires, what flows back, in the same shapes.
        results: for each equation of cells/lstm.py what it computes, under the name it has there: (N,), (M,), (3N,),
            or for a weight's summand of this step as the weight.
    """

    values: Arrays
    deltas: Arrays
    results: dict[int, Arrays]


def trace(
    cell: LSTMCell, weights: Weights, x: tf.Tensor, d_outputs: tf.Tensor, initial: State | None = None, d_final=None
) -> list[StepTrace]:
    """Runs a cell forwards and backwards over one sequence.

    Args:
        cell, weights: an LSTM variant.
        x: float, (T, M).
        d_outputs: float, (T, N), Δ, the loss's derivative by the outputs.
        initial: the state before the first step, each part with a batch of 1; None is zeros.
        d_final: the loss's derivative by the final state; None is zeros.

    Returns:
        One entry a time step, in the order of time.

    Raises:
        UsageError: a shape does not fit, or x holds NaN or infinity.
    """
    run = sequence.forward(cell, weights, x[None], initial)
    gradients = list(sequence.backward_by_step(cell, weights, run, d_outputs[None], d_final))[::-1]
    last = tf.nest.map_structure(tf.zeros_like, run.final) if d_final is None else d_final
    arriving = [*(step.state for step in gradients[1:]), last]
    steps = zip(run.steps, gradients, arriving, np.asarray(d_outputs), strict=True)
    return [_step_trace(cell, weights, *parts) for parts in steps]


def _step_trace(cell, weights: Weights, step: Step, gradients: StepGradients, arriving: State, d_out) -> StepTrace:
    kept, d_next = _Kept(cell, weights, step), _arrays(arriving._asdict())
    forward, a = forward_values(cell, kept)
    returned = _arrays({"x": gradients.x, **gradients.state._asdict()})
    blocks = {name: part.numpy() for name, part in named(cell.variant, gradients.weights).items()}
    d = {block: blocks[f"b{block}"] for block in cell.row.blocks}
    backward = backward_values(cell, kept, d, d_next, d_out) | {"x": returned["x"], "y-": returned["y"]}
    backward |= {"c-": returned["c"]} | ({"s-": returned["gates"]} if cell.row.gate_recurrence else {})
    deltas = {wire: backward[wire] for wire in forward}
    return StepTrace(forward, deltas, _results(cell, forward, a, deltas, d, blocks))


class _Kept:
    """A step as NumPy arrays without the batch axis, and the weights under their printed names."""

    def __init__(self, cell: LSTMCell, weights: Weights, step: Step):
        parts = {name: getattr(step, name) for name in ("x", "i", "f", "z", "o", "squashed")}
        self.__dict__.update(_arrays(parts))
        self.state, self.previous = _arrays(step.state._asdict()), _arrays(step.previous._asdict())
        self.weights = {name: part.numpy() for name, part in named(cell.variant, weights).items()}
        self.flowing = {name: part.numpy() for name, part in named(cell.variant, cell.flowing(weights)).items()}

    def seen(self, gate: str) -> np.ndarray:
        """The cell as a gate's peephole sees it: the output gate sees the new one."""
        return self.state["c"] if gate == "o" else self.previous["c"]


def forward_values(cell: LSTMCell, kept: _Kept) -> tuple[Arrays, Arrays]:
    """The value of each wire that the variant has, and each block's pre-activation, which is without its peephole."""
    row, before, weights = cell.row, kept.previous, kept.weights
    values = {"x": kept.x, "y-": before["y"], "c-": before["c"]}
    values |= {f"x-{block}": kept.x @ weights[f"W{block}"] for block in row.blocks}
    values |= {f"y-{block}": before["y"] @ weights[f"R{block}"] for block in row.blocks}
    if row.peepholes:
        values |= {f"c-{gate}": weights[f"p{gate}"] * kept.seen(gate) for gate in row.gates}
    if row.gate_recurrence:
        sources = dict(zip("ifo", np.split(before["gates"], 3), strict=True))
        values |= {"s-": before["gates"]} | {f"{gate}+": getattr(kept, gate) for gate in row.gates}
        values |= {f"s-{gate}": sum(s @ weights[f"R{a}{gate}"] for a, s in sources.items()) for gate in row.gates}
    arriving = {
        block: [values[f"{source}-{block}"] for source in "xys" if f"{source}-{block}" in values]
        for block in row.blocks
    }
    a = {block: sum(parts, weights[f"b{block}"]) for block, parts in arriving.items()}
    values |= {block: getattr(kept, block) for block in row.blocks}
    if row.coupled:
        values |= {"i>1": kept.i, "1>f": kept.f}
    c, y = kept.state["c"], kept.state["y"]
    values |= {"carry": before["c"], "zi": kept.z * kept.i, "cf": before["c"] * kept.f, "c": c, "c-h": c, "c+": c}
    return values | {"h": kept.squashed, "y": y, "y+": y, "out": y}, a


def backward_values(cell: LSTMCell, kept: _Kept, d: Arrays, d_next: Arrays, d_out: np.ndarray) -> Arrays:
    """What flows back along each wire. `d` holds the δ of the blocks, `d_next` what the next step hands back."""
    row, flowing, before = cell.row, kept.flowing, kept.previous
    d_y = d_out + d_next["y"]
    deltas = {"out": d_out, "y+": d_next["y"], "y": d_y, "o": d_y * kept.squashed, "h": d_y * kept.o}
    deltas |= {"c-h": deltas["h"] * _slope(row.output_activation, kept.squashed), "c+": d_next["c"]}
    deltas |= {f"c-{gate}": flowing[f"p{gate}"] * d[gate] for gate in row.gates if row.peepholes}
    d_c = deltas["c+"] + deltas["c-h"] + deltas.get("c-o", 0)
    deltas |= {"c": d_c, "zi": d_c, "cf": d_c, "z": d_c * kept.i, "i": d_c * kept.z, "f": d_c * before["c"]}
    deltas |= {"1>f": d_c * before["c"], "i>1": -d_c * before["c"], "carry": d_c * kept.f}
    deltas |= {f"{source}-{block}": d[block] for source in "xs" for block in row.blocks}
    if row.gate_recurrence:
        deltas |= dict(zip(("i+", "f+", "o+"), np.split(d_next["gates"], 3), strict=True))
    return deltas | {f"y-{block}": d[block] @ flowing[f"R{block}"].T for block in row.blocks}


def _results(cell: LSTMCell, values: Arrays, a: Arrays, deltas: Arrays, d: Arrays, gradients: Arrays) -> dict:
    """Each equation's left-hand side. Those that the variant does not compute are left out."""
    row = cell.row
    results = {1: {f"a{SUBSCRIPTS[block]}": a[block] for block in row.blocks}, 2: {"z": values["z"]}}
    results |= {3: _present("i", values), 4: _present("f", values | {"f": values.get("f", values.get("1>f"))})}
    results |= {5: {"c": values["c"]}, 6: _present("o", values), 7: {"y": values["y"]}}
    results |= {8: _d("o", d), 9: {"δc": deltas["c"]}, 10: _d("f", d), 11: _d("i", d), 12: _d("z", d)}
    results |= {13: {f"δa{SUBSCRIPTS[block]}": d[block] for block in row.blocks}}
    results |= {14: {"δx": deltas["x"]}, 15: {"δy₋": deltas["y-"]}, 16: {"δc₋": deltas["c-"]}}
    for number, kind in ((17, "W"), (18, "R"), (19, "b"), (20, "p")):
        found = {f"δ{kind}{SUBSCRIPTS[block]}": gradients.get(f"{kind}{block}") for block in row.blocks}
        results[number] = {name: array for name, array in found.items() if array is not None}
    if row.gate_recurrence:
        results |= {21: {f"s₋ G{SUBSCRIPTS[gate]}": values[f"s-{gate}"] for gate in "ifo"}, 22: {"δs₋": deltas["s-"]}}
        results[23] = {f"δR{a}{b}": gradients[f"R{a}{b}"] for a in "ifo" for b in "ifo"}
    return {number: found for number, found in results.items() if found}


def _present(name: str, arrays: Arrays) -> Arrays:
    return {name: arrays[name]} if arrays.get(name) is not None else {}


def _d(block: str, d: Arrays) -> Arrays:
    return {f"δ{block}": d[block]} if block in d else {}


def _slope(activation: Activation, output: np.ndarray) -> np.ndarray:
    return np.asarray(activation.slope(tf.constant(output)))


def _arrays(tensors: dict) -> Arrays:
    """Tensors (1, N) -> arrays (N,); parts that are () stay away."""
    return {name: np.asarray(part)[0] for name, part in tensors.items() if not isinstance(part, tuple)}
