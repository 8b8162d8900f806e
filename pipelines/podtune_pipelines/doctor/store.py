"""A store: whether it can be reached, read and written, and whether its conditional writes can be trusted."""

import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Dict, Iterator

from botocore.exceptions import ClientError
from botocore.session import get_session
from podtune.environment import NO_SIGN_REQUEST
from podtune.errors import BadInput, PodtuneError
from podtune.stores.opening import bucket_and_prefix, open_store
from podtune.stores.s3_client import is_unsigned, open_client
from podtune.stores.s3_errors import explained, explaining
from podtune.stores.store import Store

from podtune_pipelines.doctor.findings import Finding, failed, ok, refused, warning
from podtune_pipelines.doctor.machine import free_bytes

_SKEW_REFUSED, _SKEW_NOTED = 15 * 60, 60
"""Clock skew in seconds that S3 refuses, and that is worth a warning."""

_WAYS = {
    "env": "environment variables",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "assume-role-with-web-identity": "the pod's service account",
    "iam-role": "the machine's role",
    "container-role": "the container's role",
    "sso": "single sign-on",
}

_WRITERS, _RACES = 8, 5


RELEASES, CHECKPOINTS = "store", "workspace"
"""What a store is used for, by the option that names it.

Creating a release must never replace another; checkpoints are deleted again.
"""


def check_store(uri: str, purpose: str) -> Iterator[Finding]:
    """Check everything from credentials to races, until something fails that the rest depends on."""
    store = open_store(uri)
    if uri.startswith("s3://"):
        for finding in _check_bucket(uri, purpose):
            yield finding
            if finding.outcome == "failed":
                return
    elif not Path(store.uri).exists():
        free_bytes(Path(store.uri))
        yield ok(f"{purpose} {store.uri}", "does not exist yet and can be created")
        return
    about = f"{purpose} {store.uri}"
    key = f"doctor/{secrets.token_hex(8)}"
    _write_and_read(store, key)
    yield ok(about, "can be read and written")
    obeyed = _conditional_writes(store, key, about=about) if purpose == RELEASES else None
    if obeyed:
        yield obeyed
    deleted = _delete(store, key, about=about, purpose=purpose)
    yield deleted
    if obeyed and obeyed.outcome == deleted.outcome == "ok":
        yield _races(store, key, about=about)


def _check_bucket(uri: str, name: str) -> Iterator[Finding]:
    """Check what S3 requires first: credentials, a correct clock, a bucket; until one fails."""
    bucket, _ = bucket_and_prefix(uri)
    with explaining(f"use s3://{bucket}"):
        found = None if is_unsigned() else get_session().get_credentials()
        if found is None and not is_unsigned():
            remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            yield failed(f"{name}'s credentials", "none found", remedy)
            return
        way = f"from {_WAYS.get(found.method, found.method)}" if found else f"none are sent: {NO_SIGN_REQUEST.name}"
        yield ok(f"{name}'s credentials", way)
        try:
            answer, refusal = dict(open_client().list_objects_v2(Bucket=bucket, MaxKeys=1)), ""
        except ClientError as error:
            answer, refusal = dict(error.response), str(explained(error, f"list s3://{bucket}"))
    yield _clock(answer, name)
    yield refused(f"{name}'s bucket", refusal) if refusal else ok(f"{name}'s bucket", f"{bucket} can be listed")


def _clock(answer: Dict[str, Any], name: str) -> Finding:
    about = f"{name}'s clock"
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        apart = abs((datetime.now(timezone.utc) - parsedate_to_datetime(date)).total_seconds())
    except (ValueError, TypeError):
        return Finding(about, "not checked", "the server sends no date")
    if apart > _SKEW_REFUSED:
        return failed(about, f"this machine's differs by {apart:,.0f} s; S3 refuses more than 900", "set the clock")
    if apart > _SKEW_NOTED:
        return warning(about, f"this machine's differs by {apart:,.0f} s", "set the clock; S3 refuses more than 900 s")
    return ok(about, "this machine's agrees with the server's")


def _write_and_read(store: Store, key: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sent, back = Path(directory, "sent"), Path(directory, "back")
        sent.write_text(key)
        store.upload(sent, key)
        store.download(key, back)
        if back.read_text() != key:
            raise BadInput(f"{store.uri} returns other bytes than were written; use another store")


def _conditional_writes(store: Store, key: str, *, about: str) -> Finding:
    """Try to create an object that exists."""
    try:
        replaced = store.create(key, b"second") or store.read(key) != key.encode()
    except PodtuneError as error:
        return refused(about, str(error))
    if replaced:
        found = "a conditional create replaced an existing object"
        return failed(about, found, "use a store that honours If-None-Match")
    return ok(about, "a conditional create leaves an existing object unchanged")


def _delete(store: Store, key: str, *, about: str, purpose: str) -> Finding:
    try:
        store.delete(key)
    except PodtuneError as error:
        if purpose == CHECKPOINTS:
            return refused(about, str(error))
        return warning(about, f"deleting is denied, which releases do not need; {key} remains", "delete it")
    return ok(about, "objects can be deleted")


def _races(store: Store, key: str, *, about: str) -> Finding:
    """Let several writers create the same object at once, a few times."""
    won = [_winners(store, f"{key}-race-{number}") for number in range(_RACES)]
    if max(won) > 1:
        found = f"of {_WRITERS} concurrent writers, up to {max(won)} are told that they created the same object"
        remedy = "run one publisher at a time; releases stay intact, but two may both be told that they won"
        return warning(about, found, remedy)
    return ok(about, f"of {_WRITERS} concurrent writers, exactly one wins, in {_RACES} of {_RACES} races")


def _winners(store: Store, key: str) -> int:
    with ThreadPoolExecutor(_WRITERS) as pool:
        won = list(pool.map(lambda writer: store.create(key, str(writer).encode()), range(_WRITERS)))
    store.delete(key)
    return won.count(True)
