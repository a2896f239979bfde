"""How gradients vanish and explode, measured: `python -m lstm_lab flow`.

The object is the exact product of step Jacobians J[T] ··· J[k+1] (jacobians.py), its operator norm against the lag
T - k. It does not depend on a loss. Norms are taken for each sequence, and only then summarised over weights and
sequences, because the norm of an average shows cancellation instead.

Beside it stands what the norm is measured against: for the simple RNN the bound λ₁^lag, which no product exceeds; for
the LSTM the highway, the largest product of forget gates over the same steps, which is no bound: the ways through the
gates can carry more, or less, than it.

    (1)  half-life = ln 2 / -ln f          steps after which a forget gate f has halved the cell

Next: clipping.py
"""

import json
import math
import sys
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lstm_lab import jacobians, sequence
from lstm_lab.cells.lstm import LSTMCell
from lstm_lab.cells.simple_rnn import SimpleRNNCell
from lstm_lab.config import FlowOptions
from lstm_lab.remembering import GUESSING, draw_batch, random_weights, train
from transformer_tutorial.runtime.errors import Failure

SHOWN_LAGS = (1, 2, 5, 10, 20, 40, 80)
BIASES = (-1.0, 0.0, 1.0, 2.0, 4.6)
QUANTILES = (0.1, 0.5, 0.9)


class Flow(NamedTuple):
    """Norms of one cell or variant, for the lags 0 .. T.

    Attributes:
        cell, variant: what was measured.
        reference_name: "bound" or "highway".
        norms: (3, T + 1), the 10 %, 50 % and 90 % quantiles of the operator norm.
        smallest: (T + 1,), the median of the smallest singular value.
        reference: (T + 1,), the median of the bound or of the highway.
        factor: by what the median norm is multiplied each step, from a straight line through its logarithms; 0 where
            fewer than two norms are above zero.
        final_losses: the loss that each training reached, in nats; empty where the weights are random.
    """

    cell: str
    variant: str
    reference_name: str
    norms: np.ndarray
    smallest: np.ndarray
    reference: np.ndarray
    factor: float
    final_losses: tuple[float, ...]


def run(options: FlowOptions) -> int:
    """Prints the norms, what the forget gate's bias does, and the error of the popular product."""
    flows = []
    for cell in cells(options):
        flows.append(measure(cell, options))
        if options.trained:
            print(f"trained {flows[-1].cell} {flows[-1].variant}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps([as_json(flow) for flow in flows], indent=1))
        return 0
    print(flow_table(flows, options))
    if "lstm" in options.cells:
        print(f"\n{bias_table(options)}\n\n{popular_table(options)}")
    return 0


def cells(options: FlowOptions) -> list[SimpleRNNCell | LSTMCell]:
    """The cells that the options name."""
    rnn = [SimpleRNNCell()] if "rnn" in options.cells else []
    return rnn + [LSTMCell(variant) for variant in options.variants if "lstm" in options.cells]


def measure(cell: SimpleRNNCell | LSTMCell, options: FlowOptions) -> Flow:
    """The norms of one cell over all weights and sequences.

    Raises:
        Failure: a product or its reference overflows.
    """
    norms, smallest, reference, final_losses = [], [], [], []
    for seed in range(options.seeds):
        weights, run_, final_loss = run_once(cell, options, seed)
        final_losses += [] if final_loss is None else [final_loss]
        with np.errstate(over="ignore", invalid="ignore"):
            products = jacobians.products(jacobians_of(cell, weights, run_))
            reference.append(reference_of(cell, weights, run_))
        _check_finite(products, reference[-1], options)
        singular = np.linalg.svd(products, compute_uv=False)
        norms.append(singular[..., 0])
        smallest.append(singular[..., -1])
    quantiles = np.quantile(np.concatenate(norms, axis=1), QUANTILES, axis=1)
    names = ("lstm", cell.variant, "highway") if isinstance(cell, LSTMCell) else ("rnn", "tanh", "bound")
    medians = (np.median(np.concatenate(part, axis=1), axis=1) for part in (smallest, reference))
    return Flow(*names, quantiles, *medians, factor_per_step(quantiles[1]), tuple(final_losses))


def run_once(cell: SimpleRNNCell | LSTMCell, options: FlowOptions, seed: int) -> tuple[Any, sequence.Run, float | None]:
    """Weights, a run over the sequences of the remembering task from a zero state, and the loss after training.

    The loss is None where the weights are random.
    """
    random = np.random.default_rng(seed)
    weights = random_weights(cell, 1, options.units, options.gain, options.forget_bias, random)
    final_loss = None
    if options.trained:
        trained = train(cell, weights, options.steps, options.updates, seed)
        weights, final_loss = trained.weights, trained.final_loss
    x, _ = draw_batch(options.steps, random, options.sequences)
    return weights, sequence.forward(cell, weights, tf.constant(x)), final_loss


def jacobians_of(cell: SimpleRNNCell | LSTMCell, weights: Any, run: sequence.Run) -> list[np.ndarray]:
    """The Jacobian of each step, (B, S, S)."""
    if isinstance(cell, SimpleRNNCell):
        return [jacobians.rnn_jacobian(weights, step) for step in run.steps]
    if not cell.row.gate_recurrence:
        return [jacobians.lstm_jacobian(cell, weights, step) for step in run.steps]
    return [np.stack([jacobians.jacobian_by_hand(cell, weights, one) for one in _split(step)]) for step in run.steps]


def reference_of(cell: SimpleRNNCell | LSTMCell, weights: Any, run: sequence.Run) -> np.ndarray:
    """For each lag and sequence, (T + 1, B): the bound of the simple RNN, or the LSTM's highway."""
    batch = run.outputs.shape[0]
    if isinstance(cell, SimpleRNNCell):
        return np.repeat(jacobians.rnn_bound(weights, np.arange(len(run.steps) + 1))[:, None], batch, axis=1)
    backwards = np.stack([step.f.numpy() for step in reversed(run.steps)])
    return np.concatenate([np.ones((1, batch)), np.cumprod(backwards, axis=0).max(axis=-1)])


def factor_per_step(norms: np.ndarray) -> float:
    """The slope of log(norm) over the lag, as a factor; exact zeros are left out."""
    lags = np.flatnonzero(norms > 0)
    return float(np.exp(np.polyfit(lags, np.log(norms[lags]), 1)[0])) if len(lags) > 1 else 0.0


def half_life(forget_gate: float) -> float:
    """Steps until a forget gate in (0, 1) has halved the cell."""
    return math.log(2) / -math.log(forget_gate)  # (1)


def popular_errors(options: FlowOptions) -> np.ndarray:
    """How far the product of N×N Jacobians of V is from the exact derivative of the cell, relative, (T - 1, samples).

    Entry [n - 1] is over n steps. The first step is left out: before it stands no step that could move y[0].
    """
    cell, errors = LSTMCell("V"), []
    for seed in range(options.seeds):
        weights, run_, _ = run_once(cell, options, seed)
        every = jacobians_of(cell, weights, run_)
        slopes = [jacobians.output_slope(cell, weights, step).numpy() for step in run_.steps]
        exact, popular = np.eye(2 * options.units), np.eye(options.units)
        found = []
        for jacobian, slope in zip(every[:0:-1], slopes[-2::-1], strict=True):
            exact, popular = exact @ jacobian, popular @ jacobians.popular_form(jacobian, slope)
            true = jacobians.cell_derivative(exact, slope)
            distance = np.linalg.norm(popular - true, axis=(1, 2))
            found.append(distance / np.linalg.norm(true, axis=(1, 2)))
        errors.append(found)
    return np.concatenate(errors, axis=1)


def flow_table(flows: list[Flow], options: FlowOptions) -> str:
    """Norms and references at a few lags, the factor per step, and whether a training taught the task."""
    lags = [lag for lag in SHOWN_LAGS if lag <= options.steps]
    kind = "trained" if options.trained else "random"
    lines = [
        f"Norm of J[T] ··· J[k+1], median over {options.seeds} {kind} weights and {options.sequences} sequences each, "
        f"N = {options.units}",
        f"{'cell':4} {'variant':7} {'':8}" + "".join(f"{f'lag {lag}':>10}" for lag in lags) + "  per step",
    ]
    for flow in flows:
        norms = "".join(f"{flow.norms[1][lag]:10.2e}" for lag in lags)
        reference = "".join(f"{flow.reference[lag]:10.2e}" for lag in lags)
        lines.append(f"{flow.cell:4} {flow.variant:7} {'norm':8}{norms}  {flow.factor:8.3f}")
        lines.append(f"{'':12} {flow.reference_name:8}{reference}")
        if flow.final_losses:
            low, middle, high = (statistic(flow.final_losses) for statistic in (min, np.median, max))
            lines.append(f"{'':12} {'loss':8}{middle:10.2e}, {low:.2e} to {high:.2e}; guessing: {GUESSING:.2e}")
    return "\n".join(lines)


def bias_table(options: FlowOptions) -> str:
    """What the forget gate's bias does to V: the gate at rest, its half-life, and the norm over the whole sequence."""
    lines = [
        "The forget gate's bias (V, random weights)",
        f"{'bias':>5} {'gate':>6} half-life  norm at lag {options.steps}",
    ]
    for bias in BIASES:
        random = FlowOptions(**(vars(options) | {"forget_bias": bias, "trained": False}))
        gate = 1 / (1 + math.exp(-bias))
        norm = measure(LSTMCell("V"), random).norms[1][-1]
        lines.append(f"{bias:5.1f} {gate:6.3f} {half_life(gate):9.1f}  {norm:.2e}")
    return "\n".join(lines)


def popular_table(options: FlowOptions) -> str:
    """The error of the popular product at a few distances."""
    errors = popular_errors(options)
    lines = ["Product of the N x N Jacobians against the true derivative of the cell (V): relative error, 10/50/90 %"]
    for lag in (lag for lag in SHOWN_LAGS if lag <= len(errors)):
        low, middle, high = np.quantile(errors[lag - 1], QUANTILES)
        lines.append(f"{lag:3} steps  {low:7.1%} {middle:7.1%} {high:7.1%}")
    return "\n".join(lines)


def as_json(flow: Flow) -> dict[str, Any]:
    """The flow as --json prints it: lists instead of arrays, the quantiles by name."""
    low, median, high = flow.norms.tolist()
    return {
        "cell": flow.cell,
        "variant": flow.variant,
        "lag": list(range(len(median))),
        "norm_10": low,
        "norm_50": median,
        "norm_90": high,
        "smallest_singular_value": flow.smallest.tolist(),
        flow.reference_name: flow.reference.tolist(),
        "factor_per_step": flow.factor,
        "final_losses": list(flow.final_losses),
        "guessing_loss": GUESSING,
    }


def _check_finite(products: np.ndarray, reference: np.ndarray, options: FlowOptions) -> None:
    if not (np.isfinite(products).all() and np.isfinite(reference).all()):
        raise Failure(
            f"over {options.steps} steps at a gain of {options.gain:g} the product of the Jacobians, or the bound on "
            "it, is too large for a float64. Use fewer --steps or a smaller --gain."
        )


def _split(step: Any) -> list[Any]:
    """A step of a batch -> steps with a batch of one."""
    size = tf.nest.flatten(step)[0].shape[0]
    return [tf.nest.map_structure(lambda part, b=b: part[b : b + 1], step) for b in range(size)]
