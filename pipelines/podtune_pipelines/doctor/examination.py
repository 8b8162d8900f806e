"""Independent checks, run at the same time, each within a time limit; and what they find."""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, List, Literal

from podtune.errors import PodtuneError, from_os_error

Outcome = Literal["ok", "warning", "failed", "not checked"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Finding:
    """The result of a check, or of a part of one."""

    about: str
    outcome: Outcome
    found: str
    remedy: str = ""
    """What to do; empty if nothing has to be done."""


def ok(about: str, found: str) -> Finding:
    """It works."""
    return Finding(about, "ok", found)


def warning(about: str, found: str, remedy: str) -> Finding:
    """It works with limits."""
    return Finding(about, "warning", found, remedy)


def failed(about: str, found: str, remedy: str) -> Finding:
    """It will not work."""
    return Finding(about, "failed", found, remedy)


def not_checked(about: str, reason: str, remedy: str = "") -> Finding:
    """It could not be checked."""
    return Finding(about, "not checked", reason, remedy)


def refused(about: str, message: str) -> Finding:
    """A failure from one of podtune's error messages, `what is wrong; what to do`."""
    found, _, remedy = plain(message).rpartition("; ")
    return failed(about, found or remedy, remedy if found else "")


def plain(text: str) -> str:
    """Foreign text as one line without terminal control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


@dataclass(frozen=True)
class Check:
    """A named check."""

    about: str
    run: Callable[[], Iterator[Finding]]
    """Yields findings as it goes; an error becomes the last one."""


def examine(checks: List[Check], seconds: float) -> List[Finding]:
    """Run all checks at once; return their findings in order. A check that takes longer than `seconds` has failed."""
    running = [_Running(check) for check in checks]
    until = time.monotonic() + seconds
    return [finding for one in running for finding in one.findings(until, seconds)]


@dataclass
class _Running:
    check: Check
    found: List[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A daemon, so that a server that never answers does not keep the command running
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def findings(self, until: float, seconds: float) -> List[Finding]:
        self._thread.join(max(0.0, until - time.monotonic()))
        if not self._thread.is_alive():
            return self.found
        late = f"no answer within {seconds:g} seconds"
        return [*self.found, failed(self.check.about, late, "check whether a firewall drops the connection")]

    def _run(self) -> None:
        about = self.check.about
        try:
            for finding in self.check.run():
                self.found.append(finding)
        except PodtuneError as error:
            self.found.append(refused(about, str(error)))
        except OSError as error:
            expected = from_os_error(error)
            said = str(expected) if expected else f"{plain(error.strerror or type(error).__name__)}; check its location"
            self.found.append(refused(about, said))
        except Exception as error:  # one broken check must not hide the others
            kind = type(error).__name__
            self.found.append(failed(about, f"the check itself failed ({kind})", "report this and the command you ran"))
