"""S3's errors as messages for the user."""

import contextlib
from typing import Any, Iterator

from botocore import exceptions as aws
from urllib3.exceptions import HTTPError

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
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
]
_CREDENTIAL_CODES = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}


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
        return BadInput(f"cannot {action}: no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
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


def may_have_written(error: Exception) -> bool:
    """Whether an earlier attempt, whose answer was lost, may have written the object."""
    if not isinstance(error, aws.ClientError):
        return isinstance(error, _PASSING)
    return _is_passing(error) or bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _answer(error: aws.ClientError, action: str) -> PodtuneError:
    code, status = _code(error), _status(error)
    message = " ".join(f"{code} {error.response.get('Error', {}).get('Message', '')}".split())
    if code == "NoSuchBucket":
        return BadInput(f"cannot {action}: there is no such bucket; create it or correct its name")
    if is_missing(error):
        return BadInput(f"cannot {action}: there is no such object")
    if code in _CREDENTIAL_CODES:
        return BadInput(f"cannot {action}: the store does not accept the credentials ({message}); renew them")
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
