"""Contradictions between scores; every public function is a rule."""

import re
from typing import Iterator, Optional, Sequence, Tuple

from podtune_pipelines.card_check.claims import Claims, Figures, Found
from podtune_pipelines.card_check.known import data_named
from podtune_pipelines.card_check.printed_numbers import SINGLE, Stated, read_number

TOTALS = {"exact_match": "total", "hasans_exact": "hasans_total", "noans_exact": "noans_total"}
"""Shares of SQuAD's evaluation, and what they are shares of."""

SURE = 0.01
"""Width of an interval of counts in which a whole number is no chance."""

PARTS = (
    r"subset|sample of|few[- ]?shot|first [\d,]+|\bpart of|portion|fraction|\d ?% of|max_\w+_samples|\[:\d|"
    r"(?<![a-z\d])\d+k\b"
)
"""Words for an evaluation or training on less than everything."""


def f1_below_exact_match(claims: Claims) -> Found:
    """F1 is lower than exact match, which counts as an F1 of 1 for every question that it counts."""
    if not claims.mentions(r"question[- ]answering|squad"):
        return
    for figures in _groups(claims):
        f1, exact = figures.get("f1"), figures.get("exact_match")
        if f1 and exact and _in_percent(f1, exact).high < _in_percent(exact, f1).low:
            yield f1.line, f"f1 {f1.text} is below exact_match {exact.text}: a right answer has an f1 of 1"


def answers_do_not_add_up(claims: Claims) -> Found:
    """The scores of questions with and without an answer do not give the score of all."""
    for figures in _groups(claims):
        total, has, no = (figures.get(name) for name in ("total", "hasans_total", "noans_total"))
        if total and has and no and has.value + no.value != total.value:
            yield total.line, f"HasAns_total {has.text} and NoAns_total {no.text} do not add up to total {total.text}"
        elif has and no:
            for kind, name in (("exact", "exact_match"), ("f1", "f1")):
                parts = [(figures.get(f"hasans_{kind}"), has), (figures.get(f"noans_{kind}"), no)]
                yield from _other_sum(name, figures.get(name), [(share, of) for share, of in parts if share])


def impossible_share(claims: Claims) -> Found:
    """A score is no whole number of right answers, of a stated total or of a known split."""
    for figures in _groups(claims):
        for name, of in TOTALS.items():
            share, total = figures.get(name), figures.get(of)
            if share and total:
                yield from _no_count(name, share, total.value, "questions")
    if claims.mentions(PARTS) or claims.figure("eval_samples"):
        return
    for result in claims.results:
        data, share = data_named(result.data), result.figures.get("exact_match")
        if data and data.validated and share and result.split == "validation":
            yield from _no_count("exact_match", share, data.validated, f"questions of {data.title}'s validation split")


def denominator_is_not_eval_samples(claims: Claims) -> Found:
    """An accuracy is no whole number of the samples, but of the full batches: the last batch was dropped."""
    batch = claims.number("total_eval_batch_size")
    for figures in claims.blocks:
        samples, share = figures.get("eval_samples"), _share(figures.get("accuracy"))
        if samples and batch and share and not share.counts(samples.value):
            full = samples.value // batch * batch
            counts = share.counts(full) if (share.high - share.low + 2 * SINGLE) * full < SURE else range(0)
            if counts:
                batches = f"but {counts[0]:,} of {full:,.0f}, the full batches of {batch:g}"
                yield share.line, f"accuracy {share.text} is no whole number of {samples.text} eval_samples, {batches}"


def count_contradicts_share(claims: Claims) -> Found:
    """A metric's row says "K of N" beside a percentage that is not K / N."""
    for row, line in (row for grid in claims.grids if grid.header[:1] == ("metric",) for row in grid):
        counted = next(filter(None, (re.fullmatch(r"([\d,]+) of ([\d,]+)", cell) for cell in row)), None)
        share = read_number(row[1], line) if counted else None
        if counted and share:
            right, of = (float(group.replace(",", "") or 0) for group in counted.groups())
            if of and not share.equals(right / of):
                yield line, f"{row[1]} is not {counted.group()}, which is {right / of:.4%}"


def _groups(claims: Claims) -> Iterator[Figures]:
    """Numbers of one evaluation."""
    yield from claims.blocks
    yield from (result.figures for result in claims.results)


def _other_sum(name: str, score: Optional[Stated], parts: Sequence[Tuple[Stated, Stated]]) -> Found:
    """Compare a score with that of two parts together."""
    total = sum(of.value for _, of in parts)
    if not score or len(parts) < 2 or not total:
        return
    low = sum(share.low * of.value for share, of in parts) / total
    high = sum(share.high * of.value for share, of in parts) / total
    if score.high * (1 + SINGLE) < low or score.low > high * (1 + SINGLE):
        told = " and ".join(f"{share.text} of {of.text}" for share, of in parts)
        yield score.line, f"{name} is {score.text}, but with and without an answer {told}: together {low:.4f}"


def _share(score: Optional[Stated]) -> Optional[Stated]:
    """Make a score a share of 1, where it is printed with decimals."""
    if not score or "." not in score.text or score.value > 100:
        return None
    return score.scaled(0.01 if score.value > 1 else 1.0)


def _in_percent(score: Stated, other: Stated) -> Stated:
    """Bring a score to the scale of another, of which one may be a share of 1 and one in percent."""
    return score.scaled(100.0) if score.value <= 1 < other.value else score


def _no_count(name: str, score: Stated, of: float, told: str) -> Iterator[Tuple[int, str]]:
    share = _share(score)
    if share and not share.counts(of):
        near = share.value * of
        yield score.line, f"{name} {score.text} is no whole number of right answers: {near:,.2f} of {of:,.0f} {told}"
