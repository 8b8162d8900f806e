"""A KFP cluster: how it is reached, and its API through KFP's own client, without what that prints and raises."""

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

import kfp
import kfp_server_api
import urllib3
from kfp.client import ServiceAccountTokenVolumeCredentials
from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing

TOKEN, TOKEN_FILE, COOKIES = "KF_PIPELINES_TOKEN", "KF_PIPELINES_SA_TOKEN_PATH", "KF_PIPELINES_COOKIES"
CA_FILE, UI = "KF_PIPELINES_CA_FILE", "KF_PIPELINES_UI_ENDPOINT"
"""Environment variables; secrets have no option, because every user of a machine can read a command line."""

_TIME_LIMITS = (10, 60)
"""Seconds to connect, and to wait for an answer; KFP's client has none of its own."""

_RETRIES = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=(429, 502, 503, 504), raise_on_status=False)
"""Of requests that may be made twice; a POST is none, unless no connection was made."""

_LOGIN = f"log in again and give what it says in {TOKEN}, {TOKEN_FILE} or {COOKIES}"


class Missing(BadInput):
    """The cluster does not know what was asked for."""


class Taken(PodtuneError):
    """Something of that name is there already."""


@dataclass(frozen=True)
class Address:
    """Where a cluster's KFP is, and how it knows us."""

    host: str
    """The address of KFP's user interface, which also serves its API."""

    namespace: str = ""
    """The profile's, where several users share a KFP; empty where they do not."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    """Read again with each request, because Kubernetes renews what is in it."""

    cookies: str = field(default="", repr=False)
    ca_file: str = ""
    """Certificates to trust; empty for the usual ones."""

    ui: str = ""
    """Where a browser finds KFP, if not at `host`."""

    def page(self, path: str) -> str:
        """The address of a page of KFP's user interface."""
        return f"{(self.ui or self.host).rstrip('/')}/#/{path}"


@dataclass(frozen=True)
class Cluster:
    """A KFP cluster that can be asked."""

    address: Address
    client: Any

    @property
    def namespace(self) -> Optional[str]:
        """As the client takes it: None where several users do not share the KFP."""
        return self.address.namespace or None

    def ask(self, method: Callable[..., Any], *given: Any, **arguments: Any) -> Any:
        """Call a method of the client, which prints and logs nothing meanwhile."""
        with _silenced():
            return method(*given, **arguments)


def address_of(host: str, namespace: str = "") -> Address:
    """The address of a cluster, with what the environment says of it; BadInput where that cannot be used."""
    _check_host(host)
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


def _check_host(host: str) -> None:
    if "@" in host:
        raise BadInput(f"--host (or KF_PIPELINES_ENDPOINT) must hold no user and password; {_LOGIN}")
    if not re.match("https?://[^/]", host):
        given = f"got {host!r}" if host else "nothing was given"
        raise BadInput(f"--host (or KF_PIPELINES_ENDPOINT) must be KFP's address, beginning with https://; {given}")


def _secret(variable: str) -> str:
    """What an environment variable holds, if it can go into a header; the error does not repeat it."""
    value = os.environ.get(variable, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise BadInput(f"{variable} must hold one line of ASCII; it holds something else")
    return value


def connect(address: Address) -> Cluster:
    """Build the client and find out whether KFP answers, and whether it has to know the namespace."""
    with _silenced():
        client = _Client(
            address.host,
            existing_token=address.token or None,
            credentials=ServiceAccountTokenVolumeCredentials(address.token_file) if address.token_file else None,
            cookies=address.cookies or None,
            ssl_ca_cert=address.ca_file or None,
        )
    client.set_limits(address)
    if address.namespace:
        client.use_namespace(address.namespace)
    cluster = Cluster(address, client)
    if cluster.ask(client.ask_health).multi_user and not address.namespace:
        raise BadInput(f"{address.host} is shared by several users; name your profile's --namespace")
    return cluster


class _Client(kfp.Client):
    """KFP's client, with time limits, and no more patience than a person has."""

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:  # noqa: ARG002  # KFP's signature
        """Answer nothing while the client is built: KFP would ask five times in 25 seconds, without a time limit."""
        return kfp_server_api.V2beta1GetHealthzResponse()

    def ask_health(self) -> Any:
        """Ask whether KFP is well."""
        return self._healthz_api.healthz_service_get_healthz()

    def use_namespace(self, namespace: str) -> None:
        """As set_user_namespace, which also writes a file into the user's home."""
        self._context_setting["namespace"] = namespace

    def set_limits(self, address: Address) -> None:
        """Limit every request's time, repeat those that change nothing, and raise errors that say what to do."""
        rest = self._run_api.api_client.rest_client
        rest.pool_manager.connection_pool_kw["retries"] = _RETRIES
        rest.request = _Requests(address, rest.request)


@dataclass(frozen=True)
class _Requests:
    """How the client's requests are made, in place of its own method."""

    address: Address
    request: Callable[..., Any]

    def __call__(self, *given: Any, _request_timeout: Any = None, **arguments: Any) -> Any:
        try:
            answer = self.request(*given, _request_timeout=_request_timeout or _TIME_LIMITS, **arguments)
        except kfp_server_api.ApiException as error:
            raise _refusal(self.address, error) from error
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self.address, error) from error
        parsed = arguments.get("_preload_content", True)
        if parsed and "json" not in answer.urllib3_response.headers.get("content-type", ""):
            raise BadInput(f"{self.address.host} answers with a web page, not as KFP's API does; {_LOGIN}")
        return answer


def _refusal(address: Address, error: Any) -> PodtuneError:
    """What an HTTP status means to the person who asked."""
    said = f"{error.status}: {_message(error.body) or error.reason}"
    for secret in filter(None, (address.token, address.cookies)):
        said = said.replace(secret, "…")
    if error.status == 401:
        return BadInput(f"{address.host} does not know you (HTTP {said}); {_LOGIN}")
    if error.status == 403:
        remedy = "ask its administrator, or name your --namespace"
        return BadInput(f"{address.host} does not allow it (HTTP {said}); {remedy}")
    if error.status == 404:
        return Missing(f"{address.host} does not have it (HTTP {said})")
    if error.status == 409:
        return Taken(f"{address.host} has it already (HTTP {said})")
    if is_passing(error.status):
        return TryAgainLater(f"{address.host} cannot serve now (HTTP {said}); try again later")
    return BadInput(f"{address.host} refuses the request (HTTP {said})")


def _message(body: Any) -> Optional[str]:
    """The sentence in KFP's answer; None where it is another's."""
    try:
        found = json.loads(body)
        return " ".join(str(found.get("message") or found.get("error") or "").split())[:400]
    except (ValueError, TypeError, AttributeError):
        return None


def _unreachable(address: Address, error: Exception) -> PodtuneError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.SSLError) and isinstance(reason.args[0], ssl.SSLCertVerificationError):
        why = reason.args[0].verify_message
        return BadInput(
            f"{address.host} has a certificate that is not trusted: {why}; name its authority's file in {CA_FILE}"
        )
    if isinstance(error, (urllib3.exceptions.ProtocolError, urllib3.exceptions.ReadTimeoutError)):
        return TryAgainLater(
            f"{address.host} broke off, and whether it did what was asked is unknown; look at `podtune runs` or "
            "`podtune schedules list` first"
        )
    return TryAgainLater(f"{address.host} cannot be reached ({type(reason).__name__}); try again later")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep what KFP's client and its libraries print, log and warn of from ours."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
