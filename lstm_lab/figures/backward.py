"""The backward pass through the LSTM block: purple arrows, equation by equation, from the last time step to the first.

An arrow's width says how much flows back along a wire, compared with the largest delta of the whole run:

    (1)  width = 7 points × |δ| / max |δ|

so that a gradient that vanishes can be seen to do so.

Next: unfolded.py
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from lstm_lab.figures.block import BACKWARD, Event, Layout, equations, events, remarks
from lstm_lab.figures.drawing import OPEN, THIN, Stroke, draw_block
from lstm_lab.figures.lstm import one
from lstm_lab.trace import StepTrace
from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.runtime.figure_style import drawing_style

NEW, EARLIER, QUIET = "#6A1B9A", "#A583C0", "#B9B9B9"
LEGEND = [(Stroke(OPEN / 2, NEW), "half the run's largest delta"), (Stroke(THIN, QUIET), "not reached yet")]
ALL_SHOWN = "Each number is the loss's derivative along a wire; the arrow is as wide as it is large."
SCALAR = (8, 9, 10, 11, 12, 15, 16)  # equations with one number a unit
MILLISECONDS, LAST_MILLISECONDS, COLOURS_KEPT, GIF_DOTS_PER_INCH = 1200, 4000, 64, 100


def largest_delta(steps: Sequence[StepTrace], unit: int) -> float:
    """The largest |δ| on any wire at any time; 1 where everything is zero."""
    return max(abs(one(delta, unit)) for step in steps for delta in step.deltas.values()) or 1.0


def backward_events(step: StepTrace) -> list[Event]:
    """The equations of one step's backward pass that send something along a wire, in their order."""
    return [event for event in events(BACKWARD, step.values, step.results) if event.wires]


@drawing_style()
def draw_backward(
    layout: Layout, variant: str, steps: Sequence[StepTrace], t: int, unit: int, shown: int | None = None
) -> Figure:
    """The deltas of one unit at one time step.

    Args:
        steps: what `lstm_lab.trace.trace` returns for the variant.
        t: which of them, counted from 0.
        unit: which unit, counted from 0.
        shown: how many of `backward_events` have happened, at least 1; None means all of them, in one colour.
    """
    step, largest = steps[t], largest_delta(steps, unit)
    happened = backward_events(step)[:shown]
    newest = happened[-1].wires
    strokes = {wire: Stroke(THIN, QUIET) for wire in step.values}
    for wire in (wire for event in happened for wire in event.wires):
        delta = one(step.deltas[wire], unit)
        width = OPEN * abs(delta) / largest  # (1)
        colour = NEW if wire in newest or shown is None else EARLIER
        strokes[wire] = Stroke(width, colour, short(delta), (max(THIN, width), colour), backwards=True)
    title = f"{variant} – backwards through step {t + 1} of {len(steps)}"
    caption = ALL_SHOWN if shown is None else _caption(variant, step, happened[-1], unit)
    return draw_block(layout, variant, strokes, title, caption, LEGEND[:1] if shown is None else LEGEND)


def frames(layout: Layout, variant: str, steps: Sequence[StepTrace], unit: int) -> Iterator[Figure]:
    """One picture for each group of equations, from the last time step to the first."""
    for t in reversed(range(len(steps))):
        for shown in range(1, len(backward_events(steps[t])) + 1):
            yield draw_backward(layout, variant, steps, t, unit, shown)


def save_animation(figures: Iterator[Figure], path: str | os.PathLike) -> pathlib.Path:
    """Writes figures of one size as an animated GIF, complete or not at all.

    Raises:
        Failure: the file cannot be written.
    """
    path = pathlib.Path(path)
    first, *others = [_image(figure) for figure in figures]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    durations = [MILLISECONDS] * len(others) + [LAST_MILLISECONDS]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        first.save(unfinished, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
        unfinished.replace(path)
    except OSError as error:
        raise Failure(f"The animation cannot be written to {path}: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return path


def _image(figure: Figure) -> Image.Image:
    figure.set_dpi(GIF_DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(COLOURS_KEPT, dither=Image.Dither.NONE)


def short(value: float) -> str:
    """At most six characters, with a real minus."""
    size = abs(value)
    text = f"{value:.2f}" if size >= 0.1 else f"{value:.3f}" if size >= 0.0005 else f"{value:.0e}" if value else "0"
    return text.replace("-", "−")


def _caption(variant: str, step: StepTrace, event: Event, unit: int) -> str:
    """An event's equations, one a line, with the result where it is a number of the unit, and the variant's remark."""
    printed, changed = equations(), remarks(variant)
    lines = []
    for number in event.equations:
        results = [array for array in step.results[number].values() if array.ndim == 1]
        value = f" = {short(one(results[0], unit))}" if len(results) == 1 and number in SCALAR else ""
        lines.append(f"({number})  {printed[number]}{value}" + (f"     {changed[number]}" if number in changed else ""))
    return "\n".join(lines)
