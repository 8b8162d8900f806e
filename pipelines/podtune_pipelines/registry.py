"""What an image's tag names now, as its registry answers (OCI distribution specification 1.1, "Pulling manifests").

A login is docker's or podman's: the files that `docker login` and `podman login` write, and the credential helpers
(`docker-credential-…`) that docker's file names.
"""

import base64
import os
import re
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional
from urllib.parse import urlencode, urlsplit

from podtune import __version__
from podtune.errors import BadInput, PodtuneError
from podtune.parsing import parse_json
from podtune.sources.reachable import NoRedirects, asking, opener

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")

_MANIFESTS = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
_SECONDS = 10.0
"""For a connection, and for an answer."""

_LARGEST = 1 << 20
"""Bytes of an answer that are read."""

_HERE = ("localhost", "127.0.0.1", "[::1]")
"""Asked by http, as docker does it."""

_HUB = ("docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")
"""Docker Hub as an image's name, its API and docker's login call it."""


class _Image(NamedTuple):
    host: str
    repository: str
    tag: str

    @property
    def url(self) -> str:
        scheme = "http" if self.host.rpartition(":")[0] in _HERE or self.host in _HERE else "https"
        return f"{scheme}://{_HUB[1] if self.host == _HUB[0] else self.host}/v2/{self.repository}/manifests/{self.tag}"


def digest_of(image: str) -> str:
    """Ask an image's registry for the digest that its tag names now: of the index, where there are several platforms.

    BadInput where the registry has no such image, TryAgainLater where it does not answer, PodtuneError where it
    answers something else or wants another login.
    """
    named = _parse(image)
    answer = _ask("HEAD", named.url, {"Accept": _MANIFESTS})
    if answer.status == 401:
        shown = _authorization(named, answer.headers.get("WWW-Authenticate", ""))
        answer = _ask("HEAD", named.url, {"Accept": _MANIFESTS, "Authorization": shown})
    if answer.status == 404:
        raise BadInput(f"{named.host} has no {named.repository}:{named.tag}; push it")
    if answer.status in (401, 403):
        raise PodtuneError(f"{named.host} refuses to show {named.repository} ({answer.status}); {_login(named.host)}")
    digest = answer.headers.get("Docker-Content-Digest", "")
    if answer.status != 200 or not DIGEST.fullmatch(digest):
        raise PodtuneError(f"{named.host} answers {answer.status} without a digest of {named.repository}:{named.tag}")
    return digest


def _parse(image: str) -> _Image:
    """Take a name apart as docker does: the first part is a registry if it looks like a host."""
    path, _, tag = image.rpartition(":")
    first, _, rest = path.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return _Image(first, rest, tag)
    return _Image(_HUB[0], path, tag)


class _Answer(NamedTuple):
    status: int
    headers: "Message[str, str]"
    body: bytes


def _ask(method: str, url: str, headers: Dict[str, str]) -> _Answer:
    host = urlsplit(url).hostname or ""
    headers = {"User-Agent": f"podtune/{__version__}", **headers}
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310  # http or https, as _Image says
    try:
        with asking(host), opener([host], NoRedirects).open(request, timeout=_SECONDS) as answer:
            return _Answer(answer.status, answer.headers, answer.read(_LARGEST))
    except urllib.error.HTTPError as error:
        error.close()
        return _Answer(error.code, error.headers, b"")


def _authorization(image: _Image, challenge: str) -> str:
    """What the registry wants to see: a token of whoever it names, or the login itself (RFC 6750, RFC 7617)."""
    login = _credentials(image.host)
    scheme, _, rest = challenge.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme.lower() == "basic" and login:
        return login
    if scheme.lower() != "bearer" or not fields.get("realm"):
        raise PodtuneError(f"{image.host} wants a login; {_login(image.host)}")
    realm = fields["realm"]
    giver = _giver(realm, here=image.url.startswith("http:"))
    if not giver:
        raise PodtuneError(
            f"{image.host} sends for a token to {realm!r}, which must be https, or a login could be read"
        )
    wanted = {"service": fields.get("service", ""), "scope": f"repository:{image.repository}:pull"}
    url = f"{realm}{'&' if '?' in realm else '?'}{urlencode({key: value for key, value in wanted.items() if value})}"
    answer = _ask("GET", url, {"Authorization": login} if login else {})
    with suppress(ValueError, TypeError, AttributeError):
        found = parse_json(answer.body)
        token = found.get("token") or found.get("access_token")
        if answer.status == 200 and re.fullmatch(r"[\x21-\x7e]+", token):
            return f"Bearer {token}"
    raise PodtuneError(f"{giver} gives no token ({answer.status}); {_login(image.host)}")


def _giver(realm: str, *, here: bool) -> str:
    """The host that gives tokens; empty unless it is asked by https, or is on this machine as its registry is."""
    try:
        parts = urlsplit(realm)
    except ValueError:
        return ""
    host = parts.hostname or ""
    return host if parts.scheme == "https" or (parts.scheme == "http" and here and host in _HERE) else ""


def _login(host: str) -> str:
    return f"log in: docker login {host}"


def _credentials(host: str) -> str:
    """The header of this user's login at a registry; empty without one, or where what holds it cannot be read."""
    for path in _login_files():
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError):
            login = _login_in(parse_json(path.read_bytes()), _HUB[2] if host == _HUB[0] else host)
            if login:
                return f"Basic {base64.b64encode(login.encode()).decode()}"
    return ""


def _login_files() -> List[Path]:
    named, runtime = os.environ.get("REGISTRY_AUTH_FILE"), os.environ.get("XDG_RUNTIME_DIR")
    if named:
        return [Path(named)]
    docker = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    return [docker, *([Path(runtime) / "containers" / "auth.json"] if runtime else [])]


def _login_in(content: Dict[str, Any], host: str) -> Optional[str]:
    """User and password, of the file itself or of the helper that it names."""
    for key, entry in content.get("auths", {}).items():
        if key in (host, f"https://{host}", f"https://{host}/") and entry.get("auth"):
            return base64.b64decode(entry["auth"]).decode()
    helper = content.get("credHelpers", {}).get(host) or content.get("credsStore")
    if not helper:
        return None
    command = [f"docker-credential-{helper}", "get"]
    answer = subprocess.run(command, input=host, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603  # the user's own file names it
    login = parse_json(answer.stdout)
    return ":".join((login["Username"], login["Secret"]))
