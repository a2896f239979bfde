"""The LSTM block with the values of one time step in it, as a circuit or as in "A Search Space Odyssey".

A gate's wire is a pipe, as full as the gate is open:

    (1)  width = 7 points × gate

Next: backward.py
"""

from matplotlib.figure import Figure

from lstm_lab.config import VARIANTS
from lstm_lab.figures.block import GATE_WIRES, PEEPHOLES, SYMBOLS, Layout, wires_of
from lstm_lab.figures.circuit import CIRCUIT
from lstm_lab.figures.drawing import CASING, GATE, INK, OPEN, PEEPHOLE, RECURRENCE, THIN, Stroke, draw_block
from lstm_lab.figures.odyssey import ODYSSEY
from lstm_lab.trace import StepTrace
from transformer_tutorial.runtime.figure_style import drawing_style

RECURRENT = wires_of("FGR") - wires_of("V")
GATES_BEFORE = "i₋ f₋ o₋"
LAYOUTS = {"circuit": CIRCUIT, "odyssey": ODYSSEY}


@drawing_style()
def draw_step(layout: Layout, variant: str, step: StepTrace, unit: int, where: str) -> Figure:
    """A diagram of one unit at one time step of a run.

    Args:
        variant: as in lstm_lab.config.VARIANTS; what it lacks is pale.
        step: one of what `lstm_lab.trace.trace` returns for that variant.
        unit: which one, counted from 0.
        where: which step and unit this is, in words, for the caption.
    """
    strokes = {wire: forward_stroke(wire, one(value, unit)) for wire, value in step.values.items()}
    return draw_block(layout, variant, strokes, f"{variant} – {VARIANTS[variant]}", where, _legend(variant))


def forward_stroke(wire: str, value: float) -> Stroke:
    """The stroke of a wire that carries `value`."""
    label = f"{SYMBOLS[wire]} = {signed(value)}" if wire in SYMBOLS else GATES_BEFORE if wire == "s-" else None
    if wire in GATE_WIRES:
        return Stroke(OPEN * value, GATE, label, (OPEN, CASING))  # (1)
    return Stroke(THIN, PEEPHOLE if wire in PEEPHOLES else RECURRENCE if wire in RECURRENT else INK, label)


def _legend(variant: str) -> list[tuple[Stroke, str]]:
    peephole = [(Stroke(THIN, PEEPHOLE), "peephole")] if any(wire in wires_of(variant) for wire in PEEPHOLES) else []
    before = [(Stroke(THIN, RECURRENCE), "from gate to gate")] if "s-" in wires_of(variant) else []
    return [(Stroke(OPEN / 2, GATE, casing=(OPEN, CASING)), "a gate, half open"), *peephole, *before]


def signed(value: float) -> str:
    """Two decimals, with a real minus."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def one(value, unit: int) -> float:
    """The unit's entry of what a wire carries; of an input that has fewer entries, the first."""
    return float(value[unit] if unit < len(value) else value[0])
