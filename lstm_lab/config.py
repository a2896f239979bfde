"""Names, defaults and flags of the lab. Imports no TensorFlow."""

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import tyro

from transformer_tutorial.runtime.command_line import Options, known
from transformer_tutorial.runtime.errors import UsageError

CELLS = {"dense": "three-layer network", "rnn": "simple RNN", "lstm": "LSTM and its variants"}

VARIANTS = {
    "V": "vanilla: three gates and peepholes",
    "NIG": "no input gate",
    "NFG": "no forget gate",
    "NOG": "no output gate",
    "NIAF": "no input activation function",
    "NOAF": "no output activation function",
    "NP": "no peepholes",
    "CIFG": "coupled input and forget gate",
    "FGR": "full gate recurrence",
}
"""The LSTM of "A Search Space Odyssey" and its eight variants; cells/lstm_variants.py says what each changes."""

WITHOUT_OUTPUT_PEEPHOLE = ("NOG", "NP")

ERROR_FLOWS = ("full", "no_peephole_error", "truncated")

DTYPES = ("float64", "float32")

PICTURES = ("unfolded", "circuit", "odyssey", "backward", "cliff")

DIAGRAMS = ("circuit", "odyssey")

PLOTTED_UNITS = 3

PLOTTED_STEPS = {"unfolded": 5, "circuit": 6, "odyssey": 6, "backward": 3}

MOST_STEPS = {"unfolded": 6, "circuit": 1000, "odyssey": 1000, "backward": 12}


def refuse_variants_without_lstm(variants: tuple[str, ...], cells: tuple[str, ...]) -> None:
    """Raises UsageError where LSTM variants are named beside cells that do not include the LSTM."""
    if variants and cells and "lstm" not in cells:
        raise UsageError(f"--variant names LSTM variants, got --cell {' '.join(cells)}. Leave one of them out.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GradcheckOptions(Options):
    """Compares every backward pass written by hand with three other ways to the same derivative.

    One row per cell, variant and tensor: by hand against tf.GradientTape, against the complex step and against central
    differences of an independent NumPy forward pass; the worst of all lengths and seeds counts. Exit code 1 if a row
    is over a limit.
    """

    cell: tuple[str, ...] = ()
    """Which cells: dense, rnn, lstm. All when neither this nor --variant is given."""

    variant: tuple[str, ...] = ()
    """Which LSTM variants: V NIG NFG NOG NIAF NOAF NP CIFG FGR. All when none is named."""

    lengths: tuple[int, ...] = (1, 4, 8)
    """Sequence lengths in time steps, each at least 1."""

    seeds: tuple[int, ...] = (0, 1)
    """Seeds of the random weights and data, each at least 0."""

    error_flow: str = "full"
    """full, or the truncated LSTM gradients of the early literature: no_peephole_error, truncated. The tape cuts the
    same edges; the differences do not, and show how far the truncated gradient is from the full one."""

    po_prev: bool = False
    """Let the output gate see the previous cell instead of the new one, in the variants that have this peephole."""

    dtype: str = "float64"
    """float64 or float32, the precision of the backward pass by hand and of the tape."""

    json: bool = False
    """Print the rows as a JSON list instead of a table."""

    trace: Path | None = None
    """Also write a page (.html) on which the LSTM is stepped through: all values and deltas of the named variants, for
    the first seed and the greatest length. It needs nothing but a browser."""

    def __post_init__(self):
        for cell in self.cell:
            known(cell, CELLS, "cell")
        for variant in self.variant:
            known(variant, VARIANTS, "variant")
        refuse_variants_without_lstm(self.variant, self.cell)
        known(self.error_flow, ERROR_FLOWS, "error flow")
        self._check_po_prev()
        if self.dtype in ("float16", "bfloat16"):
            raise UsageError(
                f"gradcheck cannot run in {self.dtype}: it rounds by 5e-4 or more, and real errors in a backward pass "
                "change a gradient by as little as 3e-5. Use float64."
            )
        known(self.dtype, DTYPES, "dtype")
        if not self.lengths or min(self.lengths) < 1:
            raise UsageError(f"--lengths must be 1 or more, got {' '.join(map(str, self.lengths)) or 'none'}.")
        if not self.seeds or min(self.seeds) < 0:
            raise UsageError(f"--seeds must be 0 or more, got {' '.join(map(str, self.seeds)) or 'none'}.")
        if self.trace and self.trace.suffix.lower() != ".html":
            raise UsageError(f"--trace writes a page, whose name must end in .html, got {str(self.trace)!r}.")
        if self.trace and "lstm" not in self.cells:
            raise UsageError(
                f"--trace shows the LSTM, got --cell {' '.join(self.cell)}. Add lstm, or leave --trace out."
            )

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells to check: those named, else the LSTM if variants are named, else all."""
        return self.cell or (("lstm",) if self.variant or self.po_prev else tuple(CELLS))

    @property
    def variants(self) -> tuple[str, ...]:
        """The LSTM variants to check."""
        absent = WITHOUT_OUTPUT_PEEPHOLE if self.po_prev else ()
        return self.variant or tuple(name for name in VARIANTS if name not in absent)

    def _check_po_prev(self) -> None:
        without = [name for name in self.variant if name in WITHOUT_OUTPUT_PEEPHOLE]
        if self.po_prev and without:
            raise UsageError(f"--po-prev is about the output peephole, got --variant {without[0]}, which lacks it.")
        if self.po_prev and self.cell and "lstm" not in self.cell:
            raise UsageError(f"--po-prev is about the LSTM, got --cell {' '.join(self.cell)}. Leave one of them out.")
        if self.po_prev and self.trace:
            raise UsageError("--trace draws the output peephole at the new cell. Leave --po-prev or --trace out.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipOptions(Options):
    """Shows the cliff in the loss of a one-unit RNN, and descent on it with and without gradient clipping.

    Each line of the second table is a distribution over many starts, because single paths near the cliff are chaotic.
    From the last two starting points clipping does not help.
    """

    starts: int = 400
    """Number of starts around each point, at least 1."""

    updates: int = 200
    """Updates of gradient descent from each start, at least 1."""

    threshold: float = 0.5
    """The clipping threshold, above 0: a norm for global_clipnorm and clipnorm, a value for clipvalue."""

    seed: int = 0
    """Seed of the starts, at least 0."""

    json: bool = False
    """Print the outcomes of descent as a JSON list instead of tables."""

    def __post_init__(self):
        for name, least in (("starts", 1), ("updates", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"--{name} must be {least} or more, got {getattr(self, name)}.")
        if not self.threshold > 0:
            raise UsageError(f"--threshold must be above 0, got {self.threshold}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlowOptions(Options):
    """Shows how gradients vanish and explode over time, from the exact Jacobians of every step.

    Prints the norm of the product of Jacobians against the distance in time, beside the bound on it for the simple RNN
    and the product of the forget gates for the LSTM; then what the forget gate's bias does, and how far the popular
    product of N x N Jacobians is from the true derivative of the cell. Medians over weights and sequences.
    """

    cell: tuple[str, ...] = ()
    """Which cells: rnn, lstm. Both when neither this nor --variant is given."""

    variant: tuple[str, ...] = ()
    """Which LSTM variants: V NIG NFG NOG NIAF NOAF NP CIFG FGR. All when none is named."""

    steps: int = 40
    """Length of the sequences in time steps, at least 2."""

    units: int = 16
    """Units N of the cells, at least 1."""

    seeds: int = 5
    """Number of random weights, at least 1."""

    sequences: int = 4
    """Number of random sequences for each of the weights, at least 1."""

    gain: float = 1.0
    """Scale of the weights, at least 0: W is normal with standard deviation gain / sqrt(M), R with gain / sqrt(N)."""

    forget_bias: float = 1.0
    """Bias of the forget gate; with CIFG the negative bias of the input gate."""

    trained: bool = False
    """Train every cell first, to remember one bit over --steps time steps, and print the loss that it reaches."""

    updates: int = 200
    """Updates of that training, at least 1."""

    json: bool = False
    """Print the norms as a JSON list instead of tables."""

    def __post_init__(self):
        for cell in self.cell:
            known(cell, ("rnn", "lstm"), "cell")
        for variant in self.variant:
            known(variant, VARIANTS, "variant")
        refuse_variants_without_lstm(self.variant, self.cell)
        for name, least in (("steps", 2), ("units", 1), ("seeds", 1), ("sequences", 1), ("gain", 0), ("updates", 1)):
            if not getattr(self, name) >= least:
                raise UsageError(f"--{name} must be {least} or more, got {getattr(self, name)}.")
        for name in ("gain", "forget_bias"):
            if not math.isfinite(getattr(self, name)):
                flag = name.replace("_", "-")
                raise UsageError(f"--{flag} must be a finite number, got {getattr(self, name)}.")

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells to show: those named, else the LSTM if variants are named, else both."""
        return self.cell or (("lstm",) if self.variant else ("rnn", "lstm"))

    @property
    def variants(self) -> tuple[str, ...]:
        """The LSTM variants to show."""
        return self.variant or tuple(VARIANTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlotOptions(Options):
    """Draw unfolded, circuit, odyssey, backward or cliff, from computed values.

    unfolded is the simple RNN over time. circuit and odyssey are two diagrams of the LSTM block with its gates at one
    time step; backward sends the deltas through it, equation by equation, as an animation (.gif) or as a picture of one
    step. These show a small run. cliff is the loss surface of the one-unit RNN of `clip`, with gradient descent on it
    with and without clipping; it takes no option but --output.
    """

    what: tyro.conf.Positional[str]
    """Which picture: unfolded, circuit, odyssey, backward or cliff."""

    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """File to write: .png, .svg or .pdf, and .gif for backward. Default: WHAT.png, for backward backward.gif."""

    variant: str = "V"
    """circuit, odyssey, backward: V NIG NFG NOG NIAF NOAF NP CIFG or FGR."""

    inputs: tuple[float, ...] = ()
    """The input at each time step. Default: random ones, six for circuit and odyssey, five for unfolded, three for
    backward."""

    step: int | None = None
    """circuit, odyssey, and backward as a picture: the time step to draw, counted from 1. Default: the last."""

    unit: int = 1
    """circuit, odyssey, backward: which of the three units to draw, counted from 1."""

    diagram: str = "circuit"
    """backward: circuit or odyssey."""

    seed: int = 0
    """Seed of the random weights and inputs, at least 0."""

    def __post_init__(self):
        known(self.what, PICTURES, "picture")
        if self.what == "cliff":
            self._refuse_settings_of_a_run()
            return
        known(self.variant, VARIANTS, "variant")
        known(self.diagram, DIAGRAMS, "diagram")
        if self.what == "unfolded" and self.variant != "V":
            raise UsageError(f"unfolded draws the simple RNN, which has no variants, got --variant {self.variant}.")
        if self.seed < 0:
            raise UsageError(f"--seed must be 0 or more, got {self.seed}.")
        if not 1 <= self.unit <= PLOTTED_UNITS:
            raise UsageError(f"--unit must be from 1 to {PLOTTED_UNITS}, got {self.unit}.")
        if self.step is not None and not 1 <= self.step <= self.steps:
            raise UsageError(f"--step must be from 1 to {self.steps}, the number of inputs, got {self.step}.")
        if len(self.inputs) > MOST_STEPS[self.what]:
            raise UsageError(f"{self.what} takes up to {MOST_STEPS[self.what]} --inputs, got {len(self.inputs)}.")

    def _refuse_settings_of_a_run(self) -> None:
        for field in dataclasses.fields(self):
            if field.name not in ("what", "output") and getattr(self, field.name) != field.default:
                raise UsageError(f"cliff draws one fixed loss surface and takes no --{field.name}. Leave it out.")

    @property
    def steps(self) -> int:
        """The number of time steps."""
        return len(self.inputs) or PLOTTED_STEPS[self.what]

    @property
    def path(self) -> Path:
        """The file to write."""
        return self.output or Path(f"{self.what}.{'gif' if self.what == 'backward' else 'png'}")
