import hashlib
import socket
import time

import pytest

from file_server import Route, serving
from transformer_tutorial.data import download as module
from transformer_tutorial.data.download import Fingerprint, download, fingerprint
from transformer_tutorial.runtime.errors import Failure

BODY = bytes(i * i % 251 for i in range(200_000))
EXPECTED = Fingerprint(len(BODY), hashlib.sha256(BODY).hexdigest())


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "downloads" / "file.gz"


def write_part(path, data):
    path.parent.mkdir()
    path.with_name("file.gz.part").write_bytes(data)


def fetch(path, route):
    """Downloads from a server with this one file; returns the Range headers that it saw."""
    with serving({"/file.gz": route}) as server:
        try:
            download(f"{server.url}/file.gz", path, EXPECTED)
        finally:
            seen = [wanted for _, wanted in server.requests]
    return seen


def test_a_fingerprint_is_the_size_and_the_sha256(tmp_path):
    (tmp_path / "a").write_bytes(BODY)
    assert fingerprint(tmp_path / "a") == EXPECTED


@pytest.mark.parametrize("announces", [True, False])
def test_a_file_arrives_whole_and_leaves_no_part(path, announces):
    assert fetch(path, Route(BODY, announces=announces)) == [None]
    assert path.read_bytes() == BODY
    assert [file.name for file in path.parent.iterdir()] == ["file.gz"]


def test_progress_goes_to_stderr(path, capsys):
    fetch(path, Route(BODY))
    printed = capsys.readouterr()
    assert "200k/200k" in printed.err and "file.gz" in printed.err
    assert printed.out == ""


def test_an_earlier_part_is_continued(path):
    write_part(path, BODY[:150_000])
    assert fetch(path, Route(BODY)) == ["bytes=150000-"]
    assert path.read_bytes() == BODY


def test_a_server_that_sends_everything_again_is_believed(path):
    write_part(path, BODY[:150_000])
    assert fetch(path, Route(BODY, ranges=False)) == ["bytes=150000-"]
    assert path.read_bytes() == BODY


def test_a_complete_part_needs_no_server(path):
    write_part(path, BODY)
    assert fetch(path, Route(b"")) == []
    assert path.read_bytes() == BODY


def test_a_broken_connection_is_continued_at_once(path):
    assert fetch(path, Route(BODY, cut_after=90_000)) == [None, "bytes=90000-", "bytes=180000-"]
    assert path.read_bytes() == BODY


def test_what_has_come_is_kept_when_the_tries_are_used_up(path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    with pytest.raises(Failure, match=r"file\.gz: ended after 20,000 of 200,000 bytes"):
        fetch(path, Route(BODY, cut_after=10_000))
    assert path.with_name("file.gz.part").read_bytes() == BODY[:20_000]


def test_a_server_that_sends_nothing_is_asked_once(path):
    with serving({"/file.gz": Route(BODY, cut_after=0)}) as server:
        with pytest.raises(Failure, match="ended after 0 of"):
            download(f"{server.url}/file.gz", path, EXPECTED)
        assert len(server.requests) == 1


def test_a_file_of_the_right_size_with_other_bytes_is_refused_and_removed(path):
    wrong = bytes(len(BODY))
    received = hashlib.sha256(wrong).hexdigest()
    with serving({"/file.gz": Route(wrong)}) as server:
        with pytest.raises(Failure, match=f"wrong checksum: expected SHA-256 {EXPECTED.sha256}, received {received}"):
            download(f"{server.url}/file.gz", path, EXPECTED)
        assert len(server.requests) == 1
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("part", [bytes(1_000), bytes(len(BODY)), bytes(len(BODY) + 1)])
def test_a_part_with_wrong_bytes_is_replaced(path, part):
    write_part(path, part)
    fetch(path, Route(BODY))
    assert path.read_bytes() == BODY


def test_a_file_of_another_size_is_refused_before_it_is_read(path):
    write_part(path, BODY[:10])
    with pytest.raises(Failure, match=r"wrong size: expected 200,000 bytes, the server has 200,001"):
        fetch(path, Route(BODY + b"x"))
    assert path.with_name("file.gz.part").read_bytes() == BODY[:10]


def test_no_more_than_the_expected_size_is_written(path):
    fetch(path, Route(BODY + bytes(10_000_000), announces=False))
    assert path.read_bytes() == BODY


def test_a_missing_file_is_reported_with_the_status(path):
    with (
        serving({}) as server,
        pytest.raises(Failure, match=rf"^{server.url}/file\.gz: HTTP status 404$"),
    ):
        download(f"{server.url}/file.gz", path, EXPECTED)


def test_a_server_that_is_down_is_reported_with_the_reason(path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Failure, match=r"file\.gz: .*refused"):
        download(f"http://127.0.0.1:{port}/file.gz", path, EXPECTED)


def test_a_mute_server_is_given_up(path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)
    begin = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Failure, match=r"timed out"):
        download(f"http://127.0.0.1:{listener.getsockname()[1]}/file.gz", path, EXPECTED)
    assert time.monotonic() - begin < 2.5
