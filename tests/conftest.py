"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SUBJECTS = {"o gato": "the cat", "a menina": "the girl", "o João": "João", "a avó": "the grandmother"}
VERBS = {"vê": "sees", "não vê": "does not see", "ouve": "hears", "procura": "looks for"}
OBJECTS = {"o cão": "the dog", "a casa": "the house", "um pássaro": "a bird", "as maçãs": "the apples"}


def tiny_pairs() -> list[tuple[str, str]]:
    """64 sentence pairs of our own, Portuguese and English."""
    return [
        (f"{pt} {verb_pt} {object_pt} .".capitalize(), f"{en} {verb_en} {object_en} .".capitalize())
        for pt, en in SUBJECTS.items()
        for verb_pt, verb_en in VERBS.items()
        for object_pt, object_en in OBJECTS.items()
    ]


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory) -> Path:
    """A folder with pt/en .train, .dev and .test files of 48, 8 and 8 pairs."""
    folder = tmp_path_factory.mktemp("corpus")
    pairs = tiny_pairs()
    parts = {"dev": pairs[::8], "test": pairs[1::8], "train": [p for i, p in enumerate(pairs) if i % 8 > 1]}
    for suffix, part in parts.items():
        for column, language in enumerate(("pt", "en")):
            (folder / f"{language}.{suffix}").write_text("".join(f"{pair[column]}\n" for pair in part), "utf-8")
    return folder


def pytest_collection_modifyitems(items):
    """Leaves out the tests marked `tensorflow` on other backends."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    for item in items:
        if backend != "tensorflow" and item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason=f"KERAS_BACKEND is {backend}"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside a checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return folder
