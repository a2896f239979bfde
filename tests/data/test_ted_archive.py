import pathlib
import tarfile

import pytest

import synthetic_ted
from file_server import Route, serving
from synthetic_ted import TEXTS, member
from transformer_tutorial.data import ted_archive
from transformer_tutorial.data.download import fingerprint
from transformer_tutorial.data.ted_archive import downloaded_archive, extract, ted_files, verified_archive
from transformer_tutorial.runtime.errors import Failure, UsageError

NAME = "ted.tar.gz"
TED = pathlib.Path(__file__).resolve().parents[2] / "../shared/data/ted_hrlr_pt_en"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    path = synthetic_ted.write_archive(tmp_path / NAME)
    synthetic_ted.register(monkeypatch, path)
    return path


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_mirror_leads_to_a_known_archive():
    assert {url.rsplit("/", 1)[1] for url in ted_archive.MIRRORS} == set(ted_archive.ARCHIVES)


def test_an_archive_of_the_user_gives_the_six_files_and_nothing_else(archive, downloads):
    assert contents(ted_files(downloads, archive)) == TEXTS


def test_an_archive_is_known_by_its_checksum_not_by_its_name(archive, downloads):
    assert contents(ted_files(downloads, archive.rename(archive.with_name("other")))) == TEXTS


def test_an_archive_in_the_home_folder_is_found(archive, monkeypatch):
    monkeypatch.setenv("HOME", str(archive.parent))
    assert verified_archive(pathlib.Path("~") / NAME) == archive


def test_files_that_are_there_need_no_archive(archive, downloads):
    ted_files(downloads, archive)
    assert contents(ted_files(downloads, downloads / "gone")) == TEXTS


@pytest.mark.parametrize("name", ["pt.train", "en.test"])
def test_a_damaged_file_is_unpacked_again(archive, downloads, name):
    damaged = ted_files(downloads, archive) / name
    damaged.write_bytes(TEXTS[name].replace(b"1", b"2"))
    assert contents(ted_files(downloads, archive)) == TEXTS


def test_a_missing_archive_is_named(archive, downloads):
    with pytest.raises(UsageError, match=r"archive .*gone does not exist"):
        ted_files(downloads, downloads / "gone")


def test_an_unknown_archive_is_refused_with_both_checksums_and_left_alone(archive, downloads):
    known = fingerprint(archive)
    archive.write_bytes(archive.read_bytes()[:-1])
    size, received = fingerprint(archive)
    with pytest.raises(
        Failure,
        match=rf"ted\.tar\.gz: wrong checksum\. Expected ted.*{known.sha256}\), received {size:,} bytes.*{received}",
    ):
        verified_archive(archive)
    assert archive.exists() and not downloads.exists()


def test_mirrors_are_tried_in_turn(archive, downloads, monkeypatch, capsys):
    body = archive.read_bytes()
    with serving({f"/b/{NAME}": Route(bytes(len(body))), f"/c/{NAME}": Route(body)}) as server:
        monkeypatch.setattr(ted_archive, "MIRRORS", [f"{server.url}/{place}/{NAME}" for place in "abcd"])
        assert contents(ted_files(downloads)) == TEXTS
        assert [path[1] for path, _ in server.requests] == ["a", "b", "c"]
    printed = capsys.readouterr().err
    assert "HTTP status 404" in printed and "wrong checksum" in printed


def test_a_downloaded_archive_is_not_downloaded_again(archive, downloads, monkeypatch):
    monkeypatch.setattr(ted_archive, "MIRRORS", [])
    downloads.mkdir()
    archive.rename(downloads / NAME)
    assert downloaded_archive(downloads) == downloads / NAME


def test_a_damaged_download_is_replaced(archive, downloads, monkeypatch):
    downloads.mkdir()
    (downloads / NAME).write_bytes(b"half an archive")
    with serving({f"/{NAME}": Route(archive.read_bytes())}) as server:
        monkeypatch.setattr(ted_archive, "MIRRORS", [f"{server.url}/{NAME}"])
        assert fingerprint(downloaded_archive(downloads)) == fingerprint(archive)


def test_without_a_mirror_one_message_says_what_to_fetch_from_where_and_how_to_go_on(archive, downloads, monkeypatch):
    with serving({f"/b/{NAME}": Route(bytes(archive.stat().st_size))}) as server:
        urls = [f"{server.url}/{place}/{NAME}" for place in "ab"]
        monkeypatch.setattr(ted_archive, "MIRRORS", urls)
        with pytest.raises(Failure, match="could not be downloaded") as caught:
            ted_files(downloads)
    message = str(caught.value)
    for wanted in (*urls, "HTTP status 404", "wrong checksum", "--archive FILE"):
        assert wanted in message
    assert "\n" not in message
    assert list(downloads.iterdir()) == []


@pytest.mark.parametrize(
    "evil",
    [
        member("/etc/evil", b"x"),
        member("../evil", b"x"),
        member("datasets/../../evil", b"x"),
        member("datasets/pt_to_en/pt.train", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("datasets/harmless", type=tarfile.SYMTYPE, linkname="pt_to_en"),
        member("datasets/pt_to_en/en.train", type=tarfile.LNKTYPE, linkname="datasets/pt_to_en/pt.train"),
        member("datasets/device", type=tarfile.CHRTYPE),
        member("datasets/pipe", type=tarfile.FIFOTYPE),
    ],
    ids=lambda evil: evil[0].name,
)
def test_an_archive_with_a_dangerous_member_is_refused_before_anything_is_written(archive, tmp_path, evil):
    synthetic_ted.write_archive(archive, more=[evil])
    with pytest.raises(Failure, match=r"ted\.tar\.gz is refused: its member '.*' is a link, a device or leaves"):
        extract(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_archive_without_one_of_the_files_is_refused(archive, tmp_path):
    synthetic_ted.write_archive(archive, {name: data for name, data in TEXTS.items() if name != "en.dev"})
    with pytest.raises(Failure, match=r"has no file datasets/pt_to_en/en\.dev"):
        extract(archive, tmp_path / "out")


def test_a_folder_in_place_of_a_file_is_refused(archive, tmp_path):
    texts = {name: data for name, data in TEXTS.items() if name != "en.dev"}
    synthetic_ted.write_archive(archive, texts, [member("datasets/pt_to_en/en.dev", type=tarfile.DIRTYPE)])
    with pytest.raises(Failure, match=r"has no file datasets/pt_to_en/en\.dev"):
        extract(archive, tmp_path / "out")


def test_a_file_of_another_size_is_not_read(archive, tmp_path):
    synthetic_ted.write_archive(archive, TEXTS | {"pt.dev": TEXTS["pt.dev"] + b"x"})
    size = len(TEXTS["pt.dev"])
    with pytest.raises(Failure, match=rf"pt\.dev has {size + 1} bytes, expected {size}"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out/pt.dev").exists()


def test_a_file_with_other_bytes_is_not_written(archive, tmp_path):
    synthetic_ted.write_archive(archive, TEXTS | {"pt.dev": TEXTS["pt.dev"].replace(b"1", b"2")})
    with pytest.raises(Failure, match=r"pt\.dev: wrong checksum\. Expected SHA-256"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out/pt.dev").exists()


@pytest.mark.parametrize("data", [b"no archive", b""])
def test_a_file_that_is_no_archive_is_reported(archive, tmp_path, data):
    archive.write_bytes(data)
    with pytest.raises(Failure, match=r"ted\.tar\.gz cannot be unpacked to"):
        extract(archive, tmp_path / "out")


def test_an_archive_that_breaks_off_is_reported(archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(Failure, match=r"ted\.tar\.gz cannot be unpacked to"):
        extract(archive, tmp_path / "out")


@pytest.mark.skipif(not TED.is_dir(), reason="the TED files are not here")
@pytest.mark.parametrize("name", ["pt.train", "en.train", "pt.dev", "en.dev"])
def test_the_published_files_are_those_of_the_table(name):
    assert fingerprint(TED / name) == ted_archive.FILES[name]
