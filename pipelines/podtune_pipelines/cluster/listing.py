"""Lists that KFP answers page by page."""

import json
from typing import Any, Callable, Iterator

from podtune_pipelines.cluster.client import Cluster

_PAGE = 100


def pages(
    cluster: Cluster, method: Callable[..., Any], key: str, *, size: int = _PAGE, **arguments: Any
) -> Iterator[Any]:
    """Everything that a listing method of the client finds, from as many pages as are asked for."""
    token = ""
    while True:
        answer = cluster.ask(method, page_token=token, page_size=size, **arguments)
        yield from getattr(answer, key) or []
        token = answer.next_page_token or ""
        if not token:
            return


def where(key: str, value: str) -> str:
    """The filter for what has exactly this value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})
