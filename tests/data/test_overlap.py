from transformer_tutorial.data.corpus import Split, open_corpus
from transformer_tutorial.data.overlap import Overlap, describe_overlap, overlap

TRAIN = Split(["um", "dois", "três"], ["one", "two", "three"], 0)


def test_a_pair_counts_when_both_sides_stand_in_train_together():
    split = Split(["um", "um", "seis", "dez"], ["one", "two", "three", "ten"], 0)
    assert overlap(split, TRAIN) == Overlap(pairs=1, sources=2, targets=3)


def test_a_line_that_stands_in_the_split_twice_counts_twice():
    assert overlap(Split(["um", "um"], ["one", "one"], 0), TRAIN) == Overlap(2, 2, 2)


def test_only_whole_equal_lines_count():
    assert overlap(Split(["um dois", "Um"], ["on", "one ."], 0), TRAIN) == Overlap(0, 0, 0)


def test_the_overlap_is_one_line_with_all_three_counts():
    line = "validation lines that also stand in train: 1,200 pairs, 1,300 sources, 1,400 targets"
    assert describe_overlap("validation", Overlap(1200, 1300, 1400)) == line


def test_the_counts_of_ted_are_the_published_ones(shared_data):
    corpus = open_corpus(str(shared_data / "ted_hrlr_pt_en"))
    assert overlap(corpus.read("validation"), corpus.read("train")) == Overlap(pairs=20, sources=25, targets=24)
