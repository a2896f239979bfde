"""The cliff in the loss of the one-unit RNN, and gradient descent on it with and without clipping.

Above stands the surface E(w, b) of clipping.py; below it two maps of the same surface with the descents of ../cliff.py,
every update at its true length. From the first start clipping helps; from the second it does not. The grid follows the
cliff: its rows are lines at one share of the way

    (1)  b = line(w) + s (edge - line(w))        0 < s ≤ 1, for the edge below and for the edge above

which crowd towards s = 0, because no grid of even steps shows a wall whose slope is above 1e6.

Source: Pascanu, Mikolov & Bengio 2013, figure 6.
Next: ../plot.py
"""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from lstm_lab import clipping
from lstm_lab.cliff import STARTS, Paths, descend
from lstm_lab.figures.drawing import INK, PAGE_WIDTH
from transformer_tutorial.runtime.figure_style import COLOURS, SEQUENTIAL, drawing_style, new_figure

UPDATES, THRESHOLD, CLIPPED = 200, 0.5, "global_clipnorm"
COLUMNS, ROWS, NEAREST, LEVELS = 81, 60, 1e-10, np.linspace(0, 0.5, 21)
LOOKS = {"none": (COLOURS[1], 2.6, "without clipping"), CLIPPED: (COLOURS[6], 0.9, f"{CLIPPED}={THRESHOLD:g}")}
SHADES = ListedColormap(colormaps[SEQUENTIAL](np.linspace(0, 0.7, 256)))  # paler, so that paths stand out

EXPLANATION = (
    "E = (σ(x[50]) − 0.7)², where x[t] = w σ(x[t−1]) + b and x[0] = 0.5. On the cliff, at w = 6, the gradient's norm\n"
    "is above 1e6. Paths beside it are chaotic: from a start 1e-9 away another end may be reached. Ends are counted\n"
    "over many starts by “python -m lstm_lab clip”."
)


class Map(NamedTuple):
    """One map: which descent it shows, and the part of the surface around it."""

    start: tuple[float, float, float]
    w_limits: tuple[float, float]
    b_limits: tuple[float, float]
    title: str


MAPS = (
    Map(STARTS[0], (3.85, 6.25), (-3.6, 0.7), "Clipping keeps the descent in the valley"),
    Map(STARTS[2], (4.8, 6.0), (-3.4, -1.4), "From here clipping does not help"),
)


class Surface(NamedTuple):
    """Points of the loss surface, each part (2 ROWS, COLUMNS): rows go from the lower edge in b to the upper."""

    w: np.ndarray
    b: np.ndarray
    loss: np.ndarray


def surface(w_limits: tuple[float, float], b_limits: tuple[float, float]) -> Surface:
    """E on a grid that follows the cliff; the cliff's line lies between its two middle rows.

    Args:
        w_limits: lowest and highest w.
        b_limits: lowest and highest b; the line stays between them.
    """
    w = np.linspace(*w_limits, COLUMNS)
    line, shares = clipping.cliff_line(w), np.geomspace(NEAREST, 1, ROWS)[:, None]
    below, above = (line + shares * (edge - line) for edge in b_limits)  # (1)
    b = np.concatenate([below[::-1], above])
    w = np.broadcast_to(w, b.shape)
    return Surface(w, b, clipping.loss_and_gradient(w, b)[0])


def paths_from(start: tuple[float, float, float]) -> dict[str, Paths]:
    """The descents from one start (w, b, learning rate), without clipping and with it."""
    w, b, rate = start
    return {name: descend(np.array([w]), np.array([b]), rate, UPDATES, name, THRESHOLD) for name in LOOKS}


@drawing_style()
def draw_cliff() -> Figure:
    """The surface, and the two maps below it."""
    figure = new_figure(PAGE_WIDTH, 9.0, layout=None)
    figure.text(0.03, 0.975, "The cliff in the loss of a one-unit RNN", weight="bold", fontsize=11, va="center")
    figure.text(0.03, 0.955, EXPLANATION, fontsize=8.5, va="top", linespacing=1.4)
    _draw_surface(figure.add_axes((0.1, 0.475, 0.8, 0.44), projection="3d", computed_zorder=False))
    for place, left in zip(MAPS, (0.085, 0.585), strict=True):
        _draw_map(figure.add_axes((left, 0.1, 0.385, 0.32)), place)
    return figure


def _draw_surface(axes: Axes3D) -> None:
    """The surface seen from the low side of the cliff."""
    part = surface((3.85, 6.25), (-3.6, 0.4))
    colours = SHADES(part.loss / LEVELS[-1])
    axes.plot_surface(*part, rstride=1, cstride=2, facecolors=colours, shade=False, lw=0.2, edgecolor="#7F9DB8")
    axes.view_init(elev=28, azim=42)
    axes.set_box_aspect((1.3, 1.5, 0.8), zoom=1.1)
    axes.set(xlabel="w", ylabel="b", zlabel="E", zlim=(0, 0.5), gid="surface")


def _draw_map(axes: Axes, place: Map) -> None:
    """The surface from above, with the descents and where they start and end."""
    w, b, rate = place.start
    axes.contourf(*surface(place.w_limits, place.b_limits), LEVELS, cmap=SHADES)
    for name, paths in paths_from(place.start).items():
        colour, width, words = LOOKS[name]
        label = f"{words}, ends with E = {paths.losses[-1, 0]:.4f}"
        axes.plot(paths.w[:, 0], paths.b[:, 0], color=colour, lw=width, label=label, gid=f"path {name}")
        end = {"ms": 8, "mfc": colour, "mec": "white", "zorder": 4, "gid": f"end {name}"}
        axes.plot(paths.w[-1:, 0], paths.b[-1:, 0], "s", **end)
    axes.plot([w], [b], "o", ms=8, mfc="white", mec=INK, zorder=4, gid="start")
    axes.annotate("start", (w, b), (0, 9), textcoords="offset points", ha="center", fontsize=8)
    axes.set(xlim=place.w_limits, ylim=place.b_limits, xlabel="w", ylabel="b")
    axes.set_title(f"{place.title}\nstart ({w:g}, {b:g}), learning rate {rate:g}".replace("-", "−"))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    axes.grid(False)
