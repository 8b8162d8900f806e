"""A store below a prefix of an S3 bucket, or of any store that speaks its protocol."""

import contextlib
import hashlib
import secrets
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Set

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
from urllib3.exceptions import HTTPError

from podtune.errors import BadInput, TryAgainLater, naming
from podtune.formats.sealed import FileEntry, entry_of
from podtune.stores import s3_errors
from podtune.stores.partial_file import land, partial_file, require_space
from podtune.stores.retrying import ATTEMPTS, wait
from podtune.stores.s3_client import open_client
from podtune.stores.store import PROBE, Advance, Stored, unwatched

_BLOCK = 1 << 20

_PART = 8 << 20
"""Bytes of a part of a large upload."""

_PARTS = TransferConfig(multipart_threshold=_PART + 1, multipart_chunksize=_PART)


class _Head(NamedTuple):
    """What a store says of an object without sending it."""

    size: int
    etag: str
    """Empty where the store gives none."""


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
        head = self._head(key)
        return None if head is None else head.size

    def is_whole(self, key: str, entry: FileEntry, source: Optional[Path] = None) -> bool:
        """Whether an object is what it should be: by the MD5 in a large one's ETag, or by reading it."""
        head = self._head(key)
        if head is None or head.size != entry.size:
            return False
        if source is not None and entry.size > _PART and _is_copy(source, entry, _opaque(head.etag).strip('"')):
            return True
        return self._sha256(key) == entry.sha256

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        """Put a file, in parts if it is large, and check the size that the store reports.

        After an error that may be the second answer, the first one lost, what the store holds tells.
        """
        try:
            with open(str(source), "rb") as stream:
                self._client.upload_fileobj(stream, self._bucket, self._prefix + key, Callback=advance, Config=_PARTS)
        except (ClientError, BotoCoreError, HTTPError) as error:
            if not (s3_errors.may_have_written(error) and self._holds(key, source)):
                raise s3_errors.explained(error, self._action("write", key)) from error
        except KeyError as error:  # s3transfer's, whose uploads in parts need each part's ETag
            reason = f"an answer came without {error}; have whatever is between here and the store keep it"
            raise BadInput(f"cannot {self._action('write', key)}: {reason}") from error
        size, held = source.stat().st_size, self.size(key)
        if held != size:
            raise TryAgainLater(f"{self.uri}/{key} holds {held} bytes after {size} were sent; start again")

    def download(self, key: str, target: Path, advance: Advance = unwatched) -> None:
        """Get an object, continuing where an interrupted copy of the same ETag ended."""
        head = self._head(key)
        if head is None:
            raise BadInput(f"there is no {key} in {self.uri}")
        partial = partial_file(target, head.etag or secrets.token_hex())
        with naming(target):
            advance(partial.stat().st_size)
            require_space(target, head.size - partial.stat().st_size)
            self._complete(partial, key, head, advance)
            land(partial, target)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""
        return (found.key for found in self.listing(prefix))

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, sorted by key.

        A key that ends with a slash is a folder, which consoles make, and some stores by themselves. What comes
        without a time counts as written now, so that nobody takes it for old.
        """
        with s3_errors.explaining(self._action("list", prefix)):
            items = {item["Key"]: item for item in self._items(prefix) if not item["Key"].endswith("/")}
        start, now = len(self._prefix), time.time()
        return iter(
            Stored(key[start:], item["Size"], item["LastModified"].timestamp() if "LastModified" in item else now)
            for key, item in sorted(items.items())
        )

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

    def _head(self, key: str) -> Optional[_Head]:
        """An object's size and ETag; None where there is none."""
        with s3_errors.explaining(self._action("read", key)):
            try:
                head = self._client.head_object(**self._at(key))
            except ClientError as error:
                if s3_errors.is_missing(error):
                    return None
                if not s3_errors.hides_reason(error):
                    raise
                return self._head_by_reading(key)
            if "ContentLength" in head:
                return _Head(int(head["ContentLength"]), head.get("ETag", ""))
            return self._head_by_reading(key)

    def _head_by_reading(self, key: str) -> Optional[_Head]:
        """Ask for an object's first byte: a refusal of that has a reason, and an answer may have the size of all."""
        try:
            answer = self._client.get_object(**self._at(key), Range="bytes=0-0")
        except ClientError as error:
            if s3_errors.is_missing(error):
                return None
            if s3_errors.is_empty(error):
                return _Head(0, "")
            raise
        answer["Body"].close()
        of_all = answer.get("ContentRange", "").rpartition("/")[2] or answer.get("ContentLength", "*")
        size = self._listed_size(key) if of_all == "*" else int(of_all)
        return _Head(size, answer.get("ETag", ""))

    def _listed_size(self, key: str) -> int:
        """An object's bytes where no answer about it says them."""
        for one in self.listing(key):
            if one.key == key:
                return one.size
        cure = "have whatever is between here and the store keep Content-Length"
        raise BadInput(f"cannot {self._action('read', key)}: no answer says how large it is; {cure}")

    def _items(self, prefix: str) -> Iterator[Dict[str, Any]]:
        """Every object of a listing, page by page.

        A page names the next one by a token; where a store leaves that out, by its last key, as version 1 of the
        request does.
        """
        request = self._client.list_objects_v2
        position: Dict[str, str] = {}
        passed: Set[str] = set()
        while True:
            page = request(Bucket=self._bucket, Prefix=self._prefix + prefix, **position)
            items = page.get("Contents", [])
            yield from items
            if not page.get("IsTruncated"):
                return
            position = {"ContinuationToken": page["NextContinuationToken"]} if "NextContinuationToken" in page else {}
            if not position:
                request, position = self._client.list_objects, {"Marker": items[-1]["Key"] if items else ""}
            (place,) = position.values()
            if not place or place in passed:
                reason = "the store's listing comes back to where it was, and so has no end"
                raise BadInput(f"cannot {self._action('list', prefix)}: {reason}; use another store")
            passed.add(place)

    def _holds(self, key: str, source: Path) -> bool:
        """Whether an object is a copy of a file, whichever request brought it."""
        return self.is_whole(key, entry_of(source), source)

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

    def _complete(self, partial: Path, key: str, head: _Head, advance: Advance) -> None:
        """Append the missing bytes, or without an ETag get all; give up after several answers without progress."""
        failures = 0
        while partial.stat().st_size < head.size:
            before = partial.stat().st_size
            if failures == ATTEMPTS:
                end = f"the answers break off at byte {before} of {head.size}"
                raise TryAgainLater(f"cannot {self._action('read', key)}: {end}; try again later")
            if failures:
                wait(failures)
            offset = before if head.etag else 0
            advance(offset - before)
            with s3_errors.explaining(self._action("read", key)):
                answer = self._get_from(offset, key, head.etag)
            with contextlib.suppress(*s3_errors.CUT_BODY):
                _append(answer, partial, offset, advance)
            failures = 0 if head.etag and partial.stat().st_size > before else failures + 1

    def _get_from(self, offset: int, key: str, etag: str) -> Dict[str, Any]:
        """Request an object from a byte on, if it still has this ETag; a weak one can be no condition."""
        span = {"Range": f"bytes={offset}-"} if offset else {}
        condition = {"IfMatch": etag} if etag and _opaque(etag) == etag else {}
        replaced = TryAgainLater(f"{self.uri}/{key} was replaced while it was copied; start again")
        try:
            answer: Dict[str, Any] = self._client.get_object(**self._at(key), **condition, **span)
        except ClientError as error:
            if s3_errors.is_refused(error):
                raise replaced from error
            raise
        if _opaque(answer.get("ETag", etag)) != _opaque(etag) and etag:
            raise replaced
        return answer


def _opaque(etag: str) -> str:
    """An ETag without the mark of a weak one, which proxies add that compress."""
    return etag[2:] if etag.startswith("W/") else etag


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
