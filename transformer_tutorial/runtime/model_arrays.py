"""Everything of a Keras model that training changes, as named arrays, and back.

Weights, random states, metric sums, and the optimizer's variables: with them and the same data a training goes on as if
it had never stopped.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from transformer_tutorial.runtime.errors import Failure

UNTYPED = "V"  # what a bfloat16 array has become in an .npz file: the bytes without their type
GROUPS = WEIGHTS, METRICS, OPTIMIZER = "weights", "metrics", "optimizer"


def all_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """Every variable that training changes, by a name such as `00003|weights|dense/kernel`.

    Args:
        model: compiled; it and its optimizer are built. Other optimizers than `model.optimizer` are not seen.
    """
    return {
        f"{number:05d}|{group}|{variable.path}": np.asarray(variable)
        for number, (group, variable) in enumerate(_variables(model))
    }


def restore_arrays(
    model: keras.Model, arrays: Mapping[str, np.ndarray], where: Path, groups: Collection[str] = GROUPS
) -> None:
    """The inverse of `all_arrays`.

    Args:
        model: built, and its optimizer, too.
        arrays: as `all_arrays` gave them.
        where: they come from, for the message.
        groups: which to restore. The metrics' sums are there after the first step only.

    Raises:
        Failure: they are not this model's. Nothing is changed then.
    """
    variables = [(group, variable) for group, variable in _variables(model) if group in groups]
    stored = [(*_parts(name), array) for name, array in arrays.items() if _parts(name)[0] in groups]
    have = [(group, _kind(variable.path), tuple(variable.shape)) for group, variable in variables]
    pairs = zip(variables, stored, strict=False)
    typed = all(_is_of_its_type(array, variable) for (_, variable), (*_, array) in pairs)
    if [(group, _kind(path), tuple(array.shape)) for group, path, array in stored] != have or not typed:
        raise Failure(
            f"{where} belongs to another model, or to another version of this package: its arrays have "
            "other names, shapes or types. Train in another folder."
        )
    for (_, variable), (_, _, array) in zip(variables, stored, strict=True):
        variable.assign(array if array.dtype.kind != UNTYPED else array.view(variable.dtype))


def infinite_names(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the arrays with a value that is not finite."""
    return [name for name, array in arrays.items() if not np.isfinite(array).all()]


def name_of_infinite(arrays: Mapping[str, np.ndarray], but: Collection[str] = ()) -> str | None:
    """Path of the first variable with a value that is not finite, leaving out the names `but`; None if all are."""
    return next((_parts(name)[1] for name in infinite_names(arrays) if name not in but), None)


def _is_of_its_type(array: np.ndarray, variable: keras.Variable) -> bool:
    return array.dtype.kind != UNTYPED or array.dtype.itemsize == np.dtype(variable.dtype).itemsize


def _variables(model: keras.Model) -> Sequence[tuple[str, keras.Variable]]:
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    groups = {WEIGHTS: model.variables, METRICS: model.metrics_variables, OPTIMIZER: optimizer}
    return [(group, variable) for group, variables in groups.items() for variable in variables]


def _parts(name: str) -> tuple[str, str]:
    """Group and path."""
    group, _, path = name.partition("|")[2].partition("|")
    return group, path


def _kind(path: str) -> str:
    """A variable's path without numbers: Keras counts the models of a process in them."""
    return re.sub(r"_?\d+", "", path)
