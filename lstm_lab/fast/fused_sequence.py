"""Twin of ../sequence.py: the same outputs and gradients, with as little as possible inside the loops over time.

Inside stays what needs the neighbouring step: the product with R, and elementwise work. The rest is done for all steps
at once:

    before the forward loop      x W + b, one product
    before the backward loop     the factors of fused_cells.py, from what the steps kept
    after the backward loop      the gradients of W, R and b in one product, and δx in another

Kept are the gates and the states, nothing else. The loops are `tf.while_loop`, so that sequences may have any number of
steps, and a graph does not grow with it. Under XLA (`tf.function(jit_compile=True)` around it, or `compile` with
`jit_compile=True` in Keras) the elementwise work of a step becomes a few kernels: scripts/bench_lstm.py says when that
pays.

Cost of one step: a product (B, N) by (N, blocks x N) forwards, and one with its transpose backwards.
Next: ../step_layers.py
"""

from typing import Any, NamedTuple

import tensorflow as tf

from lstm_lab.fast.fused_cells import fused
from lstm_lab.sequence import Gradients, add, checked_inputs, checked_state, choose
from lstm_lab.shape import check_shape


class Run(NamedTuple):
    """One forward pass over a sequence; all but `outputs` is time-major.

    Attributes:
        outputs: float, (B, T, N).
        initial, final: the states before the first and after the last step.
        x: float, (T, B, M), zeros where it is masked.
        states: the states after each step, (T, B, ·).
        kept: what each step kept beside its state, (T, B, ·).
        mask: bool, (T, B, 1), True = real; None where there is no mask.
    """

    outputs: tf.Tensor
    initial: Any
    final: Any
    x: tf.Tensor
    states: Any
    kept: Any
    mask: tf.Tensor | None


def forward(cell, weights, x: tf.Tensor, initial=None, mask: tf.Tensor | None = None) -> Run:
    """As sequence.forward. Raises UsageError also for a cell that fused_cells.py does not know."""
    parts = fused(cell, weights)
    x, initial, mask = checked_inputs(cell, weights, x, initial, mask)
    x, mask = time_major(x), None if mask is None else time_major(mask)
    projected, masks = _by_step((_project(cell, weights, x), () if mask is None else mask))

    def body(t, state, arrays):
        step = cell.advance(weights, projected.read(t), state)
        new = step.state if mask is None else choose(masks.read(t), step.state, state)
        _keep_shapes(new, state)
        kept = tf.nest.map_structure(lambda array, part: array.write(t, part), arrays, (new, parts.keep(step)))
        return t + 1, new, kept

    widths = tf.nest.map_structure(lambda part: part.shape[-1], initial), parts.kept_widths
    arrays = tf.nest.map_structure(lambda width: _array(x, width), widths)
    _, final, arrays = tf.while_loop(lambda t, *_: t < tf.shape(x)[0], body, (0, initial, arrays))
    states, kept = tf.nest.map_structure(lambda array: _stack(array, x), arrays)
    return Run(time_major(states[0]), initial, final, x, states, kept, mask)


def backward(cell, weights, run: Run, d_outputs: tf.Tensor, d_final=None) -> Gradients:
    """As sequence.backward, for a run of this file's `forward`."""
    check_shape("d_outputs", d_outputs, run.outputs.shape)
    parts = fused(cell, weights)
    zeros = tf.nest.map_structure(tf.zeros_like, run.final)
    d_state = zeros if d_final is None else checked_state("d_final", d_final, run.final)
    previous = tf.nest.map_structure(
        lambda first, after: tf.concat([first[None], after[:-1]], 0), run.initial, run.states
    )
    masks, factors = () if run.mask is None else run.mask, parts.factors(previous, run.states, run.kept)
    by_step = _by_step((time_major(d_outputs), masks, factors))

    def body(t, d_state, array):
        d_output, mask, factors = tf.nest.map_structure(lambda kept: kept.read(t), by_step)
        d_state = type(d_state)(d_state[0] + d_output, *d_state[1:])
        reaches_step = d_state if run.mask is None else choose(mask, d_state, zeros)
        d_a, d_previous = parts.step_back(factors, reaches_step)
        if run.mask is not None:
            d_previous = add(d_previous, choose(mask, zeros, d_state))
        _keep_shapes(d_previous, d_state)
        return t - 1, d_previous, array.write(t, d_a)

    array = _array(run.x, parts.input_weights.shape[-1])
    _, d_initial, array = tf.while_loop(lambda t, *_: t >= 0, body, (tf.shape(run.x)[0] - 1, d_state, array))
    d_a = _stack(array, run.x)
    d_x = tf.tensordot(d_a, tf.transpose(parts.input_weights), 1)
    return Gradients(parts.weight_gradients(run.x, previous, run.states, d_a), time_major(d_x), d_initial)


def time_major(array: tf.Tensor) -> tf.Tensor:
    """(B, T, ·) -> (T, B, ·), and back."""
    return tf.transpose(array, (1, 0, 2))


def _project(cell, weights, x: tf.Tensor) -> tf.Tensor:
    """x W + b of all steps as one product: (T, B, M) -> (T, B, ·)."""
    rows = cell.project(weights, tf.reshape(x, (-1, x.shape[-1])))
    return tf.reshape(rows, (tf.shape(x)[0], tf.shape(x)[1], rows.shape[-1]))


def _by_step(arrays):
    """Arrays (T, B, ·) in a form whose steps can be read one by one."""
    return tf.nest.map_structure(lambda part: tf.TensorArray(part.dtype, tf.shape(part)[0]).unstack(part), arrays)


def _array(x: tf.Tensor, width: int) -> tf.TensorArray:
    """Room for a (B, width) of each step of x (T, B, M)."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], element_shape=(x.shape[1], width))


def _stack(array: tf.TensorArray, x: tf.Tensor) -> tf.Tensor:
    """All steps of an array, (T, B, ·). T, where it is known of x at trace time, is known of them too."""
    steps = array.stack()
    steps.set_shape((x.shape[0], *steps.shape[1:]))
    return steps


def _keep_shapes(state, before) -> None:
    """Tells TensorFlow, where the batch is known at trace time, that a step does not change it."""
    tf.nest.map_structure(lambda part, old: part.set_shape(old.shape), state, before)
