"""The LSTM block as an electronic circuit: states run from left to right, the input comes from below.

Next: odyssey.py
"""

from lstm_lab.figures.block import Layout, Node, Wire

CELL, PRODUCT, OUTPUT, BLOCKS, TAP, COUPLING = 8.0, 5.8, 5.0, 3.2, 4.5, 5.2  # heights of what stands side by side
S, Y, X = 2.15, 1.45, 0.75  # heights of the lines that feed the blocks
COLUMNS = {"f": 4.0, "i": 6.6, "z": 8.9, "o": 12.1}
BEFORE, AFTER, SQUASHED, OUT, END = 2.5, 10.9, 14.4, 15.6, 17.4
EDGE, FOOT = 0.35, BLOCKS - 0.45  # half a product's width, and where a block begins


def _feeds(source: str, height: float, shift: float) -> tuple[Wire, ...]:
    """From a line below the blocks to each of them; the last one is the line's own end."""
    *inner, last = ((f"{source}-{block}", x + shift) for block, x in COLUMNS.items() if (source, block) != ("s", "z"))
    bend = ((last[1] - 0.4, height), (last[1], height), (last[1], FOOT))
    return *(Wire(name, ((x, height), (x, FOOT)), bridge=True) for name, x in inner), Wire(last[0], bend, bridge=True)


WIRES = (
    Wire("c-f", ((BEFORE, CELL), (BEFORE, BLOCKS), (COLUMNS["f"] - 0.65, BLOCKS)), (2.65, 3.95, "left")),
    Wire(
        "c-i",
        ((BEFORE, CELL), (BEFORE, TAP), (5.3, TAP), (5.3, BLOCKS), (COLUMNS["i"] - 0.65, BLOCKS)),
        (5.15, 4.0, "right"),
    ),
    Wire("c-o", ((AFTER, CELL), (AFTER, BLOCKS), (COLUMNS["o"] - 0.65, BLOCKS)), (AFTER + 0.15, 6.6, "left")),
    Wire("s-", ((0, S), (COLUMNS["o"] - 0.4, S)), (0.05, S + 0.33, "left"), arrow=False),
    *_feeds("s", S, 0),
    Wire("y-", ((0, Y), (COLUMNS["o"] - 0.05, Y)), (0.05, Y + 0.3, "left"), arrow=False),
    *_feeds("y", Y, 0.35),
    Wire("x", ((BEFORE, -0.4), (BEFORE, X), (COLUMNS["o"] - 0.75, X)), (BEFORE + 0.2, -0.15, "left"), arrow=False),
    *_feeds("x", X, -0.35),
    Wire("f+", ((4.65, BLOCKS + 0.15), (5.15, BLOCKS + 0.15))),
    Wire("i+", ((7.25, BLOCKS + 0.15), (7.75, BLOCKS + 0.15))),
    Wire("o+", ((12.75, BLOCKS + 0.15), (13.25, BLOCKS + 0.15))),
    Wire("f", ((4.0, BLOCKS + 0.45), (4.0, CELL - EDGE)), (4.3, 6.9, "left"), bridge=True),
    Wire("i>1", ((6.6, COUPLING), (4.0 + EDGE, COUPLING))),
    Wire("1>f", ((4.0, COUPLING + EDGE), (4.0, CELL - EDGE)), (4.3, 6.9, "left")),
    Wire("i", ((6.6, BLOCKS + 0.45), (6.6, PRODUCT), (8.9 - EDGE, PRODUCT)), (7.5, PRODUCT + 0.38, "center")),
    Wire("z", ((8.9, BLOCKS + 0.45), (8.9, PRODUCT - EDGE)), (9.1, 4.6, "left")),
    Wire("zi", ((8.9, PRODUCT + EDGE), (8.9, CELL - EDGE)), (9.1, 6.9, "left")),
    Wire("o", ((12.1, BLOCKS + 0.45), (12.1, OUTPUT), (SQUASHED - EDGE, OUTPUT)), (11.85, OUTPUT + 0.42, "left")),
    Wire("c-h", ((SQUASHED, CELL), (SQUASHED, 7.05)), (SQUASHED - 0.2, 7.45, "right")),
    Wire("h", ((SQUASHED, 6.15), (SQUASHED, OUTPUT + EDGE)), (SQUASHED - 0.2, 5.85, "right")),
    Wire("c-", ((0, CELL), (BEFORE, CELL)), (0.05, CELL + 0.35, "left"), arrow=False),
    Wire("carry", ((BEFORE, CELL), (4.0 - EDGE, CELL))),
    Wire("cf", ((4.0 + EDGE, CELL), (8.9 - EDGE, CELL)), (6.4, CELL + 0.35, "center")),
    Wire("c", ((8.9 + EDGE, CELL), (SQUASHED, CELL)), (12.6, CELL + 0.35, "center"), arrow=False),
    Wire("c+", ((SQUASHED, CELL), (END, CELL)), (OUT + 0.2, CELL + 0.35, "left")),
    Wire("y", ((SQUASHED, OUTPUT - EDGE), (SQUASHED, Y), (OUT, Y)), (SQUASHED - 0.2, 2.6, "right"), arrow=False),
    Wire("out", ((OUT, Y), (OUT, 9.6)), (OUT + 0.2, 9.3, "left"), bridge=True),
    Wire("y+", ((OUT, Y), (END, Y)), (OUT + 0.2, Y + 0.35, "left")),
)

NODES = (
    Node("f", (4.0, BLOCKS), "box", "σ", ("f",)),
    Node("i", (6.6, BLOCKS), "box", "σ", ("i",)),
    Node("z", (8.9, BLOCKS), "box", "", ("z",)),
    Node("o", (12.1, BLOCKS), "box", "σ", ("o",)),
    Node("h", (SQUASHED, 6.6), "box", "", ("h",)),
    Node("1-", (4.0, COUPLING), "product", "1−", ("1>f",)),
    Node("c- f", (4.0, CELL), "product", "×", ("f", "1>f")),
    Node("z i", (8.9, PRODUCT), "product", "×", ("i",)),
    Node("+", (8.9, CELL), "product", "+", ("c",)),
    Node("h o", (SQUASHED, OUTPUT), "product", "×", ("o",)),
    Node("c- divides", (BEFORE, CELL), "dot", "", ("c-f", "c-i")),
    Node("i divides", (6.6, COUPLING), "dot", "", ("i>1",)),
    Node("c divides", (AFTER, CELL), "dot", "", ("c-o",)),
    Node("c divides again", (SQUASHED, CELL), "dot", "", ("c",)),
    Node("y divides", (OUT, Y), "dot", "", ("y",)),
)

CIRCUIT = Layout(END, 9.9, (1.85, 0.1, 15.1, 8.9), WIRES, NODES)
