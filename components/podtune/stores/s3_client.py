"""A client for S3, or for any store that speaks its protocol, configured the usual AWS ways."""

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from podtune.errors import BadInput
from podtune.stores.retrying import ATTEMPTS

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,
)

_CHECKSUMS = "request_checksum_calculation"
_ENDPOINT = "that AWS_ENDPOINT_URL_S3 or the profile gives must be a URL"


def open_client() -> Any:
    """Make a client from AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE, a pod's identity, and so on.

    AWS keeps botocore's CRC of every upload. Many other stores refuse or misread it, so they get one only where
    the environment or the profile asks for it; what podtune stores is verified by its SHA-256 anyway.
    """
    core = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=core)
    try:
        client = session.client("s3", config=_CONFIG)
    except ValueError as error:
        raise BadInput(f"the endpoint {_ENDPOINT}, such as https://s3.example.org") from error
    if "@" in urlsplit(client.meta.endpoint_url).netloc:
        raise BadInput(f"the endpoint {_ENDPOINT}, without a user and password; give them by AWS_ACCESS_KEY_ID")
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    is_required = f"AWS_{_CHECKSUMS.upper()}" in os.environ or _CHECKSUMS in core.get_scoped_config()
    if is_required or host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return client
    sparing = Config(**{_CHECKSUMS: "when_required", "response_checksum_validation": "when_required"})
    return session.client("s3", config=_CONFIG.merge(sparing))
