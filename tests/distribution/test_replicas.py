"""N replicas train what one device trains: the same losses, metrics and weights."""

import numpy as np
import pytest

SETTINGS = ("adam", "accumulated")


def flat(values) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in values])


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("replicas", ["2", "4"])
def test_replicas_report_the_losses_and_metrics_of_one_device(trainings, setting, replicas):
    one, several = trainings[setting]["1"], trainings[setting][replicas]
    assert len(one["history"]) == 5 and one["history"][0]["tokens"] > 300
    for expected, found in zip(one["history"], several["history"], strict=True):
        assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("replicas", ["2", "4"])
def test_replicas_reach_the_weights_of_one_device(trainings, replicas):
    one, several = trainings["accumulated"]["1"], trainings["accumulated"][replicas]
    assert one["moved"] > 0.1
    for name, weight in one["weights"].items():
        np.testing.assert_allclose(several["weights"][name], weight, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("replicas", ["2", "4"])
def test_replicas_reach_the_weights_of_one_device_with_adam(trainings, replicas):
    one, several = trainings["adam"]["1"], trainings["adam"][replicas]
    assert one["moved"] > 0.1
    for name, weight in one["weights"].items():
        # The keys' bias moves all scores of a row alike: its gradient is 0 but for rounding, which Adam scales up.
        limit = 1e-3 if name.endswith("mha/key/bias") else 1e-5
        np.testing.assert_allclose(several["weights"][name], weight, atol=limit, err_msg=name)


def test_gradient_norms_are_those_of_the_whole_batch(trainings):
    one, several = (trainings["adam"][replicas]["norms"] for replicas in ("1", "4"))
    np.testing.assert_allclose(several, one, rtol=1e-4, atol=1e-5)


def test_float16_trains_on_replicas_as_on_one_device_and_close_to_float32(trainings):
    one, two = (trainings["float16"][replicas]["history"][-1]["loss"] for replicas in ("1", "2"))
    exact = trainings["adam"]["1"]["history"]
    assert two == pytest.approx(one, abs=0.02) and one == pytest.approx(exact[-1]["loss"], abs=0.02)
    assert exact[0]["loss"] - exact[-1]["loss"] > 0.1


@pytest.mark.parametrize("case", ["uneven parts", "clipping", "accumulation", "scalar loss", "batch norm"])
def test_a_model_of_ones_own_trains_as_on_one_device(fits, case):
    one, own = fits[case]["one device"], fits[case]["own"]
    np.testing.assert_allclose(flat(own["weights"]), flat(one["weights"]), atol=1e-6)
    assert {"loss", "mae", "val_loss", "val_mae"} <= set(one["history"])
    for name, values in one["history"].items():
        np.testing.assert_allclose(own["history"][name], values, rtol=1e-5, err_msg=name)


def test_an_overflow_on_one_replica_skips_the_step_on_all(fits):
    one, own = fits["overflow"]["one device"], fits["overflow"]["own"]
    np.testing.assert_allclose(flat(own["weights"]), flat(one["weights"]), atol=1e-3)


def test_means_over_a_part_of_a_batch_are_warned_of(fits):
    (warning,) = fits["batch norm of parts"]["own"]["said"]
    assert warning.startswith("Warning: norm: each replica takes the mean of its part of a batch")
    assert fits["batch norm"]["own"]["said"] == fits["batch norm of parts"]["own, one device"]["said"] == []


def test_a_loss_that_is_a_sum_is_refused(fits):
    assert fits["sum"]["own"] == {"error": fits["sum"]["own"]["error"]}
    assert fits["sum"]["own"]["error"].startswith('a loss must be a mean under several replicas, got reduction="sum"')


@pytest.mark.parametrize("case", ["uneven parts", "clipping", "accumulation", "scalar loss", "overflow", "sum"])
def test_on_one_device_the_mixin_changes_nothing(fits, case):
    assert fits[case]["own, one device"] == fits[case]["one device"]
