"""Tell people how a run ended, by one JSON POST to the webhook that a secret names. It never makes a run fail."""

import logging
from typing import Any, Mapping, Optional

from podtune.environment import NOTIFY_URL
from podtune.errors import PodtuneError
from podtune.plain_text import one_line, without_credentials
from podtune.steps.notify.message import message_of
from podtune.steps.notify.orchestrators import failure_in
from podtune.steps.notify.webhook import post

_log = logging.getLogger(__name__)


def run(*, release: Mapping[str, Any], store: str, status: str) -> None:
    """Tell how a run ended of which an orchestrator says `status`."""
    tell(release, store, failure_in(status))


def tell(release: Mapping[str, Any], store: str, failure: Optional[BaseException]) -> None:
    """Tell how a run ended, which failed by `failure` or ended well; what goes wrong is logged and nothing more."""
    url = NOTIFY_URL.value().strip()
    if not url:
        _log.info("release.notify is set, but %s is not, so that nobody is told how the run ended", NOTIFY_URL.name)
        return
    try:
        message = message_of(release, store, failure)
        post(url, message)
        _log.info("told: %s", message["text"].partition("\n")[0])
    except Exception as error:  # whatever it is, the run has ended as it has
        _log.warning("nobody was told how the run ended: %s", told_of(error))


def told_of(error: BaseException) -> str:
    """An error in one line, without secrets; of one that podtune did not write only its kind, for it may quote any."""
    shows = isinstance(error, (PodtuneError, OSError))
    return one_line(without_credentials(str(error))) if shows else type(error).__name__
