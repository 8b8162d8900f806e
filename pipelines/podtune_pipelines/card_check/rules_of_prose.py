"""Rules on what a card tells people."""

import re
from typing import Iterator, List, Tuple

from podtune_pipelines.card_check.claims import Claims
from podtune_pipelines.card_check.known import families_in, family_described
from podtune_pipelines.card_check.unfolding import HEADINGS, Line

Found = Iterator[Tuple[int, str]]

PLACEHOLDER = re.compile(r"more information needed|lorem ipsum|\bTODO\b|\bTBD\b|\bxxx+\b|<fill", re.IGNORECASE)
RESIDUE = re.compile(
    r"^\W*(downloads last month|edit model card|model card files|inference (api|providers))", re.IGNORECASE
)
MISSPELT = {
    "anad": "and",
    "teh": "the",
    "recieve": "receive",
    "seperate": "separate",
    "occured": "occurred",
    "jointly pertaining": "jointly pre-training",
    "acheive": "achieve",
    "finetunning": "fine-tuning",
}
_LIMITING = re.compile(
    r"\b(not|cannot|never|only|limit\w*|bias\w*|fail\w*|risk\w*|avoid|unsuitable|wrong|worse)\b|n't", re.I
)
_SPLITS = re.compile(
    r"\bvalidation\b|\bdev(elopment)?[ -](set|split)|\btest(dev)?[ -](set|split|std)|\btestdev\b|held[- ]out", re.I
)
_HUB_LINK = re.compile(r"\[ *([\w.-]+/[\w.-]+) *\]\(https?://huggingface\.co/(?:datasets/)?([\w.-]+(?:/[\w.-]+)?)/?\)")


def another_model_described(claims: Claims) -> Found:
    """The first description is of another family of models than the base model's."""
    described = [(line, family_described(line.text.strip())) for line in claims.prose]
    for line, family in described:
        if family:
            if claims.base_families and family not in claims.base_families:
                base = ", ".join(sorted(claims.base_families))
                yield line.number, f"the text describes {family}, but the base model is {base}"
            return


def base_model_incomplete(claims: Claims) -> Found:
    """The title names a family of models that no base model has."""
    bases = [family for name in claims.base_names for family in families_in(name)]
    missing = sorted(families_in(claims.title.value.rpartition("/")[2]) - set(bases))
    if bases and missing:
        named = ", ".join(sorted(set(bases)))
        yield claims.title.line, f"the title names {', '.join(missing)}, but the base model given is {named} only"


def superlative_undated(claims: Claims) -> Found:
    """Something is called the state of the art without saying when."""
    for line in claims.prose:
        for sentence in re.split(r"(?<=[.!?])\s+", line.text):
            if re.search(r"state[- ]of[- ]the[- ]art", sentence, re.I) and not re.search(r"\b(19|20)\d\d\b", sentence):
                yield line.number, "state of the art is claimed without a date"
                break


def limitations_missing(claims: Claims) -> Found:
    """A heading promises limitations, and what follows names none."""
    for heading, body in _sections(claims):
        if not re.search(r"limit", heading.text, re.IGNORECASE) or not body:
            continue
        promised_alone = re.fullmatch(r"#* *limit\w*", heading.text.strip(), re.IGNORECASE)
        if not promised_alone and not _LIMITING.search(body) and not PLACEHOLDER.search(body):
            yield heading.number, "the heading promises limitations, the section names none"


def placeholder_left(claims: Claims) -> Found:
    """A part was never written."""
    for line in claims.lines:
        if PLACEHOLDER.search(line.text):
            yield line.number, f"a placeholder is left: {line.text.strip()[:60]}"


def generated_comment_left(claims: Claims) -> Found:
    """The comment that asks to be removed is still there."""
    for found in re.finditer(r"<!--[^>]{0,300}(?:generated automatically|remove this comment)", claims.text):
        yield claims.line_at(found.start()), "the comment of the program that wrote the card is left in"


def encoding_broken(claims: Claims) -> Found:
    """Characters that are UTF-8 read as Windows-1252."""
    for line in claims.lines:
        for run in re.findall(r"[^\x00-\x7f]{2,}", line.text):
            meant = _reread(run)
            if meant:
                yield line.number, f"{run} was meant to be {meant}: UTF-8 was read as another encoding"
                break


def page_residue(claims: Claims) -> Found:
    """Words of the page around a card were copied with it."""
    for line in claims.lines:
        if RESIDUE.match(line.text.strip()):
            yield line.number, f"not of the card but of the page around it: {line.text.strip()}"


def link_lost(claims: Claims) -> Found:
    """A link is announced, and there is none."""
    for line in claims.prose:
        if re.match(r".{0,30}\blink ?:", line.text, re.IGNORECASE) and not re.search(r"https?://|\]\(", line.text):
            yield line.number, f"a link is announced but not there: {line.text.strip()[:60]}"


def link_label_differs(claims: Claims) -> Found:
    """A link's words are an id on the Hub, but its target is another."""
    for line in claims.lines:
        for label, target in _HUB_LINK.findall(line.text):
            if label != target:
                yield line.number, f"the link says {label}, but leads to {target}"


def misspelling(claims: Claims) -> Found:
    """Common misspellings."""
    for line in claims.prose:
        for wrong, right in MISSPELT.items():
            if re.search(rf"\b{wrong}\b", line.text):
                yield line.number, f"{wrong!r} was probably meant to be {right!r}"


def split_not_named(claims: Claims) -> Found:
    """There are results, and nothing says on which split."""
    results = [*claims.headline.values(), *(n for name, n in claims.measured.items() if name.startswith("eval_"))]
    indexed = any(data.get("split") for data in claims.indexed("dataset"))
    if results and not indexed and not _SPLITS.search(claims.text):
        yield min(number.line for number in results), "no split is named on which the results were measured"


def official_metrics_missing(claims: Claims) -> Found:
    """None of the metrics that the data set is published with is given."""
    data = claims.data
    wanted = data.official_metrics if data else ()
    if data and wanted and not any(metric in claims.text.lower() for metric in wanted):
        yield claims.title.line, f"none of the metrics that {data.title} is scored by is given: {', '.join(wanted)}"


def evaluated_on_pretraining_data(claims: Claims) -> Found:
    """The base model's pre-training contains a part of the evaluated split."""
    data, samples = claims.data, claims.measured.get("eval_samples")
    for family, size in data.seen_by.items() if data and samples else ():
        if data and samples and family in claims.base_families and samples.value == size:
            what = f"the {size:,} {data.sizes[size]} of {data.title}"
            yield samples.line, f"{what} are in part in the pre-training of {family}: the result is too good"


def _sections(claims: Claims) -> List[Tuple[Line, str]]:
    """Every heading with the text up to the next one."""
    found: List[Tuple[Line, List[str]]] = []
    for line in claims.lines:
        if re.match(r"#{1,6} ", line.text) or line.text.strip() in HEADINGS:
            found.append((line, []))
        elif found:
            found[-1][1].append(line.text)
    return [(heading, "\n".join(body).strip()) for heading, body in found]


def _reread(run: str) -> str:
    """What a run of characters was before it was read as Windows-1252; empty where it was not."""
    try:
        meant = run.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
    return meant if meant != run else ""
