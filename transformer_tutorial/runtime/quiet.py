"""Hides what TensorFlow's native libraries print while they start.

They write straight to file descriptor 2, before any log level applies: which CPU instructions exist, that there is no
GPU. Between a user and an error message of ours that is noise.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType


@contextlib.contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere for a while; Python's own `sys.stderr` still reaches the user."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    python_stderr = sys.stderr
    try:
        with open(os.devnull, "wb") as nowhere, os.fdopen(os.dup(kept), "w", buffering=1) as direct:
            os.dup2(nowhere.fileno(), 2)
            sys.stderr = direct if python_stderr is sys.__stderr__ else python_stderr
            yield
    finally:
        sys.stderr = python_stderr
        os.dup2(kept, 2)
        os.close(kept)


def import_quietly(name: str, quiet: bool = True) -> ModuleType:
    """Imports a module; if that brings TensorFlow, its search for GPUs is over, too, before anything is shown."""
    with native_messages_hidden() if quiet else contextlib.nullcontext():
        module = importlib.import_module(name)
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].config.list_physical_devices("GPU")
    return module
