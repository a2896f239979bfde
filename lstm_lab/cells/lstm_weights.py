"""The weights and the state of an LSTM variant: stacked as the step uses them, or named as the equations print them.

    stacked   W (M, 4N), R (N, 4N), b (4N,), p (3, N), G (3N, 3N), the blocks in the order i f z o
    named     Wi Wf Wz Wo (M, N), Ri .. (N, N), bi .. (N,), pi pf po (N,), and for FGR Rii Rif .. Roo (N, N)

`Rab` leads from gate a at the step before to gate b. A variant has neither columns nor names for what it lacks. The
order is that of keras.layers.LSTM, whose block "c" is z.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lstm_lab.cells.lstm_variants import VARIANTS
from lstm_lab.shape import check_shape
from transformer_tutorial.runtime.command_line import known
from transformer_tutorial.runtime.errors import UsageError

GATES = "ifo"


class State(NamedTuple):
    """What one step hands to the next.

    Attributes:
        y: float, (B, N): the block output, which is also the cell's output.
        c: float, (B, N): the cell.
        gates: float, (B, 3N): the gate values i, f, o in FGR; () elsewhere.
    """

    y: tf.Tensor
    c: tf.Tensor
    gates: tf.Tensor | tuple = ()


class Weights(NamedTuple):
    """The weights of all blocks side by side, () for what a variant lacks.

    Attributes:
        W: input weights, (M, blocks x N).
        R: recurrent weights, (N, blocks x N).
        b: biases, (blocks x N,).
        p: peepholes, (gates, N).
        G: gate recurrence, (3N, 3N), FGR only.
    """

    W: tf.Tensor
    R: tf.Tensor
    b: tf.Tensor
    p: tf.Tensor | tuple = ()
    G: tf.Tensor | tuple = ()


def weight_shapes(variant: str, inputs: int, units: int) -> Weights:
    """The shape of each weight of a variant with `inputs` M and `units` N, () for what it lacks."""
    row = VARIANTS[known(variant, VARIANTS, "variant")]
    width = len(row.blocks) * units
    p = (len(row.gates), units) if row.peepholes else ()
    G = (len(GATES) * units, len(GATES) * units) if row.gate_recurrence else ()
    return Weights((inputs, width), (units, width), (width,), p, G)


def check_weights(variant: str, weights: Weights, inputs: int) -> None:
    """Raises UsageError unless `weights` has what the variant has, in the right shapes, and nothing else."""
    check_shape("R", weights.R, (None, None))
    shapes = weight_shapes(variant, inputs, weights.R.shape[0])
    for name, shape in shapes._asdict().items():
        weight = getattr(weights, name)
        absent = isinstance(weight, tuple)
        if not shape and not absent:
            raise UsageError(
                f"variant {variant} has no weights {name}, got some of shape {tuple(weight.shape)}. "
                f"Leave {name} out, or choose a variant that has it."
            )
        if shape:
            check_shape(f"{name} of variant {variant}", None if absent else weight, shape)


def forget_bias(variant: str, units: int, bias: float) -> np.ndarray:
    """The biases (blocks x N,) that are zero but for the forget gate's.

    CIFG has no such gate: there an input gate of bias -`bias` gives the same f. NFG gets zeros.
    """
    row = VARIANTS[known(variant, VARIANTS, "variant")]
    values = {"i": -bias} if row.coupled else {"f": bias}
    return np.concatenate([np.full(units, values.get(block, 0.0)) for block in row.blocks])


def block_names(variant: str) -> dict[str, tuple[str, ...]]:
    """For each field of Weights the names of its blocks, in the order in which the field holds them."""
    row = VARIANTS[known(variant, VARIANTS, "variant")]
    recurrence = tuple(f"R{a}{b}" for a in GATES for b in GATES) if row.gate_recurrence else ()
    return {
        **{field: tuple(field + block for block in row.blocks) for field in "WRb"},
        "p": tuple(f"p{gate}" for gate in row.gates) if row.peepholes else (),
        "G": recurrence,
    }


def named(variant: str, weights: Weights) -> dict[str, tf.Tensor]:
    """Stacked weights, or their gradients -> one array a name."""
    blocks = VARIANTS[variant].blocks
    parts = [part for field in weights[:3] for part in tf.split(field, len(blocks), axis=-1)]
    if not isinstance(weights.p, tuple):
        parts += tf.unstack(weights.p)
    if not isinstance(weights.G, tuple):
        parts += [part for rows in tf.split(weights.G, 3, axis=0) for part in tf.split(rows, 3, axis=1)]
    names = [name for fields in block_names(variant).values() for name in fields]
    return dict(zip(names, parts, strict=True))


def stacked(variant: str, arrays: Mapping[str, tf.Tensor]) -> Weights:
    """One array a name -> stacked weights. Raises UsageError for names that the variant lacks or misses."""
    names = block_names(variant)
    expected = {name for fields in names.values() for name in fields}
    for problem, which in (("has no", arrays.keys() - expected), ("needs", expected - arrays.keys())):
        if which:
            raise UsageError(
                f"variant {variant} {problem} weights {', '.join(sorted(which))}; it has {', '.join(sorted(expected))}."
            )
    W, R, b = (tf.concat([arrays[name] for name in names[field]], axis=-1) for field in "WRb")
    p = tf.stack([arrays[name] for name in names["p"]]) if names["p"] else ()
    rows = [names["G"][start : start + 3] for start in range(0, len(names["G"]), 3)]
    G = tf.concat([tf.concat([arrays[name] for name in row], axis=1) for row in rows], axis=0) if rows else ()
    return Weights(W, R, b, p, G)
