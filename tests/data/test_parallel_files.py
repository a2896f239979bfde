import hashlib

import pytest

from transformer_tutorial.data.parallel_files import assign_splits, read_lines, read_side_by_side, read_table
from transformer_tutorial.runtime.errors import UsageError


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def numbered(count, start=0):
    return [(f"frase {i}", f"sentence {i}") for i in range(start, start + count)]


def by_source(pairs):
    return dict(zip([source for source, _ in pairs], assign_splits(pairs), strict=True))


def test_lines_end_with_a_line_feed_and_nothing_else(tmp_path):
    text = "um\x85dois\u2028três\x0bquatro\rcinco\nseis\n"
    assert read_lines(write(tmp_path / "a", text)) == ["um\x85dois\u2028três\x0bquatro\rcinco", "seis"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\n\n", ["a", ""]), ("\n", [""]), ("a\r\nb\r\n", ["a", "b"])],
)
def test_a_final_line_ending_adds_no_line(tmp_path, data, expected):
    assert read_lines(write(tmp_path / "a", data)) == expected


def test_only_the_line_ending_loses_a_carriage_return(tmp_path):
    assert read_lines(write(tmp_path / "a", "a\r\r\n")) == ["a\r"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    assert read_lines(write(tmp_path / "a", b"\xef\xbb\xbfol\xc3\xa1\n")) == ["olá"]


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path):
    path = write(tmp_path / "a", b"\xef\xbb\xbfum\ndois\ntr\xeas\n")
    with pytest.raises(UsageError, match=r"a, line 3: not valid UTF-8"):
        read_lines(path)


def test_a_file_that_has_gone_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone cannot be read: No such file"):
        read_lines(tmp_path / "gone")


def test_lines_of_two_files_are_joined_in_order(tmp_path):
    pt, en = write(tmp_path / "pt", "um\ndois\n"), write(tmp_path / "en", "one\ntwo")
    assert read_side_by_side(pt, en) == [("um", "one"), ("dois", "two")]


def test_files_of_unequal_length_are_refused_with_both_lengths(tmp_path):
    pt, en = write(tmp_path / "pt.dev", "um\ndois\n"), write(tmp_path / "en.dev", "one\n")
    with pytest.raises(UsageError, match=r"pt.dev and .*en.dev must have equally many lines, got 2 and 1"):
        read_side_by_side(pt, en)


@pytest.mark.parametrize("count", [3, 4, 10, 50, 300])
def test_a_table_of_any_size_has_all_three_splits(count):
    for start in range(0, 20_000, 1_000):
        assert set(assign_splits(numbered(count, start))) == {"train", "validation", "test"}


@pytest.mark.parametrize("split", ["test", "validation"])
def test_sources_that_all_tend_to_one_held_out_split_still_fill_both(split):
    pairs = numbered(1_000)
    alike = [pair for pair, assigned in zip(pairs, assign_splits(pairs), strict=True) if assigned == split]
    assert set(assign_splits(alike[:3])) == {"test", "validation"}


def test_a_large_table_is_split_96_to_2_to_2():
    splits = assign_splits(numbered(20_000))
    assert splits.count("test") == pytest.approx(400, abs=80)
    assert splits.count("validation") == pytest.approx(400, abs=80)


def test_the_split_of_a_source_is_read_off_its_sha256():
    pairs = numbered(5_000)
    for source, split in by_source(pairs).items():
        place = int(hashlib.sha256(source.encode()).hexdigest()[:12], 16) / 16**12
        assert split == ("test" if place < 0.02 else "validation" if place >= 0.98 else "train")


def test_adding_lines_to_a_large_table_moves_no_pair():
    before, after = by_source(numbered(2_000)), by_source(numbered(4_000))
    assert {source: after[source] for source in before} == before


def test_adding_lines_to_a_small_table_never_moves_a_pair_out_of_train():
    for count in range(3, 400):
        before, after = by_source(numbered(count)), by_source(numbered(count + 1))
        moved = {source for source in before if after[source] != before[source]}
        assert len(moved) <= 1
        assert {after[source] for source in moved} <= {"train"}


def test_equal_sources_share_a_split_whatever_blanks_surround_them():
    pairs = numbered(500)
    again = [(f" {source} ", "another translation") for source, _ in pairs]
    splits = assign_splits(pairs + again)
    assert splits[:500] == splits[500:]


def test_the_order_of_the_lines_does_not_matter():
    pairs = numbered(100)
    assert by_source(pairs[::-1]) == by_source(pairs)


def test_fewer_than_three_sources_cannot_be_split(tmp_path):
    path = write(tmp_path / "a.tsv", "um\tone\num\ta\ndois\ttwo\ntrês\t \n")
    with pytest.raises(UsageError, match=r"a.tsv: three splits need at least 3 different source sentences, got 2"):
        read_table(path, "train")


def test_a_table_keeps_the_order_of_the_file_and_loses_nothing(tmp_path):
    pairs = numbered(60)
    path = write(tmp_path / "a.tsv", "".join(f"{source}\t{target}\r\n" for source, target in pairs))
    parts = {split: read_table(path, split) for split in ("train", "validation", "test")}
    for part in parts.values():
        assert part == [pair for pair in pairs if pair in part]
    assert sorted(pair for part in parts.values() for pair in part) == sorted(pairs)


def test_pairs_of_a_table_with_a_blank_side_are_in_train(tmp_path):
    path = write(tmp_path / "a.tsv", "um\tone\n\ndois\ttwo\n\tnothing\ntrês\tthree\nnada\t\n")
    assert [pair for pair in read_table(path, "train") if "" in pair] == [("", ""), ("", "nothing"), ("nada", "")]


@pytest.mark.parametrize(("line", "columns"), [("dois", 1), ("dois\ttwo\t2", 3)])
def test_a_line_without_two_columns_is_named(tmp_path, line, columns):
    path = write(tmp_path / "a.tsv", f"um\tone\n{line}\n")
    with pytest.raises(UsageError, match=rf"a.tsv, line 2: needs two columns, source TAB target, got {columns}"):
        read_table(path, "train")
