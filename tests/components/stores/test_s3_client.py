import pytest
from podtune.stores.s3_client import open_client


def test_aws_gets_a_checksum_with_every_upload(aws: None) -> None:
    config = open_client().meta.config

    assert config.request_checksum_calculation == "when_supported"
    assert config.response_checksum_validation == "when_supported"


def test_another_store_gets_one_where_it_must(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")

    config = open_client().meta.config

    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"


def test_the_environment_has_the_last_word_on_checksums(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")

    assert open_client().meta.config.request_checksum_calculation == "when_supported"


def test_retries_and_timeouts_are_bounded(aws: None) -> None:
    config = open_client().meta.config

    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
