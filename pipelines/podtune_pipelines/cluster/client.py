"""A KFP cluster: its address and credentials, and its API through KFP's own client, silenced and with our errors."""

import contextlib
import io
import json
import logging
import os
import re
import ssl
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Optional
from urllib.parse import urlsplit

import kfp_server_api
import urllib3
from kfp.client import Client, ServiceAccountTokenVolumeCredentials
from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing
from podtune.proxies import go_through_proxy, proxy_of

TOKEN, TOKEN_FILE, COOKIES = "KF_PIPELINES_TOKEN", "KF_PIPELINES_SA_TOKEN_PATH", "KF_PIPELINES_COOKIES"
CA_FILE, UI = "KF_PIPELINES_CA_FILE", "KF_PIPELINES_UI_ENDPOINT"
"""Environment variables; secrets have no options, because every user of a machine can read its command lines."""

_TIME_LIMITS = (10, 60)
"""Seconds to connect, and to wait for an answer; KFP's client has none of its own."""

_RETRIES = urllib3.Retry(
    total=3, redirect=False, backoff_factor=0.2, status_forcelist=(429, 502, 503, 504), raise_on_status=False
)
"""Of idempotent requests; a POST is only repeated if no connection was made. Redirects are not KFP's."""

_USER = "write them into that variable, as http://user:secret@host:port"
_LOGIN = f"log in again and set {TOKEN}, {TOKEN_FILE} or {COOKIES} to the new credentials"
_DENIED = f"ask its administrator, or give your --namespace; if your login has ended, {_LOGIN}"


class LoginNeeded(BadInput):
    """The cluster does not take the credentials, or does so no more."""


class Missing(BadInput):
    """The cluster does not have the requested object."""


class Taken(PodtuneError):
    """An object of that name exists already."""


@dataclass(frozen=True)
class Address:
    """A KFP's address, and our credentials for it."""

    host: str
    """Of KFP's user interface, which also serves its API."""

    namespace: str = ""
    """The profile's on a multi-user KFP; empty on a single-user one."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    """Read again with each request, because Kubernetes rotates the token."""

    cookies: str = field(default="", repr=False)
    ca_file: str = ""
    """CA certificates to trust; empty for the system's."""

    ui: str = ""
    """Of the user interface, if that is not at `host`."""

    def page(self, path: str) -> str:
        """The address of a page of KFP's user interface."""
        return f"{(self.ui or self.host).rstrip('/')}/#/{path}"


@dataclass(frozen=True)
class Cluster:
    """A KFP cluster that answers."""

    address: Address
    client: Any

    @property
    def namespace(self) -> Optional[str]:
        """As the client takes it: None for a single-user KFP."""
        return self.address.namespace or None

    def call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a method of the client without letting it print or log."""
        with _silenced():
            return method(*arguments, **options)

    def pages(self, method: Callable[..., Any], key: str, *, size: int = 100, **arguments: Any) -> Iterator[Any]:
        """Every item of a listing method of the client; pages are requested as they are consumed."""
        token: Optional[str] = ""
        while token is not None:
            answer = self.call(method, page_token=token, page_size=size, **arguments)
            yield from getattr(answer, key) or []
            token = answer.next_page_token or None


def where(key: str, value: str) -> str:
    """The filter for objects with exactly this value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})


def address_of(host: str, namespace: str = "") -> Address:
    """A cluster's address, with credentials from the environment; BadInput where these cannot be used."""
    if "@" in host:
        raise BadInput(f"--host (or KF_PIPELINES_ENDPOINT) must hold no user and password; {_LOGIN}")
    if not re.match("https?://[^/]", host):
        got = f"got {host!r}" if host else "none is set"
        raise BadInput(f"--host (or KF_PIPELINES_ENDPOINT) must be KFP's address, beginning with https://; {got}")
    files = {name: os.environ.get(name, "") for name in (TOKEN_FILE, CA_FILE)}
    for name, path in files.items():
        if path and not Path(path).is_file():
            raise BadInput(f"{name} must name a file; there is none at {path}")
    return Address(
        host.rstrip("/"),
        namespace,
        token=_secret(TOKEN),
        token_file=files[TOKEN_FILE],
        cookies=_secret(COOKIES),
        ca_file=files[CA_FILE],
        ui=os.environ.get(UI, ""),
    )


def _secret(variable: str) -> str:
    """An environment variable's value, if a header can hold it; the error does not repeat it."""
    value = os.environ.get(variable, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise BadInput(f"{variable} must hold one line of ASCII; it holds something else")
    return value


def connect(host: str, namespace: str = "") -> Cluster:
    """Build the client; check that KFP answers, and that a multi-user one, and no other, is given a namespace."""
    address = address_of(host, namespace)
    with _silenced():
        cluster = Cluster(address, _Client(address))
        health = cluster.client.health()
    if health.multi_user and not namespace:
        raise BadInput(f"{address.host} is a multi-user KFP; give your profile's --namespace")
    if namespace and not health.multi_user:
        cure = "leave --namespace out, and KF_PIPELINES_NAMESPACE"
        raise BadInput(f"{address.host} is a one-user KFP, which has no namespace {namespace!r} to run in; {cure}")
    return cluster


class _Client(Client):
    """KFP's client, with time limits, retries of idempotent requests, and errors that name a remedy."""

    def __init__(self, address: Address) -> None:
        self._address = address
        super().__init__(
            address.host,
            existing_token=address.token or None,
            credentials=ServiceAccountTokenVolumeCredentials(address.token_file) if address.token_file else None,
            cookies=address.cookies or None,
            ssl_ca_cert=address.ca_file or None,
        )
        # KFP's client offers none of the three; without the replaced `request`, a dead server would hang a command
        rest = self._run_api.api_client.rest_client
        rest.pool_manager.connection_pool_kw["retries"] = _RETRIES
        self._send = rest.request
        rest.request = self._request

    def _load_config(self, *arguments: Any, **options: Any) -> Any:
        """Add the environment's proxy, whose user KFP's client has no parameter for."""
        configuration = super()._load_config(*arguments, **options)
        go_through_proxy(configuration, self._address.host)
        return configuration

    def _load_context_setting_or_default(self) -> None:
        """Read no ~/.config/kfp/context.json: its namespace, cookie and header may be another cluster's."""
        self._context_setting = {"namespace": self._address.namespace}

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:  # noqa: ARG002  # KFP's signature
        """Skip the check while the client is built: KFP would try five times in 25 seconds, without a time limit."""
        return kfp_server_api.V2beta1GetHealthzResponse()

    def health(self) -> Any:
        """Get KFP's health."""
        return self._healthz_api.healthz_service_get_healthz()

    def _request(self, *arguments: Any, _request_timeout: Any = None, **options: Any) -> Any:
        try:
            answer = self._send(*arguments, _request_timeout=_request_timeout or _TIME_LIMITS, **options)
        except kfp_server_api.ApiException as error:
            raise _refusal(self._address, error) from error
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._address, error) from error
        parsed = options.get("_preload_content", True)
        if parsed and "json" not in answer.urllib3_response.headers.get("content-type", ""):
            raise LoginNeeded(f"{self._address.host} answers with a web page instead of KFP's API; {_LOGIN}")
        return answer


def _refusal(address: Address, error: Any) -> PodtuneError:
    said = f"{error.status}: {_message(error.body) or error.reason}"
    for secret in filter(None, (address.token, address.cookies)):
        said = said.replace(secret, "…")
    faults = {
        401: (LoginNeeded, f"rejects your credentials (HTTP {said}); {_LOGIN}"),
        403: (LoginNeeded, f"denies access (HTTP {said}); {_DENIED}"),
        404: (Missing, f"has no such object (HTTP {said})"),
        407: (BadInput, f"is behind {proxy_of(address.host)}, which wants a user and password (HTTP {said}); {_USER}"),
        409: (Taken, f"has an object of this name already (HTTP {said})"),
    }
    kind, fault = faults.get(error.status, (BadInput, f"refuses the request (HTTP {said})"))
    if 300 <= error.status < 400:
        return redirect_of(address.host, error.headers.get("location", ""))
    if error.status == 500 and "ResourceNotFoundError" in said:  # of a deleted version, for example
        return Missing(f"{address.host} has no such object (HTTP {said})")
    if is_passing(error.status):
        kind, fault = TryAgainLater, f"is unavailable (HTTP {said}); try again later"
    return kind(f"{address.host} {fault}")


def redirect_of(host: str, location: str) -> PodtuneError:
    """The error for an answer that leads elsewhere: to https, or to a login."""
    goal, own = urlsplit(location), urlsplit(host)
    if goal.hostname == own.hostname and goal.scheme != own.scheme:
        to = own._replace(scheme=goal.scheme, netloc=goal.netloc.rpartition("@")[2]).geturl()
        return BadInput(f"{host} redirects to {to}; set --host (or KF_PIPELINES_ENDPOINT) to that")
    where = f"{goal.scheme}://{goal.netloc.rpartition('@')[2]}{goal.path}" if goal.netloc else goal.path
    return LoginNeeded(f"{host} redirects{where and f' to {where}'}, as to a login; {_LOGIN}")


def _message(body: Any) -> Optional[str]:
    """The message in KFP's answer; None where the body is not KFP's."""
    try:
        answer = json.loads(body)
        return " ".join(str(answer.get("message") or answer.get("error") or "").split())[:400]
    except (ValueError, TypeError, AttributeError):
        return None


def _unreachable(address: Address, error: Exception) -> PodtuneError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.SSLError) and isinstance(reason.args[0], ssl.SSLCertVerificationError):
        fault = f"{address.host} has a certificate that is not trusted: {reason.args[0].verify_message}"
        return BadInput(f"{fault}; set {CA_FILE} to its CA certificate")
    if isinstance(error, (urllib3.exceptions.ProtocolError, urllib3.exceptions.ReadTimeoutError)):
        remedy = "check with `podtune runs` or `podtune schedules list` before trying again"
        return TryAgainLater(f"{address.host} closed the connection, and may have carried out the request; {remedy}")
    return not_reached(address.host, reason)


def not_reached(url: str, reason: object, remedy: str = "try again later") -> PodtuneError:
    """The error for a URL that gives no answer, or whose proxy gives none or refuses."""
    proxy = proxy_of(url) if isinstance(reason, urllib3.exceptions.ProxyError) else None
    if proxy is None:
        return TryAgainLater(f"{url} cannot be reached ({type(reason).__name__}); {remedy}")
    why: object = reason.original_error  # type: ignore[attr-defined]  # mypy does not follow the condition
    words = str(why) if isinstance(why, OSError) else type(why).__name__
    kind = BadInput if "Tunnel connection failed: 4" in words else TryAgainLater
    return kind(f"{url} cannot be reached through {proxy} ({words}); correct it, or name the host in NO_PROXY")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Discard what KFP's client and its libraries print, log and warn of.

    They print HTML for notebooks and log every retry: without this it would be mixed with our output and JSON.
    """
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
