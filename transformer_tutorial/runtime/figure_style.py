"""The look of every picture, and how one is written to a file.

Figures are plain `matplotlib.figure.Figure` objects: no pyplot, so no window, no global list of open figures and
no display needed. A notebook shows one as the last line of a cell after `%matplotlib inline`.

Colours: Okabe and Ito 2008, distinguishable with every common kind of colour blindness.
"""

import contextlib
import os
import pathlib

import matplotlib
from matplotlib.figure import Figure

from transformer_tutorial.runtime.errors import Failure, UsageError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Blue, vermilion, green, purple, orange, sky, black: in the order in which curves get them."""

SEQUENTIAL = "Blues"
"""Colour map for values from nothing (white) to much (dark)."""

DIVERGING = "RdBu_r"
"""Colour map for values on both sides of zero (white)."""

DOTS_PER_INCH = 150

_STYLE = {
    # DejaVu Sans comes with matplotlib and has the accents, the arrows and SentencePiece's "▁".
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.framealpha": 1,
    "figure.titlesize": 11,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.5,
}

# Without dates, versions and random identifiers the same picture is the same bytes.
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def drawing_style() -> contextlib.AbstractContextManager:
    """The style as a context, or as a decorator of a function that draws; matplotlib's settings come back after it."""
    return matplotlib.rc_context(_STYLE)


def new_figure(width: float, height: float, *, layout: str | None = "constrained") -> Figure:
    """An empty figure of `width` x `height` inches.

    Args:
        layout: matplotlib's layout engine; None leaves every panel where the caller puts it.
    """
    return Figure(figsize=(width, height), layout=layout)


def save_figure(figure: Figure, path: str | os.PathLike) -> pathlib.Path:
    """Writes `figure` to `path` in the format of its ending (.png, .svg or .pdf) and returns the path.

    Makes the folder if needed. The file appears complete or not at all. The same picture gives the same bytes.

    Raises:
        UsageError: another ending.
        Failure: the file cannot be written.
    """
    path = pathlib.Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in _METADATA:
        known = ", ".join(f".{name}" for name in _METADATA)
        raise UsageError(f"a picture's file name must end in one of {known}, got {str(path)!r}.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The style again: matplotlib makes some ticks only while it draws.
        with matplotlib.rc_context({**_STYLE, "svg.hashsalt": "transformer_tutorial"}):
            figure.savefig(
                unfinished, format=ending, dpi=DOTS_PER_INCH, bbox_inches="tight", metadata=_METADATA[ending]
            )
        unfinished.replace(path)
    except OSError as error:
        raise Failure(f"The picture cannot be written to {path}: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return path
