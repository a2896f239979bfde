import pytest

from transformer_tutorial.cli import main


@pytest.mark.parametrize("slow", [True, False])
def test_the_command_warns_of_bfloat16_where_it_is_slow(slow, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("transformer_tutorial.commands.train.slow_bfloat16", lambda: slow)
    place = ["--data", str(tmp_path / "absent"), "--run-dir", str(tmp_path / "run")]
    assert main(["train", "--precision", "mixed_bfloat16", *place]) == 2
    assert ("Add --precision float32" in capsys.readouterr().err) == slow
