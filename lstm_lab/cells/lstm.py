"""One LSTM step, forwards and backwards, written out by hand: the vanilla LSTM and its eight variants.

Forwards, from the previous state (y₋, c₋) to the next (y, c). W, R and b hold the blocks i f z o side by side:

    (1)  a = x W + y₋ R + b              pre-activations aᵢ, a_f, a_z, aₒ
    (2)  z = g(a_z)                      block input: a candidate, no gate
    (3)  i = σ(aᵢ + pᵢ ⊙ c₋)             input gate
    (4)  f = σ(a_f + p_f ⊙ c₋)           forget gate
    (5)  c = z ⊙ i + c₋ ⊙ f              cell
    (6)  o = σ(aₒ + pₒ ⊙ c)              output gate: it sees the new cell
    (7)  y = h(c) ⊙ o                    block output

Backwards, from δy and δc₊: the derivatives by y and c that arrive from outside and from the next step:

    (8)  δo = δy ⊙ h(c) ⊙ σ'(aₒ)         first, because δc needs it
    (9)  δc = δc₊ + δy ⊙ o ⊙ h'(c) + pₒ ⊙ δo
    (10) δf = δc ⊙ c₋ ⊙ σ'(a_f)
    (11) δi = δc ⊙ z ⊙ σ'(aᵢ)
    (12) δz = δc ⊙ i ⊙ g'(a_z)
    (13) δa = [δi δf δz δo]
    (14) δx = δa Wᵀ
    (15) δy₋ = δa Rᵀ
    (16) δc₋ = δc ⊙ f + pᵢ ⊙ δi + p_f ⊙ δf
    (17) δW = xᵀ δa
    (18) δR = y₋ᵀ δa                     paired with the PREVIOUS output
    (19) δb = Σ δa                       over the batch
    (20) δp = Σ δi ⊙ c₋, Σ δf ⊙ c₋, Σ δo ⊙ c       only δo pairs with the NEW cell

In full gate recurrence (FGR) the gates of the step before, s₋ = [i₋ f₋ o₋], feed the gates as well, through G:

    (21) [aᵢ a_f aₒ] gains s₋ G          in (1)
    (22) δs₋ = [δi δf δo] Gᵀ             arrives at (8), (10), (11) of the step before, in front of σ'
    (23) δG = s₋ᵀ [δi δf δo]

How one formula serves nine architectures: a gate that a variant lacks is the constant 1, and 1 is where σ' = o (1 - o)
is 0; a peephole that it lacks is 0; a block that it lacks is left out of (13). Only CIFG changes a line: f = 1 - i
turns the z of (11) into z - c₋. The table of variants is lstm_variants.py.

With `po_prev`, another reading of the papers, the output gate sees the previous cell: c₋ takes the place of c in (6)
and (20), and pₒ ⊙ δo moves from (9) to (16).

Symbol      Code                    Shape
x           x                       (B, M)
y, c        state.y, state.c        (B, N)
s           state.gates             (B, 3N), FGR only
W, R, b     weights.W, .R, .b       (M, 4N), (N, 4N), (4N,); 3N where a gate is missing
p           weights.p               (3, N), a row a gate in the order i f o
G           weights.G               (3N, 3N), rows and columns in the order i f o

Source: Greff et al. 2017, section II and appendix.
Next: ../sequence.py
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from lstm_lab.cells import StepGradients
from lstm_lab.cells.activation import SIGMOID
from lstm_lab.cells.lstm_variants import ERROR_FLOWS, VARIANTS, Variant
from lstm_lab.cells.lstm_weights import State, Weights, check_weights
from transformer_tutorial.runtime.command_line import known
from transformer_tutorial.runtime.errors import UsageError


class Step(NamedTuple):
    """What a forward step keeps: input, states before and after, gates, block input, and squashed = h(c)."""

    x: tf.Tensor
    previous: State
    i: tf.Tensor
    f: tf.Tensor
    z: tf.Tensor
    o: tf.Tensor
    squashed: tf.Tensor
    state: State


@dataclasses.dataclass(frozen=True)
class LSTMCell:
    """An LSTM cell: `variant` is a row of VARIANTS, `error_flow` a row of ERROR_FLOWS.

    With `po_prev` the output gate's peephole sees the previous cell instead of the new one.

    With an error flow other than "full" the backward pass, and a tape over the forward pass, return the truncated
    gradients of the early literature: they train, but are not the derivative of the loss.

    Raises:
        UsageError: a name is unknown, or `po_prev` is asked of a variant without an output peephole.
    """

    variant: str = "V"
    error_flow: str = "full"
    po_prev: bool = False

    def __post_init__(self):
        known(self.variant, VARIANTS, "variant")
        known(self.error_flow, ERROR_FLOWS, "error flow")
        if self.po_prev and not VARIANTS[self.variant].output_peephole:
            raise UsageError(f"variant {self.variant} has no output peephole, which po_prev is about. Leave it out.")

    @property
    def row(self) -> Variant:
        """The variant's row of the table."""
        return VARIANTS[self.variant]._replace(po_prev=self.po_prev)

    def zero_state(self, weights: Weights, batch: int | tf.Tensor) -> State:
        """The state of zeros that a sequence starts from when nothing else is given."""
        zeros = tf.zeros((batch, weights.R.shape[0]), weights.R.dtype)
        return State(zeros, zeros, tf.tile(zeros, (1, 3)) if self.row.gate_recurrence else ())

    def check(self, weights: Weights, inputs: int) -> None:
        """Raises UsageError unless the weights are those of the variant, for an input of width `inputs`."""
        check_weights(self.variant, weights, inputs)

    def forward(self, weights: Weights, x: tf.Tensor, state: State) -> Step:
        """x (B, M) and the previous state -> the step, which holds the next state."""
        return self.advance(weights, self.project(weights, x), state)._replace(x=x)

    def project(self, weights: Weights, x: tf.Tensor) -> tf.Tensor:
        """The part of (1) that needs no state: x (rows, M) -> (rows, blocks x N), of one step or of many."""
        return x @ weights.W + weights.b

    def advance(self, weights: Weights, projected: tf.Tensor, state: State) -> Step:
        """As `forward`, from one step's projected input; the step is without x."""
        row, c_previous = self.row, state.c
        a, p = self._pre_activations(weights, projected, state), peephole_rows(row, weights)
        z = row.input_activation.value(a["z"])  # (2)
        i = self._gate("i", a, p, c_previous)  # (3)
        f = 1 - i if row.coupled else self._gate("f", a, p, c_previous)  # (4)
        c = z * i + c_previous * f  # (5)
        o = self._gate("o", a, p, c_previous if row.po_prev else c)  # (6)
        squashed = row.output_activation.value(c)
        y = squashed * o  # (7)
        gates = tf.concat([i, f, o], axis=1) if row.gate_recurrence else ()
        return Step((), state, i, f, z, o, squashed, State(y, c, gates))

    def backward(self, weights: Weights, step: Step, d_state: State) -> StepGradients:
        """The derivatives by this step's weights, input and previous state."""
        row, flowing = self.row, self.flowing(weights)
        _, previous, i, f, z, o, squashed, _ = step
        c_previous, p, (p_new, p_previous) = previous.c, peephole_rows(row, flowing), output_peephole(row, flowing)
        d_gates = _thirds(d_state.gates) if row.gate_recurrence else {"i": 0.0, "f": 0.0, "o": 0.0}
        d = {}
        d["o"] = (d_state.y * squashed + d_gates["o"]) * SIGMOID.slope(o)  # (8)
        d_c = d_state.c + d_state.y * o * row.output_activation.slope(squashed) + p_new * d["o"]  # (9)
        d["f"] = (d_c * c_previous + d_gates["f"]) * SIGMOID.slope(f)  # (10)
        d["i"] = (d_c * (z - c_previous if row.coupled else z) + d_gates["i"]) * SIGMOID.slope(i)  # (11)
        d["z"] = d_c * i * row.input_activation.slope(z)  # (12)
        d_a = tf.concat([d[block] for block in row.blocks], axis=1)  # (13)
        d_x = d_a @ tf.transpose(weights.W)  # (14)
        d_y_previous = d_a @ tf.transpose(flowing.R)  # (15)
        d_c_previous = d_c * f + p["i"] * d["i"] + p["f"] * d["f"] + p_previous * d["o"]  # (16)
        d_gates_previous = _joined(d) @ tf.transpose(flowing.G) if row.gate_recurrence else ()  # (22)
        return StepGradients(
            self._weight_gradients(step, d, d_a), d_x, State(d_y_previous, d_c_previous, d_gates_previous)
        )

    def _weight_gradients(self, step: Step, d: dict[str, tf.Tensor], d_a: tf.Tensor) -> Weights:
        row, c_previous = self.row, step.previous.c
        d_W = tf.transpose(step.x) @ d_a  # (17)
        d_R = tf.transpose(step.previous.y) @ d_a  # (18)
        d_b = tf.reduce_sum(d_a, axis=0)  # (19)
        seen = {"i": c_previous, "f": c_previous, "o": c_previous if row.po_prev else step.state.c}
        d_p = tf.stack([tf.reduce_sum(d[gate] * seen[gate], axis=0) for gate in row.gates])  # (20)
        d_G = tf.transpose(step.previous.gates) @ _joined(d) if row.gate_recurrence else ()  # (23)
        return Weights(d_W, d_R, d_b, d_p if row.peepholes else (), d_G)

    def _pre_activations(self, weights: Weights, projected: tf.Tensor, state: State) -> dict[str, tf.Tensor]:
        row, recurrence = self.row, ERROR_FLOWS[self.error_flow].recurrence
        a = projected + _seen(state.y, recurrence) @ weights.R  # (1)
        a = dict(zip(row.blocks, tf.split(a, len(row.blocks), axis=1), strict=True))
        if row.gate_recurrence:
            gains = _thirds(_seen(state.gates, recurrence) @ weights.G)  # (21)
            a |= {gate: a[gate] + gain for gate, gain in gains.items()}
        return a

    def _gate(self, name: str, a: dict[str, tf.Tensor], p: dict[str, tf.Tensor], c: tf.Tensor) -> tf.Tensor:
        """A gate's output; a gate without weights is open."""
        if name not in a:
            return tf.ones_like(c)
        seen = _seen(c, ERROR_FLOWS[self.error_flow].peepholes)
        return SIGMOID.value(a[name] + p[name] * seen if self.row.peepholes else a[name])

    def flowing(self, weights: Weights) -> Weights:
        """The weights as an error sees them: a cut edge has the weight 0."""
        flow = ERROR_FLOWS[self.error_flow]
        kept = {"R": flow.recurrence, "p": flow.peepholes, "G": flow.recurrence}
        cut = [name for name, keep in kept.items() if not keep]
        return weights._replace(**{name: tf.nest.map_structure(tf.zeros_like, getattr(weights, name)) for name in cut})


def _seen(value: tf.Tensor, flows: bool) -> tf.Tensor:
    """The value as a consumer sees it whose error flows back, or not."""
    return value if flows else tf.stop_gradient(value)


def peephole_rows(row: Variant, weights: Weights) -> dict[str, tf.Tensor]:
    """Each gate's row of p; 0 for what the variant lacks."""
    absent = {"i": 0.0, "f": 0.0, "o": 0.0}
    return absent | (dict(zip(row.gates, tf.unstack(weights.p), strict=True)) if row.peepholes else {})


def output_peephole(row: Variant, weights: Weights) -> tuple[tf.Tensor | float, tf.Tensor | float]:
    """The output gate's row of p, as what it does to the new cell and to the previous one; one of the two is 0."""
    p = peephole_rows(row, weights)["o"]
    return (0.0, p) if row.po_prev else (p, 0.0)


def _thirds(gates: tf.Tensor) -> dict[str, tf.Tensor]:
    return dict(zip("ifo", tf.split(gates, 3, axis=1), strict=True))


def _joined(d: dict[str, tf.Tensor]) -> tf.Tensor:
    return tf.concat([d[gate] for gate in "ifo"], axis=1)
