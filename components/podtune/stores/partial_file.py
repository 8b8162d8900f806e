"""A file on its way into a directory: beside its final name until it is complete, kept if the way is cut."""

import hashlib
from glob import escape
from pathlib import Path
from typing import List

from podtune.formats.sealed import sync


def partial_file(target: Path, source: str) -> Path:
    """Where the copy of `source` to `target` is collected, made empty if need be; copies of other sources go.

    `source` names one content, such as an ETag, so that a copy never continues with another content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    token = hashlib.sha256(source.encode()).hexdigest()[:16]
    partial = target.with_name(f".{target.name}.{token}.partial")
    for other in partials_of(target):
        if other != partial:
            other.unlink()
    partial.touch()
    return partial


def partials_of(target: Path) -> List[Path]:
    """What interrupted copies to `target` left."""
    return sorted(target.parent.glob(f".{escape(target.name)}.{'[0-9a-f]' * 16}.partial"))


def land(partial: Path, target: Path) -> None:
    """Give a complete copy its final name, durably."""
    sync(partial)
    Path(str(partial)).replace(str(target))
    sync(target.parent)
