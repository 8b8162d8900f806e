"""The Hub's rules for a model card's metadata, checked without the Hub.

After modelcard.md, docs/hub/model-cards.md and docs/hub/repositories-licenses.md of huggingface/hub-docs (commit
242f4a1 of 2026-08-22), packages/tasks/src/pipelines.ts of huggingface/huggingface.js (commit fe42e68 of 2026-08-21),
ISO 639-1, and the shape of repository ids in huggingface_hub. Stricter in three places: a metric's value must be a
finite number, a task must be one the Hub lists, and license: other needs both a name and a link.
"""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any, Iterator, List, Tuple

from podtune.cards.front_matter import FrontMatter, read_front_matter
from podtune.errors import BadInput

LICENCES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community
    h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openmdw-1.1 openrail openrail++ osl-3.0 other
    pddl postgresql unknown unlicense wtfpl zlib
    """.split()  # noqa: SIM905  # one word a line would fill pages
)

TASKS = frozenset(
    """
    any-to-any audio-classification audio-text-to-text audio-to-audio automatic-speech-recognition depth-estimation
    document-question-answering feature-extraction fill-mask graph-ml image-classification image-feature-extraction
    image-segmentation image-text-to-image image-text-to-text image-text-to-video image-to-3d image-to-image
    image-to-text image-to-video keypoint-detection mask-generation multiple-choice object-detection other
    question-answering reinforcement-learning robotics sentence-similarity summarization table-question-answering
    table-to-text tabular-classification tabular-regression tabular-to-text text-classification text-generation
    text-ranking text-retrieval text-to-3d text-to-audio text-to-image text-to-speech text-to-video
    time-series-forecasting token-classification translation unconditional-image-generation video-classification
    video-text-to-text video-to-video visual-document-retrieval visual-question-answering voice-activity-detection
    zero-shot-classification zero-shot-image-classification zero-shot-object-detection
    """.split()  # noqa: SIM905  # one word a line would fill pages
)

LANGUAGES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss
    st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    code multilingual
    """.split()  # noqa: SIM905  # one word a line would fill pages
)
"""Three-letter codes of ISO 639-3 are valid too; they are known by their shape only."""

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"(?:{_PART}/)?{_PART}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Breach:
    """A rule that a card's metadata breaks."""

    key: str
    """Such as model-index[0].name, or front matter for the entire block."""

    text: str
    """What is wrong and what would be right."""

    line: int


def breaches(front: FrontMatter) -> List[Breach]:
    """Check a card's front matter; empty if the Hub accepts it."""
    if front.fault:
        return [Breach("front matter", front.fault, 1)]
    broken = [(key, "is given twice") for key in front.repeated]
    for check in (_licence, _scalars, _lists, _model_index):
        broken.extend(check(front.values))
    return [Breach(key, text, front.line(key)) for key, text in broken]


def require_valid_card(text: str) -> None:
    """Raise BadInput with every rule that a card breaks."""
    broken = "; ".join(f"{breach.key} {breach.text}" for breach in breaches(read_front_matter(text)))
    if broken:
        raise BadInput(f"the card breaks the Hub's rules for metadata: {broken}")


def is_repository_id(name: Any) -> bool:
    """Whether a name has the form of a model or dataset id on the Hub."""
    shaped = isinstance(name, str) and _REPOSITORY.fullmatch(name) is not None
    return shaped and "--" not in name and ".." not in name and not name.endswith(".git")


def is_licence(name: Any) -> bool:
    """Whether the Hub lists this licence."""
    return isinstance(name, str) and name in LICENCES


def is_language(code: Any) -> bool:
    """Whether a code is in ISO 639-1, has the form of ISO 639-3, or is special to the Hub."""
    return isinstance(code, str) and (code in LANGUAGES or re.fullmatch(r"[a-z]{3}", code) is not None)


Broken = Iterator[Tuple[str, str]]
"""Key and message of every rule that is broken."""


def _licence(values: Any) -> Broken:
    licence = values.get("license")
    names = licence if isinstance(licence, list) else [licence]
    for name in names if licence is not None else []:
        if not is_licence(name):
            yield "license", f"must be an identifier that the Hub lists, such as apache-2.0, or other; got {name!r}"
    if "other" in names:
        for key in ("license_name", "license_link"):
            if not _is_text(values.get(key)):
                yield key, "must say which licence it is, because license is other"


def _scalars(values: Any) -> Broken:
    tag = values.get("pipeline_tag")
    if tag is not None and not _is_task(tag):
        yield "pipeline_tag", f"must be a task that the Hub lists, such as question-answering; got {tag!r}"
    if "library_name" in values and not _is_text(values["library_name"]):
        yield "library_name", f"must be a string such as transformers; got {values['library_name']!r}"


def _lists(values: Any) -> Broken:
    for name in ("tags", "metrics"):
        if not isinstance(values.get(name, []), list):
            yield name, f"must be a list; got {values[name]!r}"
    for name, is_valid, rule in (
        ("language", is_language, "must be a two-letter ISO 639-1 or three-letter ISO 639-3 code"),
        ("base_model", is_repository_id, "must be an id on the Hub, such as owner/name"),
        ("datasets", is_repository_id, "must be an id on the Hub, such as owner/name"),
        ("tags", _is_text, "must be a string"),
        ("metrics", is_repository_id, "must be a metric id, such as exact_match"),
    ):
        for key, item in _items(values.get(name), name):
            if not is_valid(item):
                yield key, f"{rule}; got {item!r}"


def _model_index(values: Any) -> Broken:
    index = values.get("model-index", [])
    if not isinstance(index, list):
        yield "model-index", "must be a list of models, each with name and results"
        return
    for path, model in _items(index, "model-index"):
        if not _is_text(_mapping(model).get("name")):
            yield f"{path}.name", "is missing"
        results = _mapping(model).get("results")
        if not isinstance(results, list):
            yield f"{path}.results", "must be a list"
            continue
        for key, result in _items(results, f"{path}.results"):
            yield from _result(_mapping(result), key)


def _result(result: Any, path: str) -> Broken:
    task, data = _mapping(result.get("task")), _mapping(result.get("dataset"))
    if not _is_task(task.get("type")):
        yield f"{path}.task.type", f"must be a task that the Hub lists; got {task.get('type')!r}"
    if not is_repository_id(data.get("type")):
        yield f"{path}.dataset.type", f"must be a dataset id; got {data.get('type')!r}"
    if not _is_text(data.get("name")):
        yield f"{path}.dataset.name", "is missing"
    for key in ("config", "split", "revision"):
        if key in data and not _is_text(data[key]):
            yield f"{path}.dataset.{key}", f"must be a string; got {data[key]!r}"
    if "args" in data and not isinstance(data["args"], dict):
        yield f"{path}.dataset.args", f"must be a mapping; got {data['args']!r}"
    yield from _metrics(result.get("metrics"), f"{path}.metrics")


def _metrics(metrics: Any, path: str) -> Broken:
    if not isinstance(metrics, list) or not metrics:
        yield path, "must be a list with at least one metric"
        return
    for key, metric in _items(metrics, path):
        kind, value = _mapping(metric).get("type"), _mapping(metric).get("value")
        if not (isinstance(kind, str) and _SLUG.fullmatch(kind)):
            yield f"{key}.type", f"must be a metric id, such as f1; got {kind!r}"
        if not (type(value) is int or (isinstance(value, float) and isfinite(value))):
            yield f"{key}.value", f"must be a finite number; got {value!r}"


def _items(value: Any, key: str) -> Iterator[Tuple[str, Any]]:
    """Yield a list's items with their keys; a single value counts as a list of one."""
    if isinstance(value, list):
        yield from ((f"{key}[{number}]", item) for number, item in enumerate(value))
    elif value is not None:
        yield key, value


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _is_task(value: Any) -> bool:
    return isinstance(value, str) and value in TASKS


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""
