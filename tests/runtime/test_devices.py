import pytest

from transformer_tutorial.runtime.devices import slow_bfloat16


@pytest.mark.parametrize(
    ("feature", "slow"), [("avx2", True), ("avx512_bf16", False), ("amx_bf16", False), ("avx512_bf16x", True)]
)
def test_a_processor_is_slow_with_bfloat16_unless_it_has_instructions_for_it(feature, slow):
    assert slow_bfloat16(f"processor\t: 0\nflags\t\t: fpu {feature} sse2\nbugs\t\t: bf16\n") is slow


def test_processors_of_other_makers_call_their_features_otherwise():
    assert not slow_bfloat16("Features\t: fp asimd bf16 i8mm\n") and slow_bfloat16("Features\t: fp asimd\n")


def test_nothing_is_said_of_a_processor_that_does_not_tell():
    assert not slow_bfloat16("")
