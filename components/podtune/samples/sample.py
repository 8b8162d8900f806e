"""The URIs of samples: what is to be made, and by which numbers."""

import importlib
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple, Union
from urllib.parse import parse_qsl, urlsplit

from podtune.errors import BadInput
from podtune.sources.uris import scheme_of
from podtune.tasks.task import Sample, all_tasks

DATA_SETS = {kind: sample for task in all_tasks() for kind, sample in task.data_sets.items()}
"""The data sets that fetch_data makes on the spot."""

MODELS = {kind: sample for task in all_tasks() for kind, sample in task.models.items()}
"""The models that fetch_model makes on the spot."""

_NUMBER = re.compile("[1-9][0-9]{0,8}")

_MOST = {"seed": 999_999_999, "layers": 100, "hidden": 4_096, "heads": 256}
"""Key to the largest number that it may have."""

_MOST_EXAMPLES = 1_000_000
"""Of any other key, which says how many examples a split has."""


def is_sample(uri: str) -> bool:
    """Whether the input is made on the spot."""
    return scheme_of(uri) == "sample"


def read_sample(uri: str, samples: Mapping[str, Sample]) -> Dict[str, Union[int, str]]:
    """What sample://kind?key=value&… says, with defaults; BadInput for an unknown kind or key."""
    mistake = mistake_in_sample(uri, samples)
    if mistake:
        raise BadInput(f"{uri} {mistake}")
    kind, query = _parts(uri)
    defaults = samples[kind].defaults
    values = {**defaults, **dict(query)}
    return {key: int(value) if defaults[key].isdecimal() else value for key, value in values.items()}


def write_sample(uri: str, samples: Mapping[str, Sample], directory: Path) -> Any:
    """Make a sample in a directory; return what its writer does."""
    values = read_sample(uri, samples)
    sample = samples[_parts(uri)[0]]
    module, _, function = sample.writer.partition(":")
    return getattr(importlib.import_module(module), function)(directory, **values, **sample.fixed)


def mistake_in_sample(uri: str, samples: Mapping[str, Sample]) -> Optional[str]:
    """What is wrong with a sample's URI; None where nothing is."""
    try:
        kind, query = _parts(uri)
    except ValueError as error:
        return f"is no URI: {error}"
    if kind not in samples:
        return f"must be one of {', '.join(f'sample://{name}' for name in samples)}; got {uri!r}"
    sample, values = samples[kind], dict(query)
    if urlsplit(uri).path.strip("/") or not values.keys() <= sample.defaults.keys() or len(values) != len(query):
        form = f"sample://{kind}?{'&'.join(f'{key}={value}' for key, value in sample.defaults.items())}"
        return f"must be {form} with any of these keys once; got {uri!r}"
    for key, value in values.items():
        most = _MOST.get(key, _MOST_EXAMPLES)
        if sample.defaults[key].isdecimal() and not (_NUMBER.fullmatch(value) and int(value) <= most):
            return f"must have a whole number from 1 to {most:,} for {key}; got {value!r}"
        if value not in sample.choices.get(key, (value,)):
            return f"must have {' or '.join(sample.choices[key])} for {key}; got {value!r}"
    return None


def _parts(uri: str) -> Tuple[str, Tuple[Tuple[str, str], ...]]:
    """A sample's kind, and what is said of it."""
    parts = urlsplit(uri)
    return parts.netloc, tuple(parse_qsl(parts.query, keep_blank_values=True))
