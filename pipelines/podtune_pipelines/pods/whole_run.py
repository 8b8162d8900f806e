"""What a placement file says of whole runs."""

# ruff: noqa: N815  # the fields' names are Kubernetes', or KFP's

import re
from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from zoneinfo import available_timezones

ARGO_LACKS = {
    "pipelineRoot": "Argo's artifacts go where the namespace's artifact repository says; leave it out",
    "cache": "Argo reuses no results; leave it out, or say false",
}
"""Field of Run to why Argo cannot have it, and what to do instead."""

KFP_LACKS_ZONE = "KFP reads a schedule in UTC, or in CRON_SCHEDULE_TIMEZONE of its own deployment; leave it out"


@dataclass(frozen=True)
class Run:
    """One run, not one pod; None is as podtune or the cluster sets it."""

    ttlSecondsAfterFinished: Optional[int] = None
    """Until a finished run's workflow and pods are deleted."""

    cache: Optional[bool] = None
    """Whether results of earlier runs are reused where nothing changed."""

    pipelineRoot: Optional[str] = None
    """URI for the artifacts on KFP."""

    timeZone: Optional[str] = None
    """Of a schedule."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        seconds = self.ttlSecondsAfterFinished
        if seconds is not None and not 1 <= seconds < 1 << 31:
            yield "ttlSecondsAfterFinished", f"must be a whole number from 1; got {seconds}"
        if self.pipelineRoot is not None and not re.fullmatch(r"(minio|s3|gs)://[^/@?#][^@?#]*", self.pipelineRoot):
            wanted = "must begin with minio://, s3:// or gs:// and a bucket, without user and query"
            yield "pipelineRoot", wanted
        known = available_timezones()  # none on a machine without a database of them
        if self.timeZone is not None and known and self.timeZone not in known:
            yield "timeZone", f"must be a zone's name, such as Europe/Berlin; got {self.timeZone!r}"
