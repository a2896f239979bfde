"""Draws a layout: nodes and wires as matplotlib patches. What flows in the wires is the caller's, as strokes.

Next: lstm.py
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from lstm_lab.cells.lstm_variants import VARIANTS, Variant
from lstm_lab.figures.block import SIZES, Layout, Node, Point, Wire, activation_text, wires_of
from transformer_tutorial.runtime.figure_style import COLOURS, new_figure

PAGE_WIDTH, MARGIN = 8.0, 0.35  # inches; units
INK, PALE, PAPER, FRAME = "#333333", "#C9C9C9", "#FFFFFF", "#F6F6F3"
GATE, CASING, PEEPHOLE, RECURRENCE = "#E08A00", "#F8E2BA", COLOURS[2], COLOURS[0]
FILLS = {"σ": "#FDE7C2", "tanh": "#D6EAF8", "id": "#FFFFFF", "c": "#DDF1E7"}
THIN, OPEN = 1.1, 7.0  # points: an ordinary wire, and the wire of an open gate
ROUNDING, HEAD = 0.35, 0.3  # units


class Stroke(NamedTuple):
    """How a wire is drawn.

    Attributes:
        width: of the line, in points.
        colour: of the line and its arrow head.
        label: printed beside the wire, where it has a place for that.
        casing: width in points and colour of a wider line behind it, or None.
        backwards: whether the arrow points against the forward pass.
    """

    width: float
    colour: str
    label: str | None = None
    casing: tuple[float, str] | None = None
    backwards: bool = False


def empty_page(width: float, height: float) -> Axes:
    """Axes whose unit is the same length both ways, on a figure as wide as a page."""
    inches = PAGE_WIDTH / (width + 2 * MARGIN)
    axes = new_figure(PAGE_WIDTH, height * inches, layout=None).add_axes((0, 0, 1, 1))
    axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(0, height), aspect="equal")
    axes.set_axis_off()
    return axes


def draw_block(
    layout: Layout,
    variant: str,
    strokes: Mapping[str, Stroke],
    title: str,
    caption: str,
    legend: Sequence[tuple[Stroke, str]],
) -> Figure:
    """A diagram of a variant; what only the vanilla LSTM has is pale. A wire without a stroke is thin.

    Args:
        strokes: by name of wire.
        title: printed above, in bold.
        caption: printed below the title; may have two lines.
        legend: up to three strokes and what they mean, printed below the diagram.
    """
    axes = empty_page(layout.width, layout.height + 2.6)
    axes.set_ylim(-1.1, layout.height + 1.5)
    row, here = VARIANTS[variant], wires_of(variant)
    left, bottom, right, top = layout.frame
    style = "round,pad=0,rounding_size=0.5"
    axes.add_patch(
        FancyBboxPatch((left, bottom), right - left, top - bottom, style, fc=FRAME, ec=PALE, lw=0.8, zorder=0)
    )
    axes.text(0, layout.height + 1.2, title, weight="bold", fontsize=11, va="center")
    axes.text(0, layout.height + 0.8, caption, fontsize=8.5, va="top", color=INK, linespacing=1.4)
    for order, wire in enumerate(layout.wires):
        stroke = stroke_of(wire.name, here, strokes)
        draw_wire(axes, wire, stroke, zorder=1 + order / 100 if wire.name in here else 0.5)
    for node in layout.nodes:
        draw_node(axes, node, row, here)
    lacking = [(Stroke(THIN, PALE), f"not in {variant}")] if changes_anything(variant) else []
    draw_legend(axes, layout, [*legend, *lacking])
    return axes.figure


def changes_anything(variant: str) -> bool:
    """Whether a wire of the vanilla LSTM is missing."""
    return bool(wires_of("V") - wires_of(variant))


def draw_legend(axes: Axes, layout: Layout, samples: Sequence[tuple[Stroke, str]]) -> None:
    """One line below the diagram."""
    for (stroke, text), x in zip(samples, (0.0, 5.1, 8.9), strict=False):
        draw_wire(axes, Wire("sample", ((x, -0.7), (x + 1, -0.7)), arrow=False), stroke, zorder=1)
        axes.text(x + 1.2, -0.7, text, fontsize=8, va="center", color=INK)
    if any(node.shape == "lag" for node in layout.nodes):
        draw_node(axes, Node("sample", (13.3, -0.7), "lag", "", ("c",)), VARIANTS["V"], {"c"})
        axes.text(13.7, -0.7, "one time step passes", fontsize=8, va="center", color=INK)


def stroke_of(wire: str, here: Collection[str], strokes: Mapping[str, Stroke]) -> Stroke | None:
    """The stroke of a wire: the given one, a thin one, a pale one for what only V has, or None."""
    if wire in here:
        return strokes.get(wire, Stroke(THIN, INK))
    return Stroke(THIN, PALE) if wire in wires_of("V") else None


def draw_wire(axes: Axes, wire: Wire, stroke: Stroke | None, zorder: float) -> None:
    """A wire with round corners, its arrow head and its label."""
    if stroke is None:
        return
    points = wire.path[::-1] if stroke.backwards else wire.path
    width, colour = stroke.casing or (stroke.width, stroke.colour)
    arrow = wire.arrow or stroke.backwards
    line = rounded(shortened(points, HEAD * 0.6) if arrow else points)
    common = {"fill": False, "capstyle": "butt", "joinstyle": "round", "zorder": zorder}
    if wire.bridge and stroke.colour != PALE:
        inner = shortened(shortened(points, HEAD)[::-1], HEAD)
        axes.add_patch(PathPatch(rounded(inner), lw=width + 3, ec=FRAME, **common))
    if stroke.casing:
        axes.add_patch(PathPatch(line, lw=width, ec=colour, **common))
    dashes = (0, (3, 2)) if stroke.colour == PALE else "solid"
    axes.add_patch(PathPatch(line, lw=stroke.width, ec=stroke.colour, ls=dashes, gid=f"wire {wire.name}", **common))
    if arrow:
        half = max(0.11, width / 72 * (axes.viewLim.width / PAGE_WIDTH) * 0.9)
        axes.add_patch(Polygon(arrow_head(points, half), fc=stroke.colour, ec="none", zorder=zorder))
    if stroke.label and wire.label:
        x, y, side = wire.label
        axes.text(x, y, stroke.label, ha=side, va="center", fontsize=8, zorder=5, color=_readable(stroke.colour))


def draw_node(axes: Axes, node: Node, row: Variant, here: Collection[str]) -> None:
    """A node, pale if only the vanilla LSTM has it."""
    there = any(wire in here for wire in node.needs)
    if not there and (node.shape == "dot" or not any(wire in wires_of("V") for wire in node.needs)):
        return
    colour, (width, height), (x, y) = INK if there else PALE, SIZES[node.shape], node.at
    text = activation_text(row, node.name) or node.text
    fill = FILLS.get(text, PAPER) if there else PAPER
    look = {"fc": fill, "ec": colour, "lw": 1.1, "zorder": 4, "ls": "solid" if there else (0, (3, 2))}
    look["gid"] = f"node {node.name}"
    if node.shape == "box":
        corner = (x - width / 2, y - height / 2)
        axes.add_patch(FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=0.15", **look))
    elif node.shape == "lag":
        axes.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, **look | {"fc": colour}))
    elif node.shape == "dot":
        axes.add_patch(Circle(node.at, width / 2, **look | {"fc": colour}))
    elif node.shape != "text":
        axes.add_patch(Circle(node.at, width / 2, **look))
    size = {"text": 8.5, "product": 10}.get(node.shape, 9.5)
    gid = None if node.shape == "text" else f"node {node.name}"
    axes.text(x, y, text, ha="center", va="center_baseline", fontsize=size, color=colour, zorder=6, gid=gid)


def rounded(points: tuple[Point, ...]) -> Path:
    """A path through the points, with round corners."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        vertices += [_towards(corner, before, ROUNDING), corner, _towards(corner, after, ROUNDING)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def shortened(points: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    """The same path, ending earlier."""
    return (*points[:-1], _towards(points[-1], points[-2], by))


def arrow_head(points: tuple[Point, ...], half_width: float) -> list[Point]:
    """A triangle whose tip is the end of the path."""
    (x, y), (foot_x, foot_y) = points[-1], _towards(points[-1], points[-2], HEAD)
    across_x, across_y = (y - foot_y) / HEAD * half_width, (foot_x - x) / HEAD * half_width
    return [(x, y), (foot_x + across_x, foot_y + across_y), (foot_x - across_x, foot_y - across_y)]


def _towards(start: Point, goal: Point, distance: float) -> Point:
    """The point `distance` from start on the way to goal, half way at most."""
    (x, y), (goal_x, goal_y) = start, goal
    length = max(((goal_x - x) ** 2 + (goal_y - y) ** 2) ** 0.5, 1e-9)
    share = min(distance / length, 0.5)
    return x + (goal_x - x) * share, y + (goal_y - y) * share


def _readable(colour: str) -> str:
    """A darker orange for text; the other colours are dark enough."""
    return "#9A5B00" if colour == GATE else colour
