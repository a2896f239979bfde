"""A second signal leaves at once, with the exit code that belongs to it."""

import os
import signal

import pytest

from transformer_tutorial.runtime.interrupts import Interrupts


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (signal.SIGTERM, signal.SIGTERM, SystemExit),
        (signal.SIGINT, signal.SIGTERM, SystemExit),
        (signal.SIGINT, signal.SIGINT, KeyboardInterrupt),
    ],
)
def test_a_second_signal_leaves_at_once(first, second, error):
    interrupts = Interrupts()
    interrupts.listen()
    try:
        os.kill(os.getpid(), first)
        assert interrupts.asked() == first
        with pytest.raises(error) as raised:
            os.kill(os.getpid(), second)
    finally:
        interrupts.restore()
    assert getattr(raised.value, "code", 143) == 143
