"""A cell unrolled over time; back-propagation through time (BPTT) is the same loop reversed.

Forwards, for t = 1 .. T, from the given state s[0] or zeros; m[t] is the mask, True = real:

    (1)  s[t] = m[t] step(x[t], s[t-1]) + (1 - m[t]) s[t-1]        a masked step copies the state

The output y[t] is the first part of s[t]. Backwards, for t = T .. 1, from δs[T] = the caller's gradient on the final
state; Δ[t] is the caller's gradient on the output y[t]:

    (2)  δs[t] gains Δ[t] in the part that is y[t]
    (3)  δθ[t], δx[t], δs[t-1] = step backwards(m[t] δs[t])
    (4)  δs[t-1] gains (1 - m[t]) δs[t]
    (5)  δθ = Σ δθ[t]                    the weights θ are shared, so their gradients of the single steps add up

Truncated BPTT (k1, k2) cuts the sequence into blocks of k1 steps. From the end of each block it goes back k2 steps in
all, past the block's beginning, with Δ of the block's own steps alone: every loss counts once and is carried back
between k2 - k1 and k2 - 1 steps. k2 = T is full BPTT; k1 = k2 hands the state, but no error, from block to block
(where k1 divides T; a short last block still goes back k2 steps).

Arrays are batch-major: x (B, T, M), mask (B, T), outputs (B, T, N). Any cell of lstm_lab.cells will do.

Source: Goodfellow, Bengio & Courville 2016, section 10.2.2; Williams & Peng 1990 for (k1, k2).
Next: oracle.py, or fast/fused_sequence.py for the same with less in the loop
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from lstm_lab.cells import StepGradients
from lstm_lab.shape import check_finite, check_shape
from transformer_tutorial.runtime.errors import UsageError


class Run(NamedTuple):
    """One forward pass over a sequence.

    Attributes:
        outputs: float, (B, T, N).
        final: the state after the last step.
        steps: what each step kept, in the order of time.
        masks: for each step bool (B, 1), True = real; None where there is no mask.
    """

    outputs: tf.Tensor
    final: Any
    steps: list[Any]
    masks: list[tf.Tensor] | None


class Gradients(NamedTuple):
    """The loss's derivatives: like the weights, by the input (B, T, M), and like the initial state."""

    weights: Any
    x: tf.Tensor
    initial: Any


def forward(cell, weights, x: tf.Tensor, initial=None, mask: tf.Tensor | None = None) -> Run:
    """Runs `cell` over x (B, T, M).

    Args:
        cell: a recurrent cell of lstm_lab.cells.
        weights: the cell's weights.
        x: float, (B, T, M), T at least 1. Under a mask the masked entries may hold anything, NaN included.
        initial: the state before the first step; None is the state of zeros.
        mask: bool, (B, T), True = real; None means that every step is.

    Raises:
        UsageError: a shape does not fit, or x holds NaN or infinity.
    """
    x, state, mask = checked_inputs(cell, weights, x, initial, mask)
    masks = None if mask is None else tf.unstack(mask, axis=1)
    steps, outputs = [], []
    for t, x_t in enumerate(tf.unstack(x, axis=1)):
        step = cell.forward(weights, x_t, state)
        state = step.state if masks is None else choose(masks[t], step.state, state)  # (1)
        steps.append(step)
        outputs.append(state[0])
    return Run(tf.stack(outputs, axis=1), state, steps, masks)


def checked_inputs(cell, weights, x: tf.Tensor, initial, mask) -> tuple[tf.Tensor, Any, tf.Tensor | None]:
    """What a forward pass starts from: x with zeros where it is masked, the initial state, and the mask (B, T, 1).

    Raises:
        UsageError: as `forward`.
    """
    check_shape("x", x, (None, None, None))
    batch, length, inputs = x.shape
    cell.check(weights, inputs)
    zeros = cell.zero_state(weights, tf.shape(x)[0])
    state = zeros if initial is None else checked_state("initial", initial, zeros)
    if mask is not None:
        check_shape("mask", mask, (batch, length))
        mask = tf.cast(mask, tf.bool)[:, :, None]
        x = tf.where(mask, x, 0)
    check_finite("x", x)
    return x, state, mask


def backward(cell, weights, run: Run, d_outputs: tf.Tensor, d_final=None) -> Gradients:
    """Back-propagation through time.

    Args:
        cell, weights: those of the forward pass.
        run: what `forward` returned.
        d_outputs: float, (B, T, N), the loss's derivative by the outputs.
        d_final: the loss's derivative by the final state where that is used elsewhere; None is zeros.

    Raises:
        UsageError: a shape does not fit.
    """
    by_step = list(backward_by_step(cell, weights, run, d_outputs, d_final))
    d_weights = add(*(gradients.weights for gradients in by_step))  # (5)
    d_x = tf.stack([gradients.x for gradients in reversed(by_step)], axis=1)
    return Gradients(d_weights, d_x, by_step[-1].state)


def backward_by_step(cell, weights, run: Run, d_outputs: tf.Tensor, d_final=None) -> Iterator[StepGradients]:
    """Yields the gradients of the single steps, the last step first; arguments as in `backward`.

    A step's `weights` is the gradient that its weights would have, were they other variables at every step.
    """
    check_shape("d_outputs", d_outputs, run.outputs.shape)
    zeros = tf.nest.map_structure(tf.zeros_like, run.final)
    d_state = zeros if d_final is None else checked_state("d_final", d_final, run.final)
    for t in reversed(range(len(run.steps))):
        d_state = type(d_state)(d_state[0] + d_outputs[:, t], *d_state[1:])  # (2)
        reaches_step = d_state if run.masks is None else choose(run.masks[t], d_state, zeros)
        gradients = cell.backward(weights, run.steps[t], reaches_step)  # (3)
        if run.masks is not None:
            gradients = gradients._replace(state=add(gradients.state, choose(run.masks[t], zeros, d_state)))  # (4)
        yield gradients
        d_state = gradients.state


def truncated_backward(cell, weights, run: Run, d_outputs: tf.Tensor, k1: int, k2: int) -> Gradients:
    """Truncated back-propagation through time: every `k1` steps, `k2` steps back.

    Args:
        k1: steps in a block, at least 1; the last block may be shorter.
        k2: steps to go back from the end of a block, at least k1.

    Raises:
        UsageError: k1 is below 1, or k2 is below k1.
    """
    if not 1 <= k1 <= k2:
        raise UsageError(f"truncated BPTT needs 1 <= k1 <= k2, got k1={k1}, k2={k2}.")
    check_shape("d_outputs", d_outputs, run.outputs.shape)
    length = len(run.steps)
    d_weights = tf.nest.map_structure(tf.zeros_like, weights)
    d_initial = tf.nest.map_structure(tf.zeros_like, run.final)
    d_x = [tf.zeros_like(step.x) for step in run.steps]
    for block in range(0, length, k1):
        end = min(block + k1, length)
        start = max(0, end - k2)
        own = tf.pad(d_outputs[:, block:end], [[0, 0], [block - start, 0], [0, 0]])
        gradients = backward(cell, weights, _window(run, start, end), own)
        d_weights = add(d_weights, gradients.weights)
        d_x[start:end] = [sum_ + new for sum_, new in zip(d_x[start:end], tf.unstack(gradients.x, axis=1), strict=True)]
        if start == 0:
            d_initial = add(d_initial, gradients.initial)
    return Gradients(d_weights, tf.stack(d_x, axis=1), d_initial)


def add(*structures):
    """The sum of equal structures, part by part."""
    return tf.nest.map_structure(lambda *parts: tf.add_n(parts), *structures)


def _window(run: Run, start: int, end: int) -> Run:
    """The run of the steps start .. end - 1."""
    masks = None if run.masks is None else run.masks[start:end]
    return Run(run.outputs[:, start:end], run.steps[end - 1].state, run.steps[start:end], masks)


def choose(mask: tf.Tensor, where_true, where_false):
    """Of two equal structures of (B, ·) parts, each sequence's row of the one or of the other; mask (B, 1)."""
    return tf.nest.map_structure(lambda a, b: tf.where(mask, a, b), where_true, where_false)


def checked_state(name: str, state, like):
    """`state` in the type of `like`. Raises UsageError unless its parts have the shapes of those of `like`."""
    for field, expected in like._asdict().items():
        if not isinstance(expected, tuple):
            check_shape(f"{name}.{field}", getattr(state, field, None), expected.shape)
    return type(like)(*state)
