"""What is told of a run that has ended: for programs field by field, for people as a text."""

import logging
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional

from podtune.environment import NOTIFY_LINK
from podtune.errors import GateRefused, Interrupted, PodtuneError
from podtune.plain_text import one_line, without_credentials
from podtune.stores.approvals import approving_command
from podtune.stores.live import Live, live_version
from podtune.stores.opening import open_store
from podtune.stores.outcomes import (
    Event,
    Outcome,
    bad_in_a_row,
    ended_runs,
    find_outcome,
    in_a_row,
    leave_outcome,
    run_name,
)
from podtune.stores.store import Store

_LONGEST = 1000
"""Characters of a reason."""

_NO_MENTIONS = str.maketrans({"<": "‹", ">": "›", "@": "＠"})
"""Chat systems call everybody in a channel for <!channel> and @all, wherever a text has them from."""

_log = logging.getLogger(__name__)


def message_of(release: Mapping[str, Any], store: str, failure: Optional[BaseException]) -> Dict[str, Any]:
    """Say how this run ended, which failed by `failure` or ended well, from what it left in the store."""
    name, run = str(release.get("name", "")), run_name()
    bad: List[Event] = []
    try:
        opened = open_store(store)
        live = live_version(opened, name)
        outcome, link = find_outcome(opened, name, run) or _outcome(failure, live), f"{opened.uri}/releases/{name}"
        bad = _bad(opened, name, outcome)
        if outcome.event == "failed" and not isinstance(failure, Interrupted):
            leave_outcome(store, name, Outcome("failed", _plain(outcome.reason)))
        stays = f"version {live.version} stays live" if live else "no version is live"
        command = _command(name, outcome, opened.uri)
    except PodtuneError as error:
        _log.warning("the message lacks what the store says: %s", error)
        unread = PodtuneError(f"the run ended well, but what it released cannot be read: {error}")
        outcome, live, link = _outcome(failure or unread, None), None, ""
        stays, command = "what is live cannot be read", None
    message = {
        "event": outcome.event,
        "name": name,
        "version": outcome.version or (live.version if live else None),
        "run": run,
        "reason": _plain(outcome.reason),
        "metrics": {metric: asdict(value) for metric, value in outcome.metrics.items()},
        "consecutive": len(bad),
        "reminder": _reminder(outcome, live, release.get("remind_after_days")),
        "command": command,
        "link": NOTIFY_LINK.value().strip().replace("{run}", run) or link,
    }
    return {**message, "text": _text(message, stays, in_a_row(bad))}


def _bad(store: Store, name: str, outcome: Outcome) -> List[Event]:
    """The events of this run and those just before it if all were refused or failed; none if this one ended well."""
    if outcome.event not in ("refused", "failed"):
        return []
    others = [one for one in ended_runs(store, name) if one.run != run_name()]
    return [outcome.event, *(one.event for one in bad_in_a_row(others))]


def _outcome(failure: Optional[BaseException], live: Optional[Live]) -> Outcome:
    """How a run ended that left no word of it."""
    if isinstance(failure, GateRefused):
        return Outcome("refused", str(failure))
    if failure is not None:
        known = isinstance(failure, (PodtuneError, OSError))
        return Outcome("failed", str(failure) if known else f"unexpected {type(failure).__name__}; its log says why")
    return Outcome("skipped", f"nothing changed since {live.moved}" if live else "nothing was released")


def _reminder(outcome: Outcome, live: Optional[Live], after: Any) -> Optional[str]:
    """The words on a model that was not released for so many days; None where it was, or nobody wants to know."""
    if outcome.event == "released" or live is None or not isinstance(after, (int, float)) or after <= 0:
        return None
    days = (datetime.now(timezone.utc) - datetime.fromisoformat(live.moved)).days
    return f"no new version for {days} days" if days >= after else None


def _command(name: str, outcome: Outcome, uri: str) -> Optional[str]:
    """What a person pastes who was asked; None where nobody was."""
    if outcome.event != "waiting" or outcome.version is None:
        return None
    return approving_command(name, outcome.version, uri)


def _text(message: Mapping[str, Any], stays: str, streak: str) -> str:
    name, event = message["name"], message["event"]
    first = {
        "released": f"{name}: version {message['version']} is released",
        "waiting": f"{name}: version {message['version']} waits for approval; {stays}",
        "refused": f"{name}: a new model is refused; {stays}",
        "failed": f"{name}: the run failed; {stays}",
        "skipped": f"{name}: nothing new; {stays}",
    }[event]
    scores = ", ".join(
        f"{metric} {one['value']:.4g} ({one['low']:.4g} to {one['high']:.4g})"
        for metric, one in message["metrics"].items()
    )
    lines = [first, message["reason"], scores and f"{scores}; 95 % intervals", streak, message["reminder"]]
    shown = [line.translate(_NO_MENTIONS) for line in lines if line]
    return "\n".join([*shown, *(message[key] for key in ("command", "link") if message[key])])


def _plain(reason: str) -> str:
    text = one_line(without_credentials(reason))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
