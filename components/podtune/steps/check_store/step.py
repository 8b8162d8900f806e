"""Open the store before anything is paid for: a run on a cluster would first use it after its training."""

import logging
import secrets
from typing import Any, Mapping

from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.retrying import patiently
from podtune.stores.signing import require_signer
from podtune.stores.store import PROBE

_log = logging.getLogger(__name__)


def run(*, release: Mapping[str, Any], store: str) -> None:
    """Read which version is live, and try to write; BadInput where no release can be signed or written."""
    require_signer()
    opened, name = open_store(store), str(release.get("name", ""))
    live = patiently(lambda: live_version(opened, name))
    patiently(lambda: opened.create(PROBE, f"{secrets.token_hex(16)}\n".encode()))
    _log.info("%s takes releases; %s", opened.uri, f"{name} {live.version} is live" if live else f"no {name} is there")
