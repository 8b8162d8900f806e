"""The URIs of samples: what is to be made, and by which numbers."""

import re
from typing import Dict, Mapping, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

from podtune.errors import BadInput
from podtune.sources.uris import scheme_of

_NUMBER = re.compile("[1-9][0-9]{0,8}")


def is_sample(uri: str) -> bool:
    """Whether the input is made on the spot."""
    return scheme_of(uri) == "sample"


def read_sample(uri: str, kind: str, defaults: Mapping[str, str]) -> Dict[str, str]:
    """What sample://kind?key=value&… says, with defaults; BadInput for another kind or an unknown key."""
    values, mistake = _read(uri, kind, defaults)
    if mistake:
        raise BadInput(f"{uri} {mistake}")
    return values


def mistake_in_sample(uri: str, kind: str, defaults: Mapping[str, str]) -> Optional[str]:
    """What is wrong with a sample's URI; None where nothing is."""
    return _read(uri, kind, defaults)[1]


def _read(uri: str, kind: str, defaults: Mapping[str, str]) -> Tuple[Dict[str, str], Optional[str]]:
    parts = urlsplit(uri)
    given = parse_qsl(parts.query, keep_blank_values=True)
    values = {**defaults, **dict(given)}
    form = f"sample://{kind}?{'&'.join(f'{key}={value}' for key, value in defaults.items())}"
    if parts.netloc != kind or parts.path.strip("/") or set(values) != set(defaults) or len(dict(given)) != len(given):
        return values, f"must be {form} with any of these keys once; got {uri!r}"
    for key, value in values.items():
        if defaults[key].isdecimal() and not _NUMBER.fullmatch(value):
            return values, f"must have a whole number from 1 for {key}; got {value!r}"
    return values, None
