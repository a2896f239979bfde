from transformer_tutorial.data.corpus import open_corpus
from transformer_tutorial.data.line_numbers import training_lines


def test_lines_of_a_folder_count_blank_ones(tmp_path):
    (tmp_path / "pt.train").write_text("um\n\ntrês\nquatro\ncinco\n")
    (tmp_path / "en.train").write_text("one\ntwo\nthree\n \nfive\n")
    corpus = open_corpus(str(tmp_path))
    found = training_lines(corpus, [2, 0])
    assert found.numbers == [1, 5]
    assert found.origin == f"{tmp_path / 'pt.train'} and {tmp_path / 'en.train'}"
    assert training_lines(corpus, [1]).numbers == [3]


def test_lines_of_a_table_count_those_of_other_splits_and_repeated_ones(tmp_path):
    lines = [f"frase {i % 40}\tsentence {i % 40}" for i in range(60)]
    lines[7] = ""
    lines[9] = "frase 9\t"
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n")
    corpus = open_corpus(str(tmp_path / "pairs.tsv"))
    train = corpus.read("train")
    found = training_lines(corpus, range(len(train.source)))
    assert found.origin == str(tmp_path / "pairs.tsv") and len(found.numbers) == len(train.source) < 58
    assert [lines[number - 1] for number in found.numbers] == [
        f"{source}\t{target}" for source, target in zip(train.source, train.target, strict=True)
    ]
    assert training_lines(corpus, [3, 50]).numbers == [found.numbers[3], found.numbers[50]]


def test_a_corpus_without_files_has_numbers_of_pairs():
    found = training_lines(open_corpus("phrasebook"), [41, 3])
    assert found.origin == "the training pairs of phrasebook" and found.numbers == [4, 42]
