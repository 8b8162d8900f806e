"""Answers of an S3 endpoint that are not a store's: of what stands before it, or of another server."""

import re
from typing import Any, Callable, Dict, Mapping
from urllib.parse import urlsplit

from podtune.errors import BadInput, is_passing

_VARIABLE = "AWS_ENDPOINT_URL_S3"
_READS = ("GetObject", "HeadObject")
"""Operations whose answer is an object, of whatever type."""


def refusing_others(endpoint: str) -> Callable[..., None]:
    """Make a handler of botocore's that raises BadInput where another server than a store answers, with what to do."""

    def refuse(operation_model: Any, response_dict: Dict[str, Any], **_: Any) -> None:
        headers = {name.lower(): str(value) for name, value in response_dict["headers"].items()}
        status, body = response_dict["status_code"], response_dict["body"]
        _refuse_redirect(endpoint, status, headers, body)
        if is_passing(status) or 300 <= status < 400:
            return
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if _is_other(operation_model.name, status, headers, kind, body):
            answer = "a web page" if kind == "text/html" else kind or "text"
            cure = f"set {_VARIABLE} to the store's S3 API, which often has another host or port than its web pages"
            raise BadInput(f"the endpoint {endpoint} answers with {answer} (HTTP {status}) instead of S3's XML; {cure}")

    return refuse


def _refuse_redirect(endpoint: str, status: int, headers: Mapping[str, str], body: Any) -> None:
    """Refuse a redirect that is not S3's own, as to https.

    S3's name the bucket's region, or say in XML what they are, and botocore follows them. It takes each other one for
    such, and asks for the region until Python's stack ends.
    """
    goal = urlsplit(headers.get("location", ""))
    if not 300 <= status < 400 or not goal.netloc or "x-amz-bucket-region" in headers:
        return
    if re.search(rb"<Code>(Permanent|Temporary)?Redirect</Code>", body):
        return
    to = f"{goal.scheme}://{goal.netloc.rpartition('@')[2]}"
    raise BadInput(f"the endpoint {endpoint} redirects to {to}; if that is the store, set {_VARIABLE} to {to}")


def _is_other(operation: str, status: int, headers: Mapping[str, str], kind: str, body: Any) -> bool:
    """Whether an answer is none of S3's, which are XML or empty, but for objects, which have an ETag."""
    if operation in _READS and status < 300:
        return kind == "text/html" and not any(name == "etag" or name.startswith("x-amz-") for name in headers)
    text = body.lstrip() if isinstance(body, bytes) else b""
    return bool(text) and (not text.startswith(b"<") or bool(re.match(rb"<(!doctype )?html", text[:20].lower())))
