"""Rules on what misleads, or cannot be verified from the card; every public function is one."""

import re

from podtune.cards.hub_rules import is_repository_id
from podtune.sources.uris import scheme_of

from podtune_pipelines.card_check.claims import Claims, Found
from podtune_pipelines.card_check.course import rows_an_epoch
from podtune_pipelines.card_check.scores import PARTS

_HUB_LINK = re.compile(r"\[ *([\w.-]+)/([\w.-]+) *\]\(https?://huggingface\.co/(?:datasets/)?([\w.-]+)/([\w.-]+)/?\)")


def source_does_not_show_the_name(claims: Claims) -> Found:
    """Data or a model is named as on the Hub, but comes from somewhere else."""
    for name, source, line in claims.origins:
        if "/" in name and is_repository_id(name) and scheme_of(source) not in ("hf", "sample"):
            yield line, f"{name} was read from {source}; nothing in the card shows that it is what the Hub has"


def data_used_in_part(claims: Claims) -> Found:
    """The training samples, or steps times batch, are fewer than the data set has, which the card does not say."""
    data, samples = claims.data, claims.figure("train_samples")
    rows = list(rows_an_epoch(claims))
    if samples:
        rows.append((int(samples.value), int(samples.value), "train_samples", samples.line))
    for least, most, told, line in rows if data and not claims.mentions(PARTS) else ():
        if data and most < data.trained and not least <= data.paragraphs <= most:
            whole = f"{data.title} has {data.trained:,} training {data.unit}"
            yield line, f"{told} is at most {most:,} rows an epoch, but {whole}, and the card names no part of them"


def link_label_differs(claims: Claims) -> Found:
    """A link's label is an id on the Hub, but leads to another repository of the same owner."""
    for line in claims.lines:
        for owner, name, target_owner, target in _HUB_LINK.findall(line.text):
            if owner.lower() == target_owner.lower() and name.lower() != target.lower():
                yield line.number, f"the link says {owner}/{name}, but leads to {target_owner}/{target}"


def encoding_broken(claims: Claims) -> Found:
    """UTF-8 was decoded as Windows-1252."""
    for line in claims.lines:
        for run in re.findall(r"[^\x00-\x7f]{2,}", line.text):
            meant = _reread(run)
            if meant:
                yield line.number, f"{run} was meant to be {meant}: UTF-8 was read as another encoding"
                break


def _reread(run: str) -> str:
    """Recover UTF-8 that was decoded as Windows-1252; empty if it was not."""
    try:
        meant = run.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
    return meant if meant != run else ""
