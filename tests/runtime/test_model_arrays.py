from pathlib import Path

import keras
import numpy as np
import pytest

from transformer_tutorial.runtime.errors import Failure
from transformer_tutorial.runtime.model_arrays import all_arrays, name_of_infinite, restore_arrays

HERE = Path("ckpt-00000007")


def make_model(units: int = 3) -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dropout(0.5, seed=1)])
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model.fit(np.ones((4, 2)), np.ones((4, units)), verbose=0)
    return model


def test_all_arrays_hold_weights_random_states_metrics_and_the_optimizer():
    names = list(all_arrays(make_model()))
    assert names == sorted(names) and len(set(names)) == len(names)
    groups = ("|weights|", "|metrics|", "|optimizer|")
    for part in (*groups, "kernel", "bias", "seed", "loss", "iteration", "momentum"):
        assert any(part in name.lower() for name in names), part


def test_restored_arrays_are_the_stored_ones():
    model, other = make_model(), make_model()
    assert not np.array_equal(model.weights[0], other.weights[0])
    restore_arrays(other, all_arrays(model), HERE)
    for here, there in zip(all_arrays(model).values(), all_arrays(other).values(), strict=True):
        np.testing.assert_array_equal(here, there)


def test_groups_that_are_not_named_stay_as_they_are():
    model, other = make_model(), make_model()
    before = all_arrays(other)
    restore_arrays(other, all_arrays(model), HERE, ["optimizer"])
    for (name, array), stored in zip(all_arrays(other).items(), all_arrays(model).values(), strict=True):
        np.testing.assert_array_equal(array, stored if "|optimizer|" in name else before[name], err_msg=name)


def test_arrays_of_another_model_or_version_are_refused_and_nothing_is_changed():
    model = make_model()
    message = (
        r"ckpt-00000007 belongs to another model, .* its arrays have other names, shapes or types\. Train in another"
    )
    arrays = all_arrays(model)
    older = {name.replace("|weights|", "|"): array for name, array in arrays.items()}
    for wrong in (all_arrays(make_model(units=4)), older):
        with pytest.raises(Failure, match=message):
            restore_arrays(model, wrong, HERE)
    for name, array in all_arrays(model).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_an_npz_file_takes_the_type_of_bfloat16_and_it_is_given_back(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    try:
        model, other = make_model(), make_model()
    finally:
        keras.config.set_dtype_policy("float32")
    np.savez(tmp_path / "arrays.npz", **all_arrays(model))
    with np.load(tmp_path / "arrays.npz") as file:
        stored = {name: file[name] for name in file.files}
    assert "V" in {array.dtype.kind for array in stored.values()}
    restore_arrays(other, stored, HERE)
    for here, there in zip(all_arrays(model).values(), all_arrays(other).values(), strict=True):
        np.testing.assert_array_equal(here, there)
    with pytest.raises(Failure, match="belongs to another model"):
        restore_arrays(make_model(), stored, HERE)


def test_the_first_array_with_a_value_that_is_not_finite_is_named():
    arrays = {"0|weights|a/kernel": np.ones(2), "1|weights|b": np.array([1.0, np.inf]), "2|metrics|c": np.array(np.nan)}
    assert name_of_infinite(arrays) == "b"
    assert name_of_infinite(arrays, but=["1|weights|b"]) == "c"
    assert name_of_infinite({"0|weights|a": np.ones(2), "1|optimizer|n": np.array(3)}) is None
