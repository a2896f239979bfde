import hashlib
import pathlib
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds

import synthetic_ted
from transformer_tutorial.data import ted, ted_archive
from transformer_tutorial.runtime.errors import Failure, UsageError

ROOT = pathlib.Path(__file__).resolve().parents[2]
TED = ROOT / "../shared/data/ted_hrlr_pt_en"
SPLITS = {"train": "train", "validation": "dev", "test": "test"}


def by_md5(split, count):
    """Line numbers in the order in which the library writes the lines."""
    return sorted(range(count), key=lambda i: int(hashlib.md5(f"{split}{i}".encode()).hexdigest(), 16))


def in_order(split, portuguese, english):
    """The pairs of these lines as the library gives them; those with an empty side are missing."""
    return [(portuguese[i], english[i]) for i in by_md5(split, len(portuguese)) if portuguese[i] and english[i]]


@pytest.fixture
def archive(tmp_path, monkeypatch):
    path = synthetic_ted.write_archive(tmp_path / "ted.tar.gz")
    synthetic_ted.register(monkeypatch, path)
    monkeypatch.setattr(ted_archive, "MIRRORS", [])
    return path


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "tfds"


def expected(split):
    return in_order(split, *(synthetic_ted.lines(f"{language}.{SPLITS[split]}") for language in ("pt", "en")))


def test_all_pairs_come_in_the_order_of_the_library(archive, data_dir):
    for split in SPLITS:
        assert ted.ted_pairs(split, data_dir=data_dir, archive=archive) == expected(split)


def test_what_is_prepared_is_found_by_the_library_itself(archive, data_dir):
    ted.prepared_builder(data_dir, archive)
    builder = tfds.builder("ted_hrlr_translate/pt_to_en", data_dir=data_dir)
    assert {name: info.num_examples for name, info in builder.info.splits.items()} == {
        "train": 39,
        "validation": 8,
        "test": 6,
    }
    loaded = tfds.load("ted_hrlr_translate/pt_to_en", data_dir=data_dir, split="validation", as_supervised=True)
    assert [(pt.decode(), en.decode()) for pt, en in tfds.as_numpy(loaded)] == expected("validation")


def test_everything_lies_in_the_folder_of_the_library(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    ted.prepared_builder(pathlib.Path("~/tfds"), archive)
    assert sorted(path.name for path in (tmp_path / "home/tfds").iterdir()) == ["downloads", "ted_hrlr_translate"]
    assert (tmp_path / "home/tfds/downloads/ted_hrlr_pt_to_en/pt.train").is_file()


def test_what_is_prepared_is_read_without_archive_and_network(archive, data_dir):
    ted.prepared_builder(data_dir, archive)
    archive.unlink()
    for path in sorted((data_dir / "downloads").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert ted.ted_pairs("test", data_dir=data_dir) == expected("test")


def test_the_default_folder_is_that_of_the_library(archive, tmp_path):
    program = "from transformer_tutorial.data import ted; print(len(ted.ted_pairs('test')))"
    ted.prepared_builder(tmp_path / "default", archive)
    environment = {"PATH": "", "HOME": str(tmp_path), "TFDS_DATA_DIR": str(tmp_path / "default")}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "6\n", done.stderr


def test_preparing_again_after_a_kill_works(archive, data_dir):
    data_set = data_dir / "ted_hrlr_translate/pt_to_en"
    files = data_dir / "downloads/ted_hrlr_pt_to_en"
    (data_set / "incomplete.ABCDEF_1.0.0").mkdir(parents=True)
    files.mkdir(parents=True)
    (files / "pt.train").write_bytes(b"half a fi")
    (files / "en.train.part").write_bytes(b"half a fi")
    assert ted.ted_pairs("train", data_dir=data_dir, archive=archive) == expected("train")


def test_a_folder_that_is_no_data_set_is_named(archive, data_dir):
    (data_dir / "ted_hrlr_translate/pt_to_en/1.0.0").mkdir(parents=True)
    with pytest.raises(Failure, match=r"pt_to_en/1\.0\.0 is not a complete data set\. Delete that folder"):
        ted.ted_pairs("train", data_dir=data_dir, archive=archive)


def test_nothing_is_prepared_from_an_archive_that_is_missing(archive, data_dir):
    with pytest.raises(UsageError, match="does not exist"):
        ted.ted_pairs("train", data_dir=data_dir, archive=data_dir / "gone")
    assert not (data_dir / "ted_hrlr_translate").exists()


def test_preparing_prints_nothing_to_stdout(archive, data_dir, capfd):
    ted.prepared_builder(data_dir, archive)
    assert capfd.readouterr().out == ""


def test_importing_the_corpus_does_not_import_the_library():
    program = "import sys, transformer_tutorial.data.ted, transformer_tutorial.data.corpus; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "transformer_tutorial.data.ted_archive" in done.stdout.split()
    assert not {"tensorflow_datasets", "tensorflow"} & set(done.stdout.split())


@pytest.mark.skipif(not TED.is_dir(), reason="the TED files are not here")
def test_the_published_files_come_in_the_published_order(tmp_path, monkeypatch, data_dir):
    names = ("pt.train", "en.train", "pt.dev", "en.dev")
    texts = {name: (TED / name).read_bytes() for name in names}
    texts |= {name: synthetic_ted.TEXTS[name] for name in ("pt.test", "en.test")}
    archive = synthetic_ted.write_archive(tmp_path / "ted.tar.gz", texts)
    synthetic_ted.register(monkeypatch, archive, texts)
    published = {
        "train": (
            51_785,
            [16399, 1680, 47917, 17307, 27051],
            "cf30aa8d9915821c12fbe8f1e6c1b8963233b4cda05991af545e3a57fade2c16",
        ),
        "validation": (
            1_193,
            [878, 787, 458, 1048, 1112],
            "5881aea63d9049adfdb081ecb70d3aae456bfc152c5d3771efa1e454c4803a77",
        ),
    }
    for split, (count, first, digest) in published.items():
        order = by_md5(split, count)
        assert order[:5] == first
        assert hashlib.sha256("\n".join(map(str, order)).encode()).hexdigest() == digest
        lines = [texts[f"{language}.{SPLITS[split]}"].decode().split("\n")[:-1] for language in ("pt", "en")]
        assert ted.ted_pairs(split, data_dir=data_dir, archive=archive) == in_order(split, *lines)
