"""Ctrl-C and SIGTERM in the middle of `fit`: the running step is finished first, then whoever asked is obeyed.

    with SIGINT     KeyboardInterrupt leaves `fit`, exit code 130
    with SIGTERM    SystemExit(143)

A second signal leaves at once. With several workers all of them leave after the same step when one of them is asked to.
"""

import os
import signal
from typing import Any

from transformer_tutorial.runtime.workers import Workers

STEPS_BETWEEN_QUESTIONS = 8  # whether another worker was asked to leave


class Interrupts:
    """Remembers that the process was asked to leave, until somebody looks.

    Args:
        workers: those that train together.
    """

    def __init__(self, workers: Workers | None = None):
        self.workers = workers or Workers()
        self.signal: int | None = None
        self._model, self._replaced = None, {}

    def listen(self, model: Any = None) -> None:
        """From here on signals are remembered; outside the main thread nothing changes.

        Args:
            model: whose `fit` is running. When a signal comes after an exception has ended it, which nobody tells a
                callback, the signal does what it did before. None: until `restore`.
        """
        if self._replaced:
            return
        self._model = model
        try:
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._replaced = {number: signal.signal(number, self._on_signal) for number in numbers}
        except ValueError:
            self._replaced = {}

    def restore(self) -> None:
        """Signals do again what they did before."""
        for number, handler in self._replaced.items():
            signal.signal(number, handler)
        self._model, self._replaced = None, {}

    def asked(self, step: int | None = None, number: int = 0) -> int:
        """The signal that this worker, or another one, was sent, else the largest `number` of all workers.

        Args:
            step: of the step at whose end all workers ask. They exchange the answer at some steps only, and it is 0 at
                the others; None: they exchange it now.
            number: below those of signals.
        """
        if not self.workers.several:
            return self.signal or number
        if step is not None and step % STEPS_BETWEEN_QUESTIONS:
            return 0
        return self.workers.largest(self.signal or number)

    def leave(self, number: int) -> None:
        """Raises what belongs to the signal."""
        self.workers.from_chief(None)  # nobody goes before the chief has saved
        raise _error_of(number)

    def _on_signal(self, number, frame):
        if self._model is not None and not _runs_fit(frame, self._model):
            self.restore()
            signal.raise_signal(number)
            return
        if self.signal is not None:
            raise _error_of(number)
        self.signal = number
        os.write(2, b"\nFinishing the step and saving; once more to leave at once.\n")


def _error_of(number: int) -> BaseException:
    return SystemExit(143) if number == signal.SIGTERM else KeyboardInterrupt()


def _runs_fit(frame: Any, model: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
            return True
        frame = frame.f_back
    return False
