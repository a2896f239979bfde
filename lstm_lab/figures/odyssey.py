"""The LSTM block in the manner of "LSTM: A Search Space Odyssey": data runs upwards through the middle.

The loop at the right of the cell is the constant error carousel. A square on a wire means that one time step passes.

Source: Greff et al. 2017, figure 1.
Next: drawing.py
"""

from lstm_lab.figures.block import Layout, Node, Point, Wire

MIDDLE, RIGHT, FORGET, LEFT = 8.0, 11.3, 14.0, 3.9
INPUT, GATED, CELL, LOOP, SQUASH, OUTPUT = 2.5, 4.8, 7.5, 8.9, 10.1, 12.2
RADIUS, EDGE, CELL_RADIUS = 0.55, 0.35, 0.8


def _feed(source: str, block: str, start: Point, end: Point) -> tuple[Wire, Node]:
    """A short wire into a block, and the name of its source at its foot."""
    foot = (start[0] + (start[0] - end[0]) * 0.22, start[1] + (start[1] - end[1]) * 0.22)
    name = f"{source}-{block}"
    text = source if source == "x" else f"{source}₋"
    return Wire(name, (start, end)), Node(f"source of {name}", foot, "text", text, (name,))


FEEDS = (
    _feed("x", "z", (6.75, 1.15), (7.6, 2.08)),
    _feed("y", "z", (9.25, 1.15), (8.4, 2.08)),
    _feed("x", "i", (2.35, 5.6), (3.4, 5.06)),
    _feed("y", "i", (2.35, 4.0), (3.4, 4.54)),
    _feed("s", "i", (2.15, GATED), (LEFT - RADIUS, GATED)),
    _feed("x", "o", (2.35, 13.0), (3.4, 12.46)),
    _feed("y", "o", (2.35, 11.4), (3.4, 11.94)),
    _feed("s", "o", (2.15, OUTPUT), (LEFT - RADIUS, OUTPUT)),
    _feed("x", "f", (15.55, 8.3), (14.5, 7.76)),
    _feed("y", "f", (15.55, 6.7), (14.5, 7.24)),
    _feed("s", "f", (15.75, CELL), (FORGET + RADIUS, CELL)),
)

WIRES = (
    *(wire for wire, _ in FEEDS),
    Wire("c-i", ((MIDDLE - 0.8, CELL), (LEFT, CELL), (LEFT, GATED + RADIUS))),
    Wire("c-f", ((RIGHT, LOOP), (FORGET, LOOP), (FORGET, CELL + RADIUS))),
    Wire("c-o", ((7.45, CELL + 0.58), (7.45, LOOP), (LEFT, LOOP), (LEFT, OUTPUT - RADIUS))),
    Wire("i+", ((4.3, GATED - 0.38), (4.85, GATED - 0.9))),
    Wire("f+", ((13.6, CELL + 0.38), (13.1, CELL + 0.9))),
    Wire("o+", ((4.3, OUTPUT + 0.38), (4.85, OUTPUT + 0.9))),
    Wire("i>1", ((5.4, GATED), (5.4, 3.65), (RIGHT, 3.65), (RIGHT, 5.0))),
    Wire("1>f", ((RIGHT, 5.7), (RIGHT, CELL - EDGE)), (RIGHT + 0.25, 6.4, "left")),
    Wire("z", ((MIDDLE, INPUT + RADIUS), (MIDDLE, GATED - EDGE)), (8.2, 4.05, "left"), bridge=True),
    Wire("i", ((LEFT + RADIUS, GATED), (MIDDLE - EDGE, GATED)), (6.5, GATED + 0.4, "center")),
    Wire("zi", ((MIDDLE, GATED + EDGE), (MIDDLE, CELL - CELL_RADIUS)), (8.2, 5.85, "left")),
    Wire("f", ((FORGET - RADIUS, CELL), (RIGHT + EDGE, CELL)), (12.6, CELL - 0.42, "center")),
    Wire("cf", ((RIGHT - EDGE, CELL), (MIDDLE + CELL_RADIUS, CELL)), (9.88, CELL - 0.42, "center")),
    Wire("c+", ((8.55, CELL + 0.58), (8.55, LOOP), (9.75, LOOP)), arrow=False),
    Wire("carry", ((9.75, LOOP), (RIGHT, LOOP), (RIGHT, CELL + EDGE)), (9.95, LOOP + 0.42, "left")),
    Wire("c-h", ((MIDDLE, CELL + CELL_RADIUS), (MIDDLE, SQUASH - RADIUS))),
    Wire("h", ((MIDDLE, SQUASH + RADIUS), (MIDDLE, OUTPUT - EDGE)), (8.2, 11.25, "left")),
    Wire("o", ((LEFT + RADIUS, OUTPUT), (MIDDLE - EDGE, OUTPUT)), (6.2, OUTPUT + 0.4, "center")),
    Wire("y", ((MIDDLE, OUTPUT + EDGE), (MIDDLE, 13.4)), arrow=False),
    Wire("y+", ((MIDDLE, 13.4), (12.2, 13.4))),
    Wire("out", ((MIDDLE, 13.4), (MIDDLE, 14.5)), (8.2, 14.2, "left")),
)

NODES = (
    *(node for _, node in FEEDS),
    Node("z", (MIDDLE, INPUT), "gate", "", ("z",)),
    Node("i", (LEFT, GATED), "gate", "σ", ("i",)),
    Node("z i", (MIDDLE, GATED), "product", "×", ("i",)),
    Node("c", (MIDDLE, CELL), "cell", "c", ("c",)),
    Node("f", (FORGET, CELL), "gate", "σ", ("f",)),
    Node("c- f", (RIGHT, CELL), "product", "×", ("f", "1>f")),
    Node("1-", (RIGHT, 5.35), "product", "1−", ("1>f",)),
    Node("h", (MIDDLE, SQUASH), "gate", "", ("h",)),
    Node("o", (LEFT, OUTPUT), "gate", "σ", ("o",)),
    Node("h o", (MIDDLE, OUTPUT), "product", "×", ("o",)),
    Node("c divides", (RIGHT, LOOP), "dot", "", ("c-f",)),
    Node("y divides", (MIDDLE, 13.4), "dot", "", ("y",)),
    Node("i divides", (5.4, GATED), "dot", "", ("i>1",)),
    Node("time passes in the loop", (9.75, LOOP), "lag", "", ("carry",)),
    Node("time passes to i", (5.6, CELL), "lag", "", ("c-i",)),
    Node("block input", (MIDDLE + 1.7, INPUT), "text", "block input", ("z",)),
    Node("input gate", (LEFT, GATED - 1.15), "text", "input gate", ("i",)),
    Node("output gate", (LEFT, OUTPUT + 1.15), "text", "output gate", ("o",)),
    Node("forget gate", (FORGET - 0.1, CELL - 0.95), "text", "forget gate", ("f",)),
    Node("next step", (13.1, 13.4), "text", "next step", ("y+",)),
)

ODYSSEY = Layout(17.4, 14.8, (1.0, 0.5, 16.6, 13.9), WIRES, NODES)
