"""Servers: the Hub, KFP, and requests that are made once with short time limits."""

import json
import ssl
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional
from urllib.parse import urlsplit

import certifi
import kfp
import urllib3
from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # its HTTP library's, whichever that is
from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # documented, yet not in __all__
from podtune.errors import BadInput
from podtune.proxies import proxy_of

from podtune_pipelines.cluster.client import (
    CA_FILE,
    COOKIES,
    TOKEN,
    TOKEN_FILE,
    Address,
    address_of,
    not_reached,
    redirect_of,
)
from podtune_pipelines.doctor.findings import Finding, failed, not_checked, ok, plain, refused, warning

TIMEOUT = urllib3.Timeout(connect=4, read=6)
_HUB_SECONDS = 6.0
_HUB = "Hub"
_ONLY = "only recipes with hf:// sources need it"
_KFP = "KFP"
_LOG_IN = f"log in and set {TOKEN}, {TOKEN_FILE} or {COOKIES}; {CA_FILE} names a CA certificate"


def get(url: str, headers: Mapping[str, str], ca_file: str = "") -> Any:
    """The response to a GET, whatever its status; BadInput or TryAgainLater if there is none."""
    ca_certs, proxy = ca_file or certifi.where(), proxy_of(url)
    pool = urllib3.PoolManager(ca_certs=ca_certs)
    if proxy:
        pool = urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, ca_certs=ca_certs)
    try:
        return pool.request("GET", url, headers=dict(headers), timeout=TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(url, error) from error


def unreachable(url: str, error: Exception) -> Exception:
    """The error for a request without a response."""
    if isinstance(error, urllib3.exceptions.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
        return BadInput(f"{url} has a certificate that is not trusted; set its CA certificate")
    return not_reached(url, error, "correct the address, or try again later")


def json_of(answer: Any) -> Optional[Dict[str, Any]]:
    """The JSON object in a response; None if it holds something else, such as a login page."""
    try:
        found = json.loads(answer.data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def check_hub() -> Iterator[Finding]:
    """Check that the Hub answers, and accepts the token if there is one."""
    endpoint, token = HfApi().endpoint, get_token()
    if "@" in urlsplit(endpoint).netloc:
        yield failed(_HUB, "HF_ENDPOINT holds a user and password", "remove them and set HF_TOKEN")
        return
    path, headers = ("api/whoami-v2", {"Authorization": f"Bearer {token}"}) if token else ("api/models?limit=1", {})
    try:
        answer = get_session().get(f"{endpoint}/{path}", headers=headers, timeout=_HUB_SECONDS)
    except HTTPError:
        yield warning(_HUB, f"{endpoint} cannot be reached", f"check HF_ENDPOINT and the network; {_ONLY}")
        return
    if answer.status_code == 401:
        yield failed(_HUB, f"{endpoint} does not accept the token", "renew or unset HF_TOKEN")
    elif answer.status_code >= 300:
        yield warning(_HUB, f"{endpoint} answers with HTTP {answer.status_code}", f"check HF_ENDPOINT; {_ONLY}")
    else:
        yield ok(_HUB, f"{endpoint} answers, {'and accepts the token' if token else 'without a token'}")


def check_kfp(host: str) -> Iterator[Finding]:
    """Check that KFP answers at its address, accepts our credentials, and can run what we compile."""
    if not host:
        yield not_checked(_KFP, "no address is set", "give --host or KF_PIPELINES_ENDPOINT")
        return
    address = address_of(host)
    answer = get(f"{address.host}/apis/v2beta1/healthz", _credentials(address), address.ca_file)
    found = json_of(answer)
    if answer.status == 200 and found is not None:
        yield _version(address, str(found.get("apiServerTagName") or found.get("tag_name") or ""))
    elif 300 <= answer.status < 400:
        yield refused(_KFP, str(redirect_of(address.host, answer.headers.get("location", ""))))
    elif answer.status in (200, 401, 403):
        said = "a web page" if answer.status == 200 else f"HTTP {answer.status}"
        yield failed(_KFP, f"{address.host} answers with {said} instead of its API's health", _LOG_IN)
    else:
        said = f"{address.host} answers with HTTP {answer.status}"
        yield failed(_KFP, said, "correct the address, or check that ml-pipeline is running")


def _version(address: Address, tag: str) -> Finding:
    compiled_for = ".".join(kfp.__version__.split(".")[:2])
    if not tag:
        remedy = f"make sure that it is KFP {compiled_for} or later"
        return ok(_KFP, f"{address.host} answers without its version; {remedy}")
    if _numbers(tag) < _numbers(compiled_for):
        remedy = f"upgrade KFP to {compiled_for}, which the compiled pipelines are for"
        return warning(_KFP, f"{address.host} runs KFP {plain(tag)}", remedy)
    return ok(_KFP, f"{address.host} runs KFP {plain(tag)}")


def _credentials(address: Address) -> Dict[str, str]:
    token = Path(address.token_file).read_text(encoding="utf-8").strip() if address.token_file else address.token
    headers = {"Authorization": f"Bearer {token}" if token else "", "Cookie": address.cookies}
    return {name: value for name, value in headers.items() if value}


def _numbers(version: str) -> "list[int]":
    return [int(part) for part in version.lstrip("v").split("-")[0].split(".")[:2] if part.isdigit()]
