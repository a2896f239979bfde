"""The parts of a diagram of the LSTM block, and the order in which equations send values and deltas along its wires.

A layout places nodes and wires; x runs to the right and y upwards, in units of about half an inch. A wire is drawn if
the variant has it, pale if only the vanilla LSTM has it, and not at all otherwise. The wires are those of ../trace.py,
the equations those of ../cells/lstm.py.

Next: circuit.py
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from lstm_lab.cells import lstm
from lstm_lab.cells.activation import TANH
from lstm_lab.cells.lstm_variants import VARIANTS, Variant

Point = tuple[float, float]

SYMBOLS = {"z": "z", "i": "i", "f": "f", "o": "o", "1>f": "f", "h": "h(c)", "zi": "z⊙i", "cf": "c₋⊙f"}
SYMBOLS |= {"c-": "c₋", "y-": "y₋", "x": "x", "c+": "c", "c": "c", "y+": "y", "y": "y", "out": "y", "carry": "c₋"}
"""How a wire's value is called where it is printed."""

GATE_WIRES = ("i", "f", "o", "1>f")
"""Wires whose value is an opening between 0 and 1."""

PEEPHOLES = ("c-i", "c-f", "c-o")

SIZES = {"box": (1.3, 0.9), "gate": (1.1, 1.1), "cell": (1.6, 1.6), "product": (0.7, 0.7)}
SIZES |= {"dot": (0.2, 0.2), "lag": (0.3, 0.3), "text": (0.0, 0.0)}
"""Width and height of each shape of node."""


class Node(NamedTuple):
    """Something that stands at a point.

    Attributes:
        name: of the node; of i, f, z, o and h also the block or the activation that it is.
        at: its middle.
        shape: one of SIZES: "box", "gate", "cell" or "product" (something computed), "dot" (a wire divides), "lag" (a
            time step passes) or "text".
        text: what is written in it; for z and h the activation function is written instead.
        needs: it is there if the variant has one of these wires.
    """

    name: str
    at: Point
    shape: str
    text: str
    needs: tuple[str, ...]


class Wire(NamedTuple):
    """A wire, in the direction of the forward pass.

    Attributes:
        name: as in trace.py.
        path: its corners.
        label: where its value is printed, and which side of the text stands there: "left", "center" or "right".
            None where the value is not printed.
        arrow: whether it ends in an arrow head.
        bridge: whether it cuts the wires that it crosses, so that crossing does not look like joining.
    """

    name: str
    path: tuple[Point, ...]
    label: tuple[float, float, str] | None = None
    arrow: bool = True
    bridge: bool = False


class Layout(NamedTuple):
    """A diagram: its size, and its parts in the order in which they are drawn. `frame` is the outline of the block."""

    width: float
    height: float
    frame: tuple[float, float, float, float]
    wires: tuple[Wire, ...]
    nodes: tuple[Node, ...]


class Event(NamedTuple):
    """Equations that are computed together, and the wires along which their results travel."""

    equations: tuple[int, ...]
    wires: tuple[str, ...]


def _to_blocks(sources: str) -> tuple[str, ...]:
    return tuple(f"{source}-{block}" for source in sources for block in "ifzo")


FORWARD = (
    Event((1, 21), ("x", "y-", "s-", *_to_blocks("xys"))),
    Event((2,), ("z",)),
    Event((3,), ("c-", "c-i", "i", "i+")),
    Event((4,), ("c-", "c-f", "f", "f+", "i>1", "1>f")),
    Event((5,), ("c-", "carry", "cf", "zi", "c")),
    Event((6,), ("c-o", "o", "o+")),
    Event((7,), ("c-h", "h", "y", "y+", "out", "c+")),
)
BACKWARD = (
    Event((8,), ("out", "y+", "y", "o", "o+")),
    Event((9,), ("out", "y+", "y", "h", "c-h", "c-o", "c+", "c")),
    Event((10,), ("cf", "f", "f+", "1>f")),
    Event((11,), ("zi", "i", "i+", "i>1", "1>f", "cf")),
    Event((12, 13), ("zi", "z")),
    Event((14,), ("x", *_to_blocks("x"))),
    Event((15,), ("y-", *_to_blocks("y"))),
    Event((16,), ("cf", "carry", "c-i", "c-f", "c-")),
    Event((22,), ("s-", *_to_blocks("s"))),
    Event((17, 18, 19, 20, 23), ()),
)


def wires_of(variant: str) -> frozenset[str]:
    """The wires that a variant has: those of its values in trace.py."""
    row = VARIANTS[variant]
    always = {"x", "y-", "c-", "carry", "zi", "cf", "c", "c-h", "c+", "h", "y", "y+", "out", *row.blocks}
    feeds = {f"{source}-{block}" for source in "xy" for block in row.blocks}
    peepholes = {f"c-{gate}" for gate in row.gates if row.peepholes}
    coupling = {"i>1", "1>f"} if row.coupled else set()
    recurrence = {"s-", "i+", "f+", "o+", "s-i", "s-f", "s-o"} if row.gate_recurrence else set()
    return frozenset(always | feeds | peepholes | coupling | recurrence)


def events(order: tuple[Event, ...], wires: Collection[str], computed: Collection[int]) -> list[Event]:
    """FORWARD or BACKWARD for a variant: its wires and the equations that it computes, without what it lacks."""
    found = []
    for event in order:
        equations = tuple(number for number in event.equations if number in computed)
        if equations:
            found.append(Event(equations, tuple(wire for wire in event.wires if wire in wires)))
    return found


def equations() -> dict[int, str]:
    """The numbered equations of cells/lstm.py, as printed there, without the remarks behind them."""
    lines = re.findall(r"(?m)^ {4}\((\d+)\) +(.+)$", lstm.__doc__)
    return {int(number): re.split(r" {3,}", text)[0] for number, text in lines}


def remarks(variant: str) -> dict[int, str]:
    """What an equation becomes in a variant, where that is not what is printed."""
    row, found = VARIANTS[variant], {}
    for block, number in (("i", 3), ("f", 4), ("o", 6)):
        if block not in row.blocks:
            found[number] = f"no such gate: {block} = 1"
    if row.coupled:
        found |= {4: "coupled: f = 1 - i", 11: "coupled: z - c₋ for z"}
    if row.input_activation is not TANH:
        found |= {2: "no activation: g(a) = a", 12: "g' = 1"}
    if row.output_activation is not TANH:
        found |= {7: "no activation: h(c) = c", 9: "h' = 1"}
    if row.gate_recurrence:
        found |= dict.fromkeys((8, 10, 11), "in front of σ' joins what the next step's (22) sends")
    if not row.peepholes:
        found |= dict.fromkeys((3, 4, 6, 9, 16), "no peepholes: p = 0")
    return found


def activation_text(row: Variant, node: str) -> str | None:
    """What stands in the node of an activation function; None for any other node."""
    activation = {"z": row.input_activation, "h": row.output_activation}.get(node)
    return None if activation is None else "tanh" if activation is TANH else "id"
