"""What `replica_program.py` prints, which takes a process and some time for each group of checks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent


def python(program: str, *arguments: str, **environment: str) -> subprocess.Popen:
    """A program of this folder, started."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    command = [sys.executable, str(FOLDER / program), *arguments]
    variables = {**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "2", **environment}
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process: subprocess.Popen):
    """The JSON of its last line of output."""
    output, errors = process.communicate(timeout=550)
    assert process.returncode == 0, errors[-4000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="session")
def trainings():
    """Trainings of our own trainer: setting -> number of replicas -> what came out."""
    return result(python("replica_program.py", "trainer"))


@pytest.fixture(scope="session")
def fits():
    """Fits of other people's models: case -> how -> what came out."""
    return result(python("replica_program.py", "fit"))
