import pytest

from transformer_tutorial.data.line_stream import stream_lines, stream_side_by_side
from transformer_tutorial.data.parallel_files import read_lines, read_side_by_side
from transformer_tutorial.runtime.errors import UsageError

TEXTS = [
    b"",
    b"\n",
    b"a",
    b"a\n",
    b"a\nb",
    b"a\r\nb\r\n",
    b"a\r\n\r\n\n",
    b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n",
    b"a\rb\x0bc\x0cd\x1ce\xc2\x85f\xe2\x80\xa8g\n",
    b"a\r",
    b"a\r\r\n",
    "ação\nmaçã".encode(),
]


@pytest.mark.parametrize("data", TEXTS)
def test_a_stream_has_the_lines_that_are_read_at_once(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    assert list(stream_lines(tmp_path / "a")) == read_lines(tmp_path / "a")


def error_of(function, *arguments) -> str:
    with pytest.raises(UsageError) as caught:
        list(function(*arguments))
    return str(caught.value)


@pytest.mark.parametrize("data", [b"a\nb\n\xff\n", b"\xc3", None])
def test_a_stream_has_the_errors_of_reading_at_once(tmp_path, data):
    if data is not None:
        (tmp_path / "a").write_bytes(data)
    assert error_of(stream_lines, tmp_path / "a") == error_of(read_lines, tmp_path / "a")


@pytest.mark.parametrize(("source", "target"), [("a\nb\n", "c\nd\n"), ("a\n\n", "\nb\n")])
def test_line_i_belongs_to_line_i(tmp_path, source, target):
    files = tmp_path / "source", tmp_path / "target"
    for file, text in zip(files, (source, target), strict=True):
        file.write_text(text)
    assert list(stream_side_by_side(*files)) == read_side_by_side(*files)


@pytest.mark.parametrize(("source", "target"), [("a\nb\nc\n", "a\n"), ("a\n", "a\nb\nc\nd"), ("", "a")])
def test_files_of_different_length_are_refused_with_both_counts(tmp_path, source, target):
    files = tmp_path / "source", tmp_path / "target"
    for file, text in zip(files, (source, target), strict=True):
        file.write_text(text)
    message = error_of(stream_side_by_side, *files)
    assert message == error_of(read_side_by_side, *files) and "must have equally many lines" in message
