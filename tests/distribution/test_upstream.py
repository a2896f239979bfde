"""What runtime/distributed_fit.py heals is still broken in Keras. A test that fails here names what may be removed."""

import numpy as np

from distribution.test_replicas import flat

REMOVE = "Keras has healed this: remove it from runtime/distributed_fit.py, with its line in the table there"


def distance(case: dict) -> float:
    return float(np.abs(flat(case["plain"]["weights"]) - flat(case["one device"]["weights"])).max())


def test_parts_of_unlike_sizes_stop_plain_fit(fits):
    assert "error" in fits["uneven parts"]["plain"], f"{REMOVE}: _maybe_symbolic_build, on one machine."


def test_plain_accumulation_fails_under_replicas(fits):
    assert "error" in fits["accumulation"]["plain"], f"{REMOVE}: update_each_copy, for accumulation."


def test_plain_clipping_clips_each_part(fits):
    assert distance(fits["clipping"]) > 1e-3, f"{REMOVE}: update_each_copy, for clipping."


def test_a_plain_scalar_loss_counts_once_for_each_replica(fits):
    found, right = (fits["scalar loss"][how]["history"]["loss"][0] for how in ("plain", "one device"))
    assert found > 1.5 * right, f"{REMOVE}: _shared."


def test_a_plain_overflow_on_the_second_replica_reaches_the_weights(fits):
    plain = flat(fits["overflow"]["plain"]["weights"])
    assert not np.isfinite(plain).all(), f"{REMOVE}: the sum of the gradients before the loss is unscaled."
