"""A client for S3, or for any store that speaks its protocol, configured the usual AWS ways."""

import os
from typing import Any, Callable, Dict, Tuple
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from podtune.environment import ADDRESSING, ENCRYPTION, KMS_KEY, NO_SIGN_REQUEST, REQUEST_PAYER, Variable
from podtune.errors import BadInput
from podtune.proxies import proxy_of
from podtune.stores.other_servers import refusing_others
from podtune.stores.retrying import ATTEMPTS

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,
)

_CHECKSUMS = ("request_checksum_calculation", "response_checksum_validation")
_ENDPOINT = "that AWS_ENDPOINT_URL_S3 or the profile gives must be a URL"
_SECRETS = {"access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
_SWITCH = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


def open_client() -> Any:
    """Make a client from AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE, a pod's identity, and so on.

    AWS keeps botocore's CRC of every upload. Many other stores refuse or misread it, so they get one only where
    the environment or the profile asks for it; what podtune stores is verified by its SHA-256 anyway.
    """
    core = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=core)
    config, fields = _CONFIG.merge(Config(**_options(core))), _fields()
    try:
        client = session.client("s3", config=config)
    except ValueError as error:
        raise BadInput(f"the endpoint {_ENDPOINT}, such as https://s3.example.org") from error
    if "@" in urlsplit(client.meta.endpoint_url).netloc:
        raise BadInput(f"the endpoint {_ENDPOINT}, without a user and password; give them by AWS_ACCESS_KEY_ID")
    client = session.client("s3", config=config.merge(_config_for(client.meta.endpoint_url, core)))
    client.meta.events.register("before-parameter-build.s3", _adding(fields))
    client.meta.events.register_first("before-parse.s3", refusing_others(client.meta.endpoint_url))
    return client


def _config_for(endpoint: str, core: Any) -> Config:
    """What depends on where the store is: its proxy, and whether botocore adds sums of its own."""
    parts = urlsplit(endpoint)
    proxy = proxy_of(endpoint)
    options: Dict[str, Any] = {"proxies": {parts.scheme: proxy.url} if proxy else {}}
    if not (parts.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        given = core.get_scoped_config()
        sparing = [name for name in _CHECKSUMS if f"AWS_{name.upper()}" not in os.environ and name not in given]
        options.update(dict.fromkeys(sparing, "when_required"))
    return Config(**options)


def is_unsigned() -> bool:
    """Whether requests are to carry no credentials."""
    switch = _SWITCH.get(NO_SIGN_REQUEST.value().lower())
    if switch is None:
        raise BadInput(f"{NO_SIGN_REQUEST.name} must be true or false; got {NO_SIGN_REQUEST.value()!r}")
    return switch


def _options(core: Any) -> Dict[str, Any]:
    """What the environment says of signatures and addresses, in botocore's words."""
    options: Dict[str, Any] = {}
    style = _one_of(ADDRESSING, ("auto", "path", "virtual"))
    if style:
        options["s3"] = {"addressing_style": style}
    if is_unsigned():
        return {**options, "signature_version": UNSIGNED}
    _tidy_credentials(core)
    return options


def _tidy_credentials(core: Any) -> None:
    """Strip white space off the credentials, as files end with a line break; BadInput, which hides them, for others.

    Those that a service gives are left to it, and not even asked for yet.
    """
    try:
        found = core.get_credentials()
    except ValueError as error:  # botocore's, which does not quote a token
        raise BadInput(f"cannot get credentials: {error}; correct the AWS_CONTAINER_… variables") from error
    if found is None or isinstance(found, RefreshableCredentials):
        return
    for attribute, name in _SECRETS.items():
        value = (getattr(found, attribute) or "").strip()
        if not (value.isascii() and value.isprintable()):
            where = name if found.method == "env" else f"{name.lower()} of the profile"
            raise BadInput(f"{where} must hold one line of ASCII; it holds something else")
        setattr(found, attribute, value or None)


def _fields() -> Dict[str, str]:
    """Fields that the environment adds to every request which has them."""
    fields = {
        "ServerSideEncryption": _one_of(ENCRYPTION, ("AES256", "aws:kms", "aws:kms:dsse")),
        "SSEKMSKeyId": KMS_KEY.value().strip(),
        "RequestPayer": _one_of(REQUEST_PAYER, ("requester",)),
    }
    if fields["SSEKMSKeyId"] and not fields["ServerSideEncryption"].startswith("aws:"):
        raise BadInput(f"{KMS_KEY.name} needs {ENCRYPTION.name}=aws:kms; got {fields['ServerSideEncryption']!r}")
    return {name: value for name, value in fields.items() if value}


def _one_of(variable: Variable, values: Tuple[str, ...]) -> str:
    """A variable's value; empty where it is not set."""
    value = variable.value().strip()
    if value and value not in values:
        raise BadInput(f"{variable.name} must be {' or '.join(values)}; got {value!r}")
    return value


def _adding(fields: Dict[str, str]) -> Callable[..., None]:
    """A handler of botocore's that adds the fields to each request's parameters."""

    def add(params: Dict[str, Any], model: Any, **_: Any) -> None:
        params.update({name: value for name, value in fields.items() if name in model.input_shape.members})

    return add
