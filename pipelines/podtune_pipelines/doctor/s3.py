"""What S3 asks of a client before anything can be stored: credentials, a clock that is right, a bucket."""

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Dict, Iterator
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from botocore.session import get_session
from podtune.stores.s3_client import open_client
from podtune.stores.s3_errors import explained, explaining

from podtune_pipelines.doctor.finding import Finding, failed, ok, refused, warning

_SKEW_REFUSED, _SKEW_NOTED = 15 * 60, 60
"""Seconds by which a clock may differ before S3 refuses, and before it is worth a word."""

_WAYS = {
    "env": "environment variables",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "assume-role-with-web-identity": "the pod's service account",
    "iam-role": "the machine's role",
    "container-role": "the container's role",
    "sso": "single sign-on",
}


def look_at_bucket(uri: str, name: str) -> Iterator[Finding]:
    """Each of them, until one fails."""
    bucket = urlsplit(uri).netloc
    with explaining(f"use s3://{bucket}"):
        found = get_session().get_credentials()
        if found is None:
            remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            yield failed(f"{name}'s credentials", "none are found", remedy)
            return
        yield ok(f"{name}'s credentials", f"given by {_WAYS.get(found.method, found.method)}")
        try:
            answer, refusal = dict(open_client().list_objects_v2(Bucket=bucket, MaxKeys=1)), ""
        except ClientError as error:
            answer, refusal = dict(error.response), str(explained(error, f"list s3://{bucket}"))
    yield _clock(answer, name)
    yield refused(f"{name}'s bucket", refusal) if refusal else ok(f"{name}'s bucket", f"{bucket} can be listed")


def _clock(answer: Dict[str, Any], name: str) -> Finding:
    about = f"{name}'s clock"
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        apart = abs((datetime.now(timezone.utc) - parsedate_to_datetime(told)).total_seconds())
    except (ValueError, TypeError):
        return Finding(about, "not checked", "the server does not tell the time")
    if apart > _SKEW_REFUSED:
        return failed(about, f"this machine's differs by {apart:,.0f} s; S3 refuses more than 900", "set the clock")
    if apart > _SKEW_NOTED:
        return warning(about, f"this machine's differs by {apart:,.0f} s", "set the clock; S3 refuses more than 900 s")
    return ok(about, "this machine's agrees with the server's")
