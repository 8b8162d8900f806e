"""Rules on text that misleads or omits what a reader needs; every public function is one."""

import re
from typing import List, Tuple

from podtune_pipelines.card_check.claims import Claims, Found, Line
from podtune_pipelines.card_check.extraction import HEADINGS
from podtune_pipelines.card_check.metadata import PLACEHOLDER

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
_RESIDUE = re.compile(r"^\W*(downloads last month|edit model card|model card files|inference (api|providers))", re.I)
_LIMITING = re.compile(
    r"\b(not|cannot|never|only|limit\w*|bias\w*|fail\w*|risk\w*|avoid|unsuitable|wrong|worse)\b|n't", re.I
)
_SPLITS = r"\bvalidation\b|\bdev(elopment)?[ -](set|split)|\btest(dev)?[ -](set|split|std)|\btestdev\b|held[- ]out"
_HUB_LINK = re.compile(r"\[ *([\w.-]+/[\w.-]+) *\]\(https?://huggingface\.co/(?:datasets/)?([\w.-]+(?:/[\w.-]+)?)/?\)")


def superlative_undated(claims: Claims) -> Found:
    """State of the art is claimed without a date."""
    for line in claims.prose:
        sentences = re.split(r"(?<=[.!?])\s+", line.text)
        claimed = [sentence for sentence in sentences if re.search(r"state[- ]of[- ]the[- ]art", sentence, re.I)]
        if not all(re.search(r"\b(19|20)\d\d\b", sentence) for sentence in claimed):
            yield line.number, "state of the art is claimed without a date"


def limitations_missing(claims: Claims) -> Found:
    """A heading promises limitations, and what follows names none."""
    for heading, body in _sections(claims):
        promised = re.search(r"limit", heading.text, re.IGNORECASE)
        alone = re.fullmatch(r"#* *limit\w*", heading.text.strip(), re.IGNORECASE)
        if promised and body and not alone and not _LIMITING.search(body) and not PLACEHOLDER.search(body):
            yield heading.number, "the heading promises limitations, the section names none"


def encoding_broken(claims: Claims) -> Found:
    """UTF-8 was decoded as Windows-1252."""
    for line in claims.lines:
        for run in re.findall(r"[^\x00-\x7f]{2,}", line.text):
            meant = _reread(run)
            if meant:
                yield line.number, f"{run} was meant to be {meant}: UTF-8 was read as another encoding"
                break


def page_residue(claims: Claims) -> Found:
    """Text of the page around a card was copied with it."""
    for line in claims.lines:
        if _RESIDUE.match(line.text.strip()):
            yield line.number, f"copied from the page around the card: {line.text.strip()}"


def link_lost(claims: Claims) -> Found:
    """A link is announced but missing."""
    for line in claims.prose:
        if re.match(r".{0,30}\blink ?:", line.text, re.IGNORECASE) and not re.search(r"https?://|\]\(", line.text):
            yield line.number, f"a link is announced but missing: {line.text.strip()[:60]}"


def link_label_differs(claims: Claims) -> Found:
    """A link's label is an id on the Hub, but its target is another."""
    for line in claims.lines:
        for label, target in _HUB_LINK.findall(line.text):
            if label != target:
                yield line.number, f"the link says {label}, but leads to {target}"


def misspelling(claims: Claims) -> Found:
    """A word is one of the common misspellings."""
    for line in claims.prose:
        for wrong, right in MISSPELT.items():
            if re.search(rf"\b{wrong}\b", line.text):
                yield line.number, f"{wrong!r} was probably meant to be {right!r}"


def split_not_named(claims: Claims) -> Found:
    """There are results, but no split is named."""
    results = [*claims.headline.values(), *claims.evaluated.values()]
    if results and not any(data.get("split") for data in claims.indexed("dataset")) and not claims.mentions(_SPLITS):
        yield min(number.line for number in results), "the card does not name the split of its results"


def official_metrics_missing(claims: Claims) -> Found:
    """None of the data set's official metrics is given."""
    data = claims.data
    if data.official_metrics and not any(metric in claims.text.lower() for metric in data.official_metrics):
        wanted = ", ".join(data.official_metrics)
        yield claims.title.number, f"none of the official metrics of {data.title} is given: {wanted}"


def evaluated_on_pretraining_data(claims: Claims) -> Found:
    """The base model was pre-trained on part of the evaluated split."""
    data, samples = claims.data, claims.measured.get("eval_samples")
    for family, size in data.seen_by.items():
        if samples and family in claims.base_families and samples.value == size:
            split = f"the {size:,} {data.sizes[size]} of {data.title}"
            yield samples.line, f"{split} are partly in {family}'s pre-training data: the result is optimistic"


def _sections(claims: Claims) -> List[Tuple[Line, str]]:
    """Split the card into headings with the text up to the next one."""
    sections: List[Tuple[Line, List[str]]] = []
    for line in claims.lines:
        if re.match(r"#{1,6} ", line.text) or line.text.strip() in HEADINGS:
            sections.append((line, []))
        elif sections:
            sections[-1][1].append(line.text)
    return [(heading, "\n".join(body).strip()) for heading, body in sections]


def _reread(run: str) -> str:
    """Recover UTF-8 that was decoded as Windows-1252; empty if it was not."""
    try:
        meant = run.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
    return meant if meant != run else ""
