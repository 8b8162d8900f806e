"""KFP: whether its API answers, and which version."""

from pathlib import Path
from typing import Dict, Iterator

import kfp

from podtune_pipelines.cluster.client import CA_FILE, COOKIES, TOKEN, TOKEN_FILE, Address, address_of
from podtune_pipelines.doctor.finding import Finding, failed, not_checked, ok, plain, warning
from podtune_pipelines.doctor.http import ask, json_of

_ABOUT = "KFP"
_LOG_IN = f"log in and give what it says in {TOKEN}, {TOKEN_FILE} or {COOKIES}; {CA_FILE} names an authority's file"


def look_at_kfp(host: str) -> Iterator[Finding]:
    """Whether KFP answers at its address, knows us, and can run what we compile."""
    if not host:
        yield not_checked(_ABOUT, "no address was given", "give --host or KF_PIPELINES_ENDPOINT")
        return
    address = address_of(host)
    answer = ask(f"{address.host}/apis/v2beta1/healthz", _who(address), address.ca_file)
    found = json_of(answer)
    if answer.status == 200 and found is not None:
        yield _version(address, str(found.get("apiServerTagName") or found.get("tag_name") or ""))
    elif answer.status in (200, 301, 302, 303, 307, 401, 403):
        said = "a web page" if answer.status == 200 else f"HTTP {answer.status}"
        yield failed(_ABOUT, f"{address.host} answers with {said} instead of its API's health", _LOG_IN)
    else:
        said = f"{address.host} answers with HTTP {answer.status}"
        yield failed(_ABOUT, said, "correct the address, or see whether ml-pipeline runs")


def _version(address: Address, tag: str) -> Finding:
    if not tag:
        remedy = f"see that it is KFP {_series(kfp.__version__)} or later"
        return ok(_ABOUT, f"{address.host} answers; it does not tell its version, so {remedy}")
    if _numbers(tag) < _numbers(_series(kfp.__version__)):
        remedy = f"upgrade KFP to {_series(kfp.__version__)}, which the compiled pipelines are for"
        return warning(_ABOUT, f"{address.host} runs KFP {plain(tag)}", remedy)
    return ok(_ABOUT, f"{address.host} runs KFP {plain(tag)}")


def _who(address: Address) -> Dict[str, str]:
    token = Path(address.token_file).read_text(encoding="utf-8").strip() if address.token_file else address.token
    given = {"Authorization": f"Bearer {token}" if token else "", "Cookie": address.cookies}
    return {name: value for name, value in given.items() if value}


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _numbers(version: str) -> "list[int]":
    return [int(part) for part in version.lstrip("v").split("-")[0].split(".")[:2] if part.isdigit()]
