import keras
import numpy as np
import pytest

from transformer_tutorial.config import Config
from transformer_tutorial.learning.averages import AverageWeights, mean_of_files
from transformer_tutorial.learning.callbacks import Position
from transformer_tutorial.learning.optimizer import keeping_weights
from transformer_tutorial.runtime.errors import Failure


def make_model(**optimizer):
    model = keras.Sequential([keras.layers.Dense(2, use_bias=False)])
    model.compile(optimizer=keeping_weights(keras.optimizers.SGD)(1.0, **optimizer), loss="mse")
    model.build((None, 2))
    return model


def stage(folder, model, **config):
    average = AverageWeights(folder, Position(), Config(**config))
    average.set_model(model)
    return average


def validate(average, model, value: float):
    """Plays one epoch that ends with all weights at `value`; returns the weights that validation sees."""
    model.set_weights([np.full((2, 2), value, "float32")])
    average.on_test_begin()
    (seen,) = model.get_weights()
    average.restore()
    assert (model.get_weights()[0] == value).all(), "training goes on from its own weights"
    average.position.epoch += 1
    return seen


def test_the_mean_of_the_last_epochs_is_the_mean_of_their_weights(tmp_path):
    average, model = stage(tmp_path, make_model(), average_last=3), make_model()
    average.set_model(model)
    (tmp_path / "tmp-1.npz").write_bytes(b"of a process that was killed")
    seen = [validate(average, model, value)[0, 0] for value in (1.0, 2.0, 6.0, 10.0, 5.0, 6.0, 7.0)]
    np.testing.assert_allclose(seen, [1.0, 1.5, 3.0, 6.0, 7.0, 7.0, 6.0], rtol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"epoch-000{n}.npz" for n in range(2, 8)]


def test_an_epoch_done_again_replaces_its_own_weights_and_later_ones(tmp_path):
    model = make_model()
    average = stage(tmp_path, model, average_last=3)
    for value in (1.0, 2.0, 6.0):
        validate(average, model, value)
    again = stage(tmp_path, model, average_last=3)  # a new process, resumed in epoch 2
    again.position.epoch = 1
    np.testing.assert_allclose(validate(again, model, 4.0), 2.5)


def test_a_training_that_falls_back_some_epochs_finds_their_weights(tmp_path, capsys):
    model = make_model()
    average = stage(tmp_path, model, average_last=2)
    for value in (1.0, 2.0, 6.0, 8.0):
        validate(average, model, value)
    again = stage(tmp_path, model, average_last=2)
    again.position.epoch = 1
    np.testing.assert_allclose(validate(again, model, 4.0), 2.5)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", ["half", "missing"])
def test_weights_that_are_lost_are_left_out_with_a_warning(tmp_path, capsys, damage):
    model = make_model()
    average = stage(tmp_path, model, average_last=3)
    for value in (1.0, 2.0):
        validate(average, model, value)
    file = tmp_path / "epoch-0001.npz"
    data = file.read_bytes()
    file.unlink()
    if damage == "half":
        file.write_bytes(data[: len(data) // 2])
    np.testing.assert_allclose(validate(average, model, 6.0), 4.0)
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("Warning: 1 of the last 3 epochs' weights in ") and warning.endswith("is over 2.")


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    def savez(file, *arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    model = make_model()
    with pytest.raises(Failure, match=r"The weights of epoch 1 could not be written to .*: No space left on device\."):
        validate(stage(tmp_path, model, average_last=2), model, 1.0)


def test_the_moving_average_follows_its_definition(tmp_path):
    model = make_model(use_ema=True, ema_momentum=0.9)
    average = stage(tmp_path, model, ema=0.9)
    model.optimizer.build(model.trainable_variables)
    expected = None
    for step in range(4):
        model.optimizer.apply([np.full((2, 2), step, "float32")], model.trainable_variables)
        weights = model.get_weights()[0]
        expected = weights if expected is None else 0.9 * expected + 0.1 * weights
    average.on_test_begin()
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5)
    assert not np.allclose(expected, weights)
    average.restore()
    np.testing.assert_array_equal(model.get_weights()[0], weights)


def test_fit_ends_with_the_weights_of_its_last_step():
    """Each epoch is a `fit` of its own, and Keras would let the next one begin with the average."""
    rows, ends = np.ones((8, 2), "float32"), []
    for average in (False, True):
        model = make_model(use_ema=average, ema_momentum=0.9 if average else 0.99)
        model.set_weights([np.full((2, 2), 0.5, "float32")])
        model.fit(rows, rows, batch_size=2, epochs=1, shuffle=False, verbose=0)
        ends.append(model.get_weights()[0])
    np.testing.assert_array_equal(*ends)


def test_without_averaging_nothing_is_touched_or_written(tmp_path):
    model = make_model()
    assert (validate(stage(tmp_path, model), model, 3.0) == 3.0).all() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_mean_of_files_is_the_mean_of_their_arrays(tmp_path, count):
    arrays = np.random.default_rng(0).normal(size=(count, 2, 3)).astype("float32")
    files = [tmp_path / f"{n}.npz" for n in range(count)]
    for file, array in zip(files, arrays, strict=True):
        np.savez(file, array, -array)
    first, second = mean_of_files(files)
    np.testing.assert_allclose(first, arrays.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(second, -first)
