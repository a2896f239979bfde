"""What `evaluate` found, for people."""

from collections.abc import Iterator
from typing import Any

from transformer_tutorial.data.overlap import Overlap, describe_overlap

SCORES = ("bleu_tok", "bleu_detok", "chrf")
ELSEWHERE = ("by_source_words", "output", "in_train", "compared_with", "comparison", "model_sha256")


def as_table(result: dict[str, Any]) -> str:
    """Scores with their signatures, what may be wrong, the comparison, and under which circumstances."""
    blocks = [_scores(result), _by_source_words(result), _remarks(result)]
    if "comparison" in result:
        blocks.append(_comparison(result))
    rest = [name for name in result if name not in ELSEWHERE and not name.startswith(SCORES)]
    blocks.append([", ".join(f"{name} {result[name]}" for name in rest)])
    return "\n\n".join("\n".join(block) for block in blocks)


def _scores(result: dict[str, Any]) -> Iterator[str]:
    for name in SCORES:
        yield f"{name:<12}  {result[name]:6.2f}   {result[f'{name}_signature']}"


def _by_source_words(result: dict[str, Any]) -> Iterator[str]:
    yield "source words  bleu_tok  sentences"
    for bucket, found in result["by_source_words"].items():
        yield f"{bucket:<12}  {found['bleu_tok']:6.2f}    {found['sentences']:9,}"


def _remarks(result: dict[str, Any]) -> Iterator[str]:
    copied, empty, cut = (result["output"][name] for name in ("copied", "empty", "cut"))
    yield f"translations: {copied:.1%} copied from the source, {empty:.1%} empty, {cut:.1%} cut at the length limit"
    if result["in_train"] is not None:
        yield describe_overlap(result["split"], Overlap(**result["in_train"]))


def _comparison(result: dict[str, Any]) -> Iterator[str]:
    yield f"paired bootstrap test against {result['compared_with']}; 95 % of the resamples lie within ±"
    yield f"{'':<12}  {'this run':>14}  {'other run':>14}  difference       p"
    for name, found in result["comparison"].items():
        this = f"{found['score']:6.2f} ± {found['interval']:5.2f}"
        other = f"{found['other_score']:6.2f} ± {found['other_interval']:5.2f}"
        numbers = f"{this}  {other}  {found['difference']:+10.2f}  {found['p_value']:6.3f}"
        yield f"{name:<12}  {numbers}   {found['signature']}"
