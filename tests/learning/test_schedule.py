import keras
import numpy as np
import pytest

from transformer_tutorial.learning.schedule import CustomSchedule, PerUpdate, WarmUpSchedule


@pytest.mark.parametrize(("d_model", "warmup_steps"), [(128, 4000), (512, 10)])
def test_update_n_has_the_papers_rate_at_step_n_plus_one(d_model, warmup_steps):
    schedule = CustomSchedule(d_model, warmup_steps)
    for update in (0, 1, 8, 9, 10, 3998, 3999, 4000, 100_000):
        step = update + 1
        expected = d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
        np.testing.assert_allclose(schedule(update), expected, rtol=1e-5)
        np.testing.assert_allclose(schedule(keras.ops.convert_to_tensor(update, "int64")), expected, rtol=1e-5)


def test_the_rate_peaks_at_warmup_steps():
    rates = [float(CustomSchedule(64, warmup_steps=20)(update)) for update in range(60)]
    assert int(np.argmax(rates)) + 1 == 20
    assert rates[0] > 0


def test_a_schedule_can_be_made_again_from_its_config():
    schedule = CustomSchedule(np.int64(96), warmup_steps=7)
    twin = CustomSchedule.from_config(schedule.get_config())
    assert twin.get_config() == schedule.get_config() == {"d_model": 96, "warmup_steps": 7}


def test_an_optimizer_is_stored_with_its_schedule():
    optimizer = keras.optimizers.Adam(CustomSchedule(96, warmup_steps=7))
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    np.testing.assert_allclose(float(twin.learning_rate), float(CustomSchedule(96, 7)(0)), rtol=1e-6)
    assert isinstance(twin._learning_rate, CustomSchedule)
    assert twin._learning_rate.get_config() == {"d_model": 96, "warmup_steps": 7}


FORMULAS = {
    "inverse_sqrt": lambda step: 2.0 * min(step / 10, (10 / step) ** 0.5),
    "linear": lambda step: 2.0 * min(step / 10, (51 - step) / 41),
    "cosine": lambda step: 2.0 * min(step / 10, (1 + np.cos(np.pi * max(0, step - 10) / 41)) / 2),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_the_rate_rises_to_its_peak_and_falls_as_its_formula_says(kind):
    schedule = WarmUpSchedule(kind, peak_rate=2.0, warmup_steps=10, total_steps=50)
    rates = [float(schedule(update)) for update in range(50)]
    np.testing.assert_allclose(rates, [FORMULAS[kind](step) for step in range(1, 51)], rtol=1e-4)
    assert int(np.argmax(rates)) + 1 == 10 and rates[-1] > 0
    twin = WarmUpSchedule.from_config(schedule.get_config())
    assert float(twin(30)) == float(schedule(30))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_schedule_that_ends_stays_at_zero(kind):
    schedule = WarmUpSchedule(kind, 2.0, 10, 50)
    assert [round(float(schedule(update)), 6) for update in (50, 51, 1000)] == [0.0, 0.0, 0.0]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be inverse_sqrt, linear or cosine, got 'steps'"):
        WarmUpSchedule("steps", 1.0, 1, 10)


def test_per_update_counts_the_batches_of_an_update_once():
    schedule = PerUpdate(CustomSchedule(8, 4), accumulate=3)
    rates = [float(schedule(batch)) for batch in range(7)]
    np.testing.assert_allclose(rates, [float(CustomSchedule(8, 4)(batch // 3)) for batch in range(7)], rtol=1e-6)
    twin = PerUpdate.from_config(schedule.get_config())
    assert float(twin(5)) == rates[5]
