"""S3's errors as messages for the user."""

import contextlib
import re
from typing import Any, Iterator, NamedTuple, Type

from botocore import exceptions as aws
from urllib3.exceptions import HTTPError

from podtune.environment import ENCRYPTION, NO_SIGN_REQUEST
from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing

CUT_BODY = (aws.HTTPClientError, aws.IncompleteReadError, aws.FlexibleChecksumError, HTTPError)
"""Raised while a body is read and cut off or altered; botocore does not retry it."""

_PASSING = (
    aws.ConnectionError,
    aws.CredentialRetrievalError,
    aws.MetadataRetrievalError,
    aws.TokenRetrievalError,
    *CUT_BODY,
)

_PASSING_CODES = [
    "ConditionalRequestConflict",
    "InternalError",
    "NoSuchUpload",  # somebody ended an upload in parts, or it was completed and the answer was lost
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
]


class _Refusal(NamedTuple):
    """What an answer means to the user."""

    answer: str
    """A regular expression for its code and the message behind it."""

    kind: Type[PodtuneError]
    meaning: str
    cure: str


_REFUSALS = (
    _Refusal(
        "ExpiredToken|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch|TokenRefreshRequired",
        BadInput,
        "the store does not accept the credentials",
        "renew them",
    ),
    _Refusal(
        "RequestTimeTooSkewed|RequestExpired",
        BadInput,
        "this machine's clock differs from the store's",
        "set the clock",
    ),
    _Refusal("InvalidObjectState", BadInput, "the object is archived", "restore it first"),
    _Refusal(r"\w*QuotaExceeded", TryAgainLater, "the quota is used up", "free some of it and start again"),
    _Refusal(r"KMS\.", BadInput, "the key that encrypts cannot be used", "enable it or name another"),
    _Refusal(
        r"(InvalidRequest|MissingContentMD5)(?i:.*(content-md5|checksum))",
        BadInput,
        "the store wants a checksum",
        "set AWS_REQUEST_CHECKSUM_CALCULATION=when_supported",
    ),
    _Refusal(
        "AccessDenied .*explicit deny",
        BadInput,
        "a policy denies it",
        f"where that demands encryption, set {ENCRYPTION.name}",
    ),
)


@contextlib.contextmanager
def explaining(action: str) -> Iterator[None]:
    """Turn S3's errors into one line that names the action, such as `read s3://models/a.json`."""
    try:
        yield
    except (aws.ClientError, aws.BotoCoreError, HTTPError) as error:
        raise explained(error, action) from error


def explained(error: Exception, action: str) -> PodtuneError:
    """Translate an error for the user."""
    if isinstance(error, aws.ClientError):
        return _answer(error, action)
    reason = " ".join(str(error).split())
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
        public = f"or {NO_SIGN_REQUEST.name}=true for a public bucket"
        return BadInput(
            f"cannot {action}: no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, {public}"
        )
    if "Invalid header value" in reason:  # which it quotes: a credential
        cure = "write the credentials anew, each on one line"
        return BadInput(f"cannot {action}: what the request was to carry holds a line break; {cure}")
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return BadInput(f"cannot {action}: {reason}; set AWS_CA_BUNDLE to the store's certificate authority")
    if isinstance(error, _PASSING):
        return TryAgainLater(f"cannot {action}: {reason}; check AWS_ENDPOINT_URL_S3, or try again later")
    return BadInput(f"cannot {action}: {reason}")


def is_missing(error: aws.ClientError) -> bool:
    """Whether there is no such object, though there is such a bucket."""
    return _code(error) in ("NoSuchKey", "404", "NotFound")


def is_refused(error: Exception) -> bool:
    """Whether a condition of the request did not hold."""
    return isinstance(error, aws.ClientError) and (_status(error) == 412 or is_missing(error))


def is_conflict(error: Exception) -> bool:
    """Whether a concurrent write made ours fail, so that it may be repeated."""
    return isinstance(error, aws.ClientError) and _status(error) == 409


def hides_reason(error: aws.ClientError) -> bool:
    """Whether a refusal has no body, as that of HEAD, and so no word about why."""
    return 400 <= _status(error) < 500 and (_code(error) or "0").isdigit()


def is_empty(error: aws.ClientError) -> bool:
    """Whether there is no first byte to get, because the object has none."""
    return _status(error) == 416


def may_have_written(error: Exception) -> bool:
    """Whether an earlier attempt, whose answer was lost, may have written the object."""
    if not isinstance(error, aws.ClientError):
        return isinstance(error, _PASSING)
    return _is_passing(error) or bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _answer(error: aws.ClientError, action: str) -> PodtuneError:
    code, status = _code(error), _status(error)
    message = " ".join(f"{code} {error.response.get('Error', {}).get('Message') or ''}".split())
    if code == "NoSuchBucket":
        return BadInput(f"cannot {action}: there is no such bucket; create it or correct its name")
    if is_missing(error):
        return BadInput(f"cannot {action}: there is no such object")
    for refusal in _REFUSALS:
        if re.match(refusal.answer, message):
            return refusal.kind(f"cannot {action}: {refusal.meaning} ({message}); {refusal.cure}")
    if status in (401, 403):
        return BadInput(f"cannot {action}: access denied ({message}); these credentials need permission for it")
    if _is_passing(error):
        return TryAgainLater(f"cannot {action}: the store is overloaded or failing ({message}); try again later")
    return BadInput(f"cannot {action}: the store answers {message}; check its region, endpoint and kind")


def _is_passing(error: aws.ClientError) -> bool:
    return _code(error) in _PASSING_CODES or is_passing(_status(error))


def _code(error: aws.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: aws.ClientError) -> int:
    metadata: Any = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))
