"""Contradictions between names: of data, models, licences and settings; every public function is a rule."""

import re
from typing import List, Optional, Set, Tuple

from podtune.sources.uris import hub_name

from podtune_pipelines.card_check.claims import Claims, Found
from podtune_pipelines.card_check.known import KNOWN, KnownData, all_known
from podtune_pipelines.card_check.printed_numbers import as_number

LISTED = ("learning_rate", "seed", "epochs", "warmup_ratio", "warmup_steps", "schedule", "weight_decay")
"""Settings that mean the same in a command line and in the Trainer's list."""

SIZES = frozenset("tiny mini small medium base large xlarge xxlarge huge xl xxl".split())  # noqa: SIM905

_LICENCES = (
    (r"\bapache(?: software)?(?: licen[cs]e)?,?[- ]?(?:version|v)?[- ]?2", "apache-2.0"),
    (r"\bmit\b", "mit"),
    (r"\b(?:cc|creative commons)[- ](by(?:[- ](?:nc|sa|nd))*[- ]\d\.\d)", "cc-{}"),
    (r"\b(?:gnu )?([al]?gpl)[- ]?v?(\d)", "{}-{}"),
)
_MODELS_LICENCE = re.compile(
    r"\bthis model is (?:released|licensed|distributed|published|available) (?:under|as) (.{3,80})"
    r"|^\W*(?:model )?licen[sc]e\W*: *(.{3,60})$",
    re.IGNORECASE,
)


def source_has_another_name(claims: Claims) -> Found:
    """Data or a model has another name than the repository on the Hub that it comes from."""
    for name, source, line in claims.origins:
        if hub_name(source) not in ("", name):
            yield line, f"{name} is said to come from {source}, which is {hub_name(source)}"


def command_contradicts_list(claims: Claims) -> Found:
    """The command line gives a setting one value, the list another."""
    for name in LISTED:
        flags, listed = claims.command.get(name, ()), claims.listed.get(name)
        if (
            listed
            and len({flag.text for flag in flags}) == 1
            and flags[0].text
            and not _same(flags[0].text, listed.text)
        ):
            yield flags[0].number, f"{name} is {flags[0].text} in the command line, but {listed.text} in the list"


def licence_differs(claims: Claims) -> Found:
    """The text says that the model has another licence than the front matter."""
    ids = [licence for name in claims.named("license") for licence in _licences(name)]
    for line in claims.said if len(ids) == len(claims.named("license")) else ():
        stated = _MODELS_LICENCE.search(line.text)
        licences = _licences(stated.group(1) or stated.group(2)) if stated else []
        if ids and len(licences) == 1 and licences[0] not in ids:
            yield line.number, f"the licence is {licences[0]} here, but {' and '.join(ids)} in the front matter"


def data_differs(claims: Claims) -> Found:
    """Metadata, model-index and text name different known data sets, or versions of one, and none names both."""
    trained = all_known(claims.named("datasets"))
    if not trained:
        return
    told, line = _data_said(claims, trained)
    scored = all_known(result.data for result in claims.results)
    if told and not told & trained:
        yield line, f"the data is {_titles(told)} here, but {_titles(trained)} in the front matter's datasets"
    elif scored and not scored & trained and not told:
        titles = f"{_titles(scored)}, but the front matter's datasets {_titles(trained)}"
        yield claims.results[0].line, f"the model-index names {titles}, and the text no second data set"


def size_differs(claims: Claims) -> Found:
    """The model is named after another size of the base model that it was made from."""
    names = [claims.title.text, *(str(model.get("name", "")) for model in claims.models)]
    bases = [_sized(base.rpartition("/")[2]) for base in claims.base_names]
    for name in names:
        for base in bases[:1] if len(set(bases)) == 1 else ():
            own, other = _size_after(base[0], name), base[1]
            if own and other and own != other:
                line = claims.front.line("model-index") if name != claims.title.text else claims.title.number
                yield line, f"the name {name} says {own}, but the base model {claims.base_names[0]} is {other}"
                return


def _same(flag: str, listed: str) -> bool:
    first, second = as_number(flag), as_number(listed)
    if first is not None and second is not None:
        return first == second
    return flag.strip("\"'").lower() == listed.lower()


def _licences(text: str) -> List[str]:
    """Name the licences in a text."""
    found = (
        match and form.format(*match.groups()) for form, match in ((f, re.search(p, text, re.I)) for p, f in _LICENCES)
    )
    return [re.sub(r"\s", "-", name.lower()) for name in found if name]


def _data_said(claims: Claims, trained: Set[KnownData]) -> Tuple[Set[KnownData], int]:
    """The data sets that the title names or the text says it was trained on, unless it names those of the metadata."""
    told: Set[KnownData] = set()
    line = 1
    for said in reversed(claims.said):
        text = said.text
        for base in claims.base_names:
            text = text.replace(base, "").replace(base.rpartition("/")[2], "")
        for data in KNOWN:
            if re.search(data.said, text, re.IGNORECASE) and data in trained:
                return trained, 1
            trained_on = rf"(?<!pre-)(?<!pre)\b(?:trained|tuned)\b[^.\n]{{0,60}}\bon\b[^.\n]{{0,60}}?{data.said}"
            if re.search(trained_on if said.number != claims.title.number else data.said, text, re.IGNORECASE):
                told.add(data)
                line = said.number
    return told, line


def _titles(found: Set[KnownData]) -> str:
    return " and ".join(sorted(data.title for data in found))


def _sized(name: str) -> Tuple[Tuple[str, ...], Optional[str]]:
    """Split a model's name into what stands before its size, and the size, if it has just one."""
    words = re.split(r"[-_ ]", name.lower())
    sizes = [place for place, word in enumerate(words) if word in SIZES]
    return (tuple(words[: sizes[0]]), words[sizes[0]]) if len(sizes) == 1 and sizes[0] else ((), None)


def _size_after(family: Tuple[str, ...], name: str) -> Optional[str]:
    """The size that a name gives the same family, if it gives just one and does not tell of distillation."""
    if re.search(r"distill|student|teacher", name, re.IGNORECASE):
        return None
    before, size = _sized(name.rpartition("/")[2])
    return size if family and before[-len(family) :] == family else None
