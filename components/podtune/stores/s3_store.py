"""A store below a prefix of an S3 bucket, or of any store that speaks its protocol."""

import contextlib
import hashlib
import secrets
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from podtune.errors import BadInput, TryAgainLater, naming
from podtune.formats.sealed import FileEntry
from podtune.stores import s3_errors
from podtune.stores.partial_file import land, partial_file, require_space
from podtune.stores.retrying import ATTEMPTS, wait
from podtune.stores.s3_client import open_client
from podtune.stores.store import PROBE, Advance, Stored, unwatched

_BLOCK = 1 << 20

_PART = 8 << 20
"""Bytes of a part of a large upload."""

_PARTS = TransferConfig(multipart_threshold=_PART + 1, multipart_chunksize=_PART)


class S3Store:
    """Objects below a prefix; refuses to create where the store ignores If-None-Match."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.uri = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._honours_conditions = False
        with s3_errors.explaining(f"use {self.uri}"):
            self._client = open_client()

    def read(self, key: str) -> Optional[bytes]:
        """An object's content."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._ask(self._client.get_object, key)
            if answer is None:
                return None
            with contextlib.suppress(*s3_errors.CUT_BODY):
                return bytes(answer["Body"].read())
            wait(attempt)
        raise TryAgainLater(f"cannot {self._action('read', key)}: every answer breaks off; try again later")

    def create(self, key: str, data: bytes) -> bool:
        """Put with If-None-Match, always in one part: some stores ignore the condition on several."""
        self._refuse_store_that_overwrites()
        return self._put(key, data)

    def size(self, key: str) -> Optional[int]:
        """An object's bytes."""
        head = self._ask(self._client.head_object, key)
        return None if head is None else int(head["ContentLength"])

    def is_whole(self, key: str, entry: FileEntry, source: Optional[Path] = None) -> bool:
        """Whether an object is what it should be: by the MD5 in a large one's ETag, or by reading it."""
        head = self._ask(self._client.head_object, key)
        if head is None or head["ContentLength"] != entry.size:
            return False
        if source is not None and entry.size > _PART and _is_copy(source, entry, head["ETag"].strip('"')):
            return True
        return self._sha256(key) == entry.sha256

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        """Put a file, in parts if it is large, and check the size that the store reports."""
        with s3_errors.explaining(self._action("write", key)), open(str(source), "rb") as stream:
            self._client.upload_fileobj(stream, self._bucket, self._prefix + key, Callback=advance, Config=_PARTS)
        size, held = source.stat().st_size, self.size(key)
        if held != size:
            raise TryAgainLater(f"{self.uri}/{key} holds {held} bytes after {size} were sent; start again")

    def download(self, key: str, target: Path, advance: Advance = unwatched) -> None:
        """Get an object, continuing where an interrupted copy of the same ETag ended."""
        head = self._ask(self._client.head_object, key)
        if head is None:
            raise BadInput(f"there is no {key} in {self.uri}")
        partial = partial_file(target, head["ETag"])
        with naming(target):
            advance(partial.stat().st_size)
            require_space(target, head["ContentLength"] - partial.stat().st_size)
            self._complete(partial, key, head, advance)
            land(partial, target)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""
        return (found.key for found in self.listing(prefix))

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, sorted by key."""
        with s3_errors.explaining(self._action("list", prefix)):
            listing = self._client.get_paginator("list_objects_v2")
            pages = listing.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
            items = [item for page in pages for item in page.get("Contents", [])]
        start = len(self._prefix)
        found = (Stored(item["Key"][start:], item["Size"], item["LastModified"].timestamp()) for item in items)
        return iter(sorted(found, key=lambda one: one.key))

    def delete(self, key: str) -> None:
        """Delete an object."""
        with s3_errors.explaining(self._action("delete", key)):
            self._client.delete_object(**self._at(key))

    def _at(self, key: str) -> Dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _action(self, verb: str, key: str) -> str:
        return f"{verb} {self.uri}/{key}"

    def _ask(self, request: Callable[..., Dict[str, Any]], key: str) -> Optional[Dict[str, Any]]:
        """The answer to a request about an object; None where there is none."""
        with s3_errors.explaining(self._action("read", key)):
            try:
                return request(**self._at(key))
            except ClientError as error:
                if s3_errors.is_missing(error):
                    return None
                raise

    def _sha256(self, key: str) -> str:
        """The hash of an object's content as it arrives here; empty where there is none."""
        for attempt in range(1, ATTEMPTS + 1):
            answer, digest = self._ask(self._client.get_object, key), hashlib.sha256()
            if answer is None:
                return ""
            with contextlib.suppress(*s3_errors.CUT_BODY):
                for block in iter(lambda: answer["Body"].read(_BLOCK), b""):  # noqa: B023  # used in this turn only
                    digest.update(block)
                return digest.hexdigest()
            wait(attempt)
        raise TryAgainLater(f"cannot {self._action('read', key)}: every answer breaks off; try again later")

    def _put(self, key: str, data: bytes) -> bool:
        """Create an object; after an ambiguous answer, compare the content to tell whose write it was."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._client.put_object(**self._at(key), IfNoneMatch="*", Body=data)
                return True
            except (ClientError, BotoCoreError) as error:
                if s3_errors.may_have_written(error) and self.read(key) == data:
                    return True
                if s3_errors.is_refused(error):
                    return False
                if not s3_errors.is_conflict(error):
                    raise s3_errors.explained(error, self._action("write", key)) from error
            wait(attempt)
        raise TryAgainLater(f"cannot {self._action('write', key)}: others keep writing it; try again later")

    def _refuse_store_that_overwrites(self) -> None:
        """Raise BadInput unless the store refuses a second create: some overwrite regardless."""
        if self._honours_conditions:
            return
        self._put(PROBE, _unique())
        if self._put(PROBE, _unique()):
            reason = "a conditional create overwrote an existing object; use a store that honours it"
            raise BadInput(f"{self.uri} ignores If-None-Match: {reason}")
        self._honours_conditions = True

    def _complete(self, partial: Path, key: str, head: Dict[str, Any], advance: Advance) -> None:
        """Append the missing bytes; give up after several answers without progress."""
        failures = 0
        while failures < ATTEMPTS:
            before = partial.stat().st_size
            if before >= head["ContentLength"]:
                return
            with s3_errors.explaining(self._action("read", key)):
                answer = self._get_from(before, key, head["ETag"])
            with contextlib.suppress(*s3_errors.CUT_BODY):
                _append(answer, partial, before, advance)
            failures = 0 if partial.stat().st_size > before else failures + 1
            if failures:
                wait(failures)
        end = f"the answers break off at byte {before} of {head['ContentLength']}"
        raise TryAgainLater(f"cannot {self._action('read', key)}: {end}; try again later")

    def _get_from(self, offset: int, key: str, etag: str) -> Dict[str, Any]:
        """Request an object from a byte on, if it still has this ETag."""
        span = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            return self._client.get_object(**self._at(key), **span, IfMatch=etag)  # type: ignore[no-any-return]  # boto3 has no types
        except ClientError as error:
            if s3_errors.is_refused(error):
                raise TryAgainLater(f"{self.uri}/{key} was replaced while it was copied; start again") from error
            raise


def _append(answer: Dict[str, Any], partial: Path, offset: int, advance: Advance) -> None:
    """Write a body at `offset`, or from the start if the store ignored the range."""
    start = offset if answer["ResponseMetadata"]["HTTPStatusCode"] == 206 else 0
    with open(str(partial), "r+b") as writing:
        writing.truncate(start)
        writing.seek(start)
        try:
            for block in iter(lambda: answer["Body"].read(_BLOCK), b""):
                writing.write(block)
                advance(len(block))
        except FlexibleChecksumError:
            writing.truncate(start)
            raise


def _is_copy(source: Path, entry: FileEntry, etag: str) -> bool:
    """Whether a file is what it should be and has this ETag: the MD5 of its parts' MD5s, as it was uploaded."""
    whole, sums = hashlib.sha256(), []
    with open(str(source), "rb") as reading:
        for part in iter(lambda: reading.read(_PART), b""):
            whole.update(part)
            sums.append(hashlib.md5(part).digest())  # noqa: S324  # S3's choice, against accidents only
    expected = f"{hashlib.md5(b''.join(sums)).hexdigest()}-{len(sums)}"  # noqa: S324
    return (whole.hexdigest(), expected) == (entry.sha256, etag)


def _unique() -> bytes:
    return f"podtune writes here to see that the store does not overwrite: {secrets.token_hex(16)}\n".encode()
