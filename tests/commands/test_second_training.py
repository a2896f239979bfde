from transformer_tutorial.cli import main
from transformer_tutorial.runtime.run_lock import hold_lock


def test_a_second_training_in_a_run_folder_is_told_and_leaves(tiny_corpus, tmp_path, capsys):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    flags = ["--num-layers", "1", "--d-model", "16", "--num-heads", "2", "--dff", "32", "--vocab-size", "400"]
    where = ["--data", str(tiny_corpus), "--run-dir", str(run_dir), "--data-dir", str(tmp_path / "kept")]
    with hold_lock(run_dir / "lock"):
        assert main(["train", *where, *flags]) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"Error: {run_dir} is in use by process ") and "choose another folder" in error
        assert [path.name for path in run_dir.iterdir()] == ["lock"]
