"""One file over HTTP: continued where it broke off, complete or not there at all."""

import contextlib
import http.client
import shutil
import ssl
import urllib.request
from pathlib import Path
from types import MappingProxyType
from typing import Any, Collection, Iterator, Mapping, NamedTuple, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from podtune.environment import LARGEST
from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing, naming
from podtune.progress import progress_bar
from podtune.sources.reachable import opener
from podtune.sources.uris import without_secrets
from podtune.stores.partial_file import land, partial_file, partials_of, require_space
from podtune.stores.retrying import ATTEMPTS, wait

_SECONDS = 60
"""Without a byte, after which a connection counts as lost."""

_BLOCK = 1 << 20

_LARGEST = 500.0
"""Gigabytes: the largest data set that podtune knows, VQA's regions in Graphcore's layout, has 122."""

_SHARE = 0.9
"""Of the free disk space, which an answer that does not say its length may fill."""

_REDIRECTS = "only redirects to https:// are followed, and not in circles"


class Asked(NamedTuple):
    """What is asked for."""

    url: str
    shown: str
    """What the user calls it."""

    private_headers: Mapping[str, str]
    allowed: Collection[str]


def download(
    url: str,
    target: Path,
    shown: str,
    private_headers: Mapping[str, str] = MappingProxyType({}),
    allowed: Collection[str] = (),
) -> None:
    """Copy what `url` serves to `target`; `shown` is what the user calls it.

    The next call for the same target continues an interrupted copy, if the server names the content by the same
    ETag or date. `private_headers` go to the URL's own host only; `allowed` names hosts that may be in a private
    network. No more is written than the disk has room for and a variable allows.
    """
    parts = urlsplit(url)
    here = [parts.hostname or ""] if parts.scheme == "http" else []  # which settings allow for this machine only
    asked = Asked(url, shown, private_headers, [*allowed, *here])
    failures = 0
    while True:
        before = _collected(target)
        try:
            return _attempt(asked, target)
        except TryAgainLater:
            failures = 0 if _collected(target) > before else failures + 1
            if failures == ATTEMPTS:
                raise
            wait(max(failures, 1))


def _collected(target: Path) -> int:
    """Bytes that earlier attempts left."""
    return sum(path.stat().st_size for path in partials_of(target))


def _attempt(asked: Asked, target: Path) -> None:
    """Take one answer; what was collected of the same content is not requested again."""
    with contextlib.ExitStack() as stack:
        answer = stack.enter_context(_open(asked))
        partial = _partial(target, answer)
        kept, length = partial.stat().st_size, _length(answer)
        if length is not None and 0 < kept < length:
            answer.close()
            rest = {"Range": f"bytes={kept}-", "If-Range": _validator(answer)}
            answer = stack.enter_context(_open(asked, rest))
            if answer.status != 206:
                partial, length = _partial(target, answer), _length(answer)
                kept = 0
            elif not str(answer.headers["Content-Range"]).startswith(f"bytes {kept}-"):
                partial.unlink()
                raise TryAgainLater(f"cannot read {asked.shown}: the server sends another part than was requested")
        elif kept != length:
            kept = 0
        with naming(target):
            _append(answer, partial, kept=kept, length=length, shown=asked.shown)
            land(partial, target)


def _append(answer: Any, partial: Path, *, kept: int, length: Optional[int], shown: str) -> None:
    """Write the answer behind the bytes that are kept; TryAgainLater if it breaks off."""
    label = shown.rpartition("/")[2]
    have, most = kept, _room(partial, length, kept, shown)
    with partial.open("r+b") as writing, progress_bar(length or 0, "B", label, kept) as bar:
        writing.truncate(kept)
        writing.seek(kept)
        for block in _blocks(answer, None if length is None else length - kept, shown):
            writing.write(block)
            writing.flush()
            have += len(block)
            if have > most:
                partial.unlink()
                raise _without_end(shown, most)
            bar.update(len(block))
    if length is not None and have != length:
        raise TryAgainLater(f"cannot read {shown}: the answer breaks off at byte {have} of {length}; try again later")


def _room(partial: Path, length: Optional[int], kept: int, shown: str) -> int:
    """The bytes that may lie in a partial file; what is said to be more is refused before it is begun."""
    most = int(_largest() * 1e9)
    if length is None:
        return min(most, kept + int(shutil.disk_usage(str(partial.parent)).free * _SHARE))
    if length > most:
        partial.unlink()
        raise BadInput(f"{shown} has {length:,} bytes, more than {most:,}; {_cure()}")
    require_space(partial, length - kept)
    return length


def _without_end(shown: str, most: int) -> PodtuneError:
    """Why an answer that did not say its length was stopped: it is larger than allowed, or the disk is nearly full."""
    if most < int(_largest() * 1e9):
        return TryAgainLater(f"no space left to write {shown}: stopped after {most:,} bytes, and removed; free some")
    return BadInput(f"{shown} does not end: stopped after {most:,} bytes, and removed; {_cure()}")


def _largest() -> float:
    """Gigabytes of the largest file that is downloaded."""
    value = LARGEST.value()
    try:
        most = float(value or _LARGEST)
    except ValueError:
        most = 0.0
    if not 0 < most < float("inf"):
        raise BadInput(f"{LARGEST.name} must be a number of gigabytes, more than 0; got {value!r}")
    return most


def _cure() -> str:
    return f"correct the address, or set {LARGEST.name} to more gigabytes than {_largest():g}"


def _blocks(answer: Any, left: Optional[int], shown: str) -> Iterator[bytes]:
    while left is None or left > 0:
        with _explaining(shown):
            block = answer.read1(_BLOCK if left is None else min(left, _BLOCK))
        if not block:
            return
        left = None if left is None else left - len(block)
        yield block


def _partial(target: Path, answer: Any) -> Path:
    """Return the partial file of an answer, emptied if the server sends no validator."""
    name = _validator(answer)
    partial = partial_file(target, name)
    if not name:
        partial.write_bytes(b"")
    return partial


def _validator(answer: Any) -> str:
    """Return the validator for If-Range: a strong ETag, else a date."""
    etag = str(answer.headers["ETag"] or "")
    return etag if etag.startswith('"') else str(answer.headers["Last-Modified"] or "")


def _length(answer: Any) -> Optional[int]:
    text = str(answer.headers["Content-Length"] or "")
    return int(text) if text.isdecimal() else None


def _open(asked: Asked, headers: Optional[Mapping[str, str]] = None) -> Any:
    request = urllib.request.Request(asked.url, headers={"Accept-Encoding": "identity", **(headers or {})})  # noqa: S310  # the settings allow https, and http on this machine
    for name, value in asked.private_headers.items():
        request.add_unredirected_header(name, value)
    with _explaining(asked.shown):
        return opener(asked.allowed, _CarefulRedirects).open(request, timeout=_SECONDS)


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but to no other scheme, and with private headers to the same host only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: PLR0917  # as urllib calls it
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme != old.scheme or (new.scheme == "http" and new.hostname != old.hostname):
            fp.close()
            here, there = without_secrets(req.full_url), without_secrets(newurl)
            raise BadInput(f"{here} redirects to {there}; {_REDIRECTS}")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and new.netloc == old.netloc:
            for name, value in req.unredirected_hdrs.items():
                request.add_unredirected_header(name, value)
        return request


@contextlib.contextmanager
def _explaining(shown: str) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        error.close()
        raise _refusal(error, shown) from error
    except http.client.InvalidURL as error:  # it quotes the query
        raise BadInput(f"cannot read {shown}: its address holds a space or a control character") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise BadInput(f"cannot read {shown}: {reason}; set SSL_CERT_FILE to its certificate authority") from error
        words = " ".join(str(reason).split()) or type(reason).__name__
        raise TryAgainLater(f"cannot read {shown}: {words}; check the address, or try again later") from error


def _refusal(error: HTTPError, shown: str) -> PodtuneError:
    answer = f"the server answers {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if is_passing(error.code) or error.code == 416:
        return TryAgainLater(f"cannot read {shown}: {answer}; try again later")
    if error.code in (401, 403):
        return BadInput(f"cannot read {shown}: {answer}; it needs a permission that is missing")
    if error.code in (404, 410):
        return BadInput(f"cannot read {shown}: {answer}; correct the address")
    if error.code in range(300, 400):
        return BadInput(f"cannot read {shown}: {answer}; {_REDIRECTS}")
    return BadInput(f"cannot read {shown}: {answer}")
