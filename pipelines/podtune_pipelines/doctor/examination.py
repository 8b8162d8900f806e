"""Checks that know nothing of each other, all at once, each within a time limit."""

import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, List

from podtune.errors import PodtuneError, from_os_error

from podtune_pipelines.doctor.finding import Finding, failed, plain, refused


@dataclass(frozen=True)
class Check:
    """Something to look at."""

    about: str
    look: Callable[[], Iterator[Finding]]
    """Yields what it finds as it finds it; an error ends it as a finding of its own."""


def examine(checks: List[Check], seconds: float) -> List[Finding]:
    """Every check's findings, in the order of the checks; what takes longer than `seconds` has failed."""
    under_way = [_UnderWay(check) for check in checks]
    until = time.monotonic() + seconds
    return [finding for one in under_way for finding in one.findings(until, seconds)]


@dataclass
class _UnderWay:
    check: Check
    found: List[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A daemon, so that a server that never answers does not keep the command from ending
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def findings(self, until: float, seconds: float) -> List[Finding]:
        self._thread.join(max(0.0, until - time.monotonic()))
        if not self._thread.is_alive():
            return self.found
        late = f"no answer within {seconds:g} seconds"
        return [*self.found, failed(self.check.about, late, "look whether something between here and there drops it")]

    def _look(self) -> None:
        about = self.check.about
        try:
            for finding in self.check.look():
                self.found.append(finding)
        except PodtuneError as error:
            self.found.append(refused(about, str(error)))
        except OSError as error:
            expected = from_os_error(error)
            said = str(expected) if expected else f"{plain(error.strerror or type(error).__name__)}; look at its place"
            self.found.append(refused(about, said))
        except Exception as error:  # whatever one check meets, a doctor goes on with the others
            kind = type(error).__name__
            self.found.append(failed(about, f"the check itself failed ({kind})", "report it with what was checked"))
