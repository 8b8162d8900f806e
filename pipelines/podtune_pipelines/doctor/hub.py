"""The Hub that hf:// sources come from."""

from typing import Iterator
from urllib.parse import urlsplit

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # its HTTP library's, whichever that is
from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # documented, yet not in __all__

from podtune_pipelines.doctor.finding import Finding, failed, ok, warning

_SECONDS = 6.0
_ABOUT = "Hub"
_ONLY = "only recipes with hf:// sources need it"


def look_at_hub() -> Iterator[Finding]:
    """Whether the Hub answers, and takes the token if there is one."""
    endpoint, token = HfApi().endpoint, get_token()
    if "@" in urlsplit(endpoint).netloc:
        yield failed(_ABOUT, "HF_ENDPOINT holds a user and password", "take them out, and give HF_TOKEN")
        return
    path, headers = ("api/whoami-v2", {"Authorization": f"Bearer {token}"}) if token else ("api/models?limit=1", {})
    try:
        answer = get_session().get(f"{endpoint}/{path}", headers=headers, timeout=_SECONDS)
    except HTTPError:
        yield warning(_ABOUT, f"{endpoint} cannot be reached", f"check HF_ENDPOINT and the network; {_ONLY}")
        return
    if answer.status_code == 401:
        yield failed(_ABOUT, f"{endpoint} does not accept the token", "renew HF_TOKEN, or take it away")
    elif answer.status_code >= 300:
        yield warning(_ABOUT, f"{endpoint} answers with HTTP {answer.status_code}", f"check HF_ENDPOINT; {_ONLY}")
    else:
        yield ok(_ABOUT, f"{endpoint} answers, {'and knows the token' if token else 'without a token'}")
