"""Names, defaults and flags of the lab. Imports no TensorFlow."""

import dataclasses

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

ERROR_FLOWS = ("full", "no_peephole_error", "truncated")

DTYPES = ("float64", "float32")


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

    dtype: str = "float64"
    """float64 or float32, the precision of the backward pass by hand and of the tape."""

    json: bool = False
    """Print the rows as a JSON list instead of a table."""

    def __post_init__(self):
        for cell in self.cell:
            known(cell, CELLS, "cell")
        for variant in self.variant:
            known(variant, VARIANTS, "variant")
        refuse_variants_without_lstm(self.variant, self.cell)
        known(self.error_flow, ERROR_FLOWS, "error flow")
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

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells to check: those named, else the LSTM if variants are named, else all."""
        return self.cell or (("lstm",) if self.variant else tuple(CELLS))

    @property
    def variants(self) -> tuple[str, ...]:
        """The LSTM variants to check."""
        return self.variant or tuple(VARIANTS)


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
    """Train every cell first, to remember one bit over --steps time steps."""

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

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells to show: those named, else the LSTM if variants are named, else both."""
        return self.cell or (("lstm",) if self.variant else ("rnn", "lstm"))

    @property
    def variants(self) -> tuple[str, ...]:
        """The LSTM variants to show."""
        return self.variant or tuple(VARIANTS)
