"""KFP's paginated lists."""

import json
from typing import Any, Callable, Iterator

from podtune_pipelines.cluster.client import Cluster

_PAGE = 100


def pages(
    cluster: Cluster, method: Callable[..., Any], key: str, *, size: int = _PAGE, **arguments: Any
) -> Iterator[Any]:
    """Every item of a listing method of the client; pages are requested as they are consumed."""
    token = ""
    while True:
        answer = cluster.call(method, page_token=token, page_size=size, **arguments)
        yield from getattr(answer, key) or []
        token = answer.next_page_token or ""
        if not token:
            return


def where(key: str, value: str) -> str:
    """The filter for objects with exactly this value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})
