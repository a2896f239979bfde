"""The cells as Keras layers, trained by the backward pass written by hand or by the tape.

Everything around the loop over time (states, direction, return values) is keras.layers.RNN's, so that the layers behave
like keras.layers.LSTM and keras.layers.SimpleRNN there. `backward` decides what the gradient is:

    "manual"                     back-propagation through time by hand, by the fast twin of lstm_lab.sequence
    "manual" with unroll=True    the same by lstm_lab.sequence itself, as one reads it
    "tape"                       what TensorFlow derives from cell.forward in Keras's loop

Only the unrolled loop needs the number of steps when the model is built, and its graph grows with it. All three give
the same numbers, and `compile(jit_compile=True)` makes each of them faster where a step is small.

A masked step repeats the output before it. Where a sequence begins with masked steps, their outputs are zero, as in
Keras; lstm_lab.sequence has the initial state there.

Source: keras.layers.RNN.
"""

from typing import Any

import keras
import tensorflow as tf

from lstm_lab import sequence
from lstm_lab.cells import lstm, simple_rnn
from lstm_lab.fast import fused_sequence
from lstm_lab.shape import check_shape
from lstm_lab.step_layers import LSTMStep, SimpleRNNStep, StepLayer, sequence_by_hand
from transformer_tutorial.runtime.command_line import known
from transformer_tutorial.runtime.errors import UsageError

BACKWARDS = ("manual", "tape")


class Recurrent(keras.layers.RNN):
    """What SimpleRNN and LSTM share: keras.layers.RNN around a StepLayer, and loops over time that are ours."""

    def __init__(self, step: StepLayer, backward: str, **kwargs):
        super().__init__(step, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.units, self.backward = step.output_size, known(backward, BACKWARDS, "backward")

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is not None:
            self._check_initial(keras.tree.flatten(initial_state), sequences.shape[0])
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def _check_initial(self, parts: list[tf.Tensor], batch: int | None) -> None:
        sizes = self.cell.state_size
        if len(parts) != len(sizes):
            raise UsageError(f"initial_state must have the widths {sizes}, one a part, got {len(parts)} part(s).")
        for index, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            check_shape(f"initial_state[{index}]", part, (batch, size))

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if self.backward == "tape":
            return super().inner_loop(sequences, initial_state, mask, training)
        mask = keras.tree.flatten(mask)[0] if mask is not None else None
        if self.go_backwards:
            sequences, mask = tf.reverse(sequences, [1]), None if mask is None else tf.reverse(mask, [1])
        loop = sequence if self.unroll else fused_sequence
        outputs, *states = sequence_by_hand(loop, self.cell, sequences, initial_state, mask)
        if mask is not None:
            real = tf.cast(mask, tf.int32)
            shown = real if self.zero_output_for_mask else tf.cumsum(real, axis=1)  # from the first real step on
            outputs = tf.where(shown[:, :, None] > 0, outputs, 0)
        return outputs[:, -1], outputs, states

    def get_config(self):
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        own = {name: getattr(self, name) for name in ("units", "backward", *names)}
        # Not through keras.layers.RNN, which would describe the step layer: our arguments make it again.
        return {**keras.layers.Layer.get_config(self), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("lstm_lab")
class SimpleRNN(Recurrent):
    """The simple RNN as a Keras layer, with tanh as its activation.

    Args:
        units: N, at least 1.
        backward: "manual", the backward pass written by hand, or "tape".
        **kwargs: as for keras.layers.RNN: return_sequences, return_state, stateful, go_backwards, unroll, name, dtype.

    Call arguments:
        sequences: float, (B, T, M).
        initial_state: a list of one (B, N); None is zeros.
        mask: bool, (B, T), True = real.

    Returns:
        float, (B, N), or (B, T, N) with return_sequences; with return_state followed by the final state.

    Raises:
        UsageError: `units` is below 1, `backward` is unknown, or an initial state does not fit.
    """

    def __init__(self, units: int, backward: str = "manual", **kwargs):
        step = SimpleRNNStep(simple_rnn.SimpleRNNCell(), [checked_units(units)], **_of_step(kwargs))
        super().__init__(step, backward, **kwargs)


@keras.saving.register_keras_serializable("lstm_lab")
class LSTM(Recurrent):
    """An LSTM variant as a Keras layer.

    Args:
        units: N, at least 1.
        variant: V, NIG, NFG, NOG, NIAF, NOAF, NP, CIFG or FGR; NP is keras.layers.LSTM.
        backward: "manual", the backward pass written by hand, or "tape".
        error_flow: "full", or the truncated gradients "no_peephole_error" and "truncated".
        po_prev: whether the output gate's peephole sees the previous cell instead of the new one.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        **kwargs: as for keras.layers.RNN: return_sequences, return_state, stateful, go_backwards, unroll, name, dtype.

    Call arguments:
        sequences: float, (B, T, M).
        initial_state: a list of y and c, (B, N) each; FGR adds its gates, (B, 3N). None is zeros.
        mask: bool, (B, T), True = real.

    Returns:
        float, (B, N), or (B, T, N) with return_sequences; with return_state followed by the parts of the final state.

    Raises:
        UsageError: `units` is below 1, a name is unknown, the variant has no output peephole for `po_prev`, or an
            initial state does not fit.

    Source: Greff et al. 2017. Peepholes start at zero, the other weights as in keras.layers.LSTM.
    """

    def __init__(
        self,
        units: int,
        variant: str = "V",
        backward: str = "manual",
        error_flow: str = "full",
        unit_forget_bias: bool = True,
        po_prev: bool = False,
        **kwargs,
    ):
        cell = lstm.LSTMCell(variant, error_flow, po_prev)
        sizes = [checked_units(units)] * 2 + ([3 * units] if cell.row.gate_recurrence else [])
        step = LSTMStep(unit_forget_bias, formula=cell, state_size=sizes, **_of_step(kwargs))
        super().__init__(step, backward, **kwargs)
        self.variant, self.error_flow, self.po_prev = variant, error_flow, po_prev
        self.unit_forget_bias = unit_forget_bias

    def get_config(self):
        names = ("variant", "error_flow", "unit_forget_bias", "po_prev")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def checked_units(units: int) -> int:
    """Returns `units` if it is a whole number of at least 1; otherwise raises a UsageError."""
    if not isinstance(units, int) or units < 1:
        raise UsageError(f"units must be a whole number of at least 1, got {units!r}.")
    return units


def _of_step(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the step layer shares with the layer around it."""
    return {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
