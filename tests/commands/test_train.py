import pytest

from transformer_tutorial.cli import main


@pytest.mark.parametrize("flags", [[], ["--deterministic"]], ids=["plain", "deterministic"])
def test_determinism_is_switched_on_when_it_is_asked_for(flags, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("tensorflow.config.experimental.enable_op_determinism", lambda: calls.append(1))
    place = ["--data", str(tmp_path / "absent"), "--run-dir", str(tmp_path / "run")]
    assert main(["train", *flags, *place]) == 2
    assert len(calls) == len(flags)


@pytest.mark.parametrize("slow", [True, False])
def test_the_command_warns_of_bfloat16_where_it_is_slow(slow, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("transformer_tutorial.commands.train.slow_bfloat16", lambda: slow)
    place = ["--data", str(tmp_path / "absent"), "--run-dir", str(tmp_path / "run")]
    assert main(["train", "--precision", "mixed_bfloat16", *place]) == 2
    assert ("Add --precision float32" in capsys.readouterr().err) == slow


def test_sampled_segmentations_that_are_others_in_each_process_are_refused_where_they_matter(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("transformer_tutorial.data.subword_sampling.same_in_every_process", lambda: False)
    monkeypatch.setattr("tensorflow.config.experimental.enable_op_determinism", lambda: None)
    flags = ["--preset", "demo", "--subword-sampling", "0.5", "--data", str(tmp_path / "absent")]
    flags += ["--run-dir", str(tmp_path / "run")]
    assert main(["train", "--deterministic", *flags]) == 2
    assert "--deterministic and --subword-sampling do not go together" in capsys.readouterr().err
    assert main(["train", *flags]) == 2
    said = capsys.readouterr().err
    assert "Warning: sentencepiece" in said and "do not go together" not in said
