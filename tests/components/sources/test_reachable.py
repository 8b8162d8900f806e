"""Which addresses a recipe may have podtune ask."""

import socket
from pathlib import Path
from typing import Any, List

import pytest
from podtune.errors import BadInput
from podtune.sources.download import download
from podtune.sources.reachable import refuse_private


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"])
def test_public_addresses_are_asked(address: str) -> None:
    refuse_private("files.example", [address], [])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "168.63.129.16",
        "::1",
        "::",
        "fe80::1%2",
        "fd00:ec2::254",
        "fec0::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:a00:1::",
    ],
)
def test_addresses_inside_a_network_are_refused_by_name(address: str) -> None:
    with pytest.raises(BadInput) as refusal:
        refuse_private("files.example", ["93.184.215.14", address], [])

    assert str(refusal.value) == (
        f"files.example, at {address}, is inside a network or this machine, where no recipe may look; "
        "set PODTUNE_PRIVATE_HOSTS=files.example to allow it"
    )


@pytest.mark.parametrize("listed", ["FILES.example", "10.0.0.1", "other.example 10.0.0.0/8"])
def test_the_environment_allows_names_addresses_and_networks(monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    monkeypatch.setenv("PODTUNE_PRIVATE_HOSTS", listed)

    refuse_private("files.example", ["10.0.0.1"], [])
    with pytest.raises(BadInput):
        refuse_private("rebound.example", ["169.254.169.254"], [])


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "127.0.0.1", "localhost", "[::1]", "2130706433"])
def test_https_to_a_private_address_is_refused_before_it_is_tried(
    fetching: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr("socket.create_connection", None)

    with pytest.raises(BadInput, match="is inside a network or this machine"):
        download(f"https://{host}/train.json", tmp_path / "train.json", "train.json")


def test_a_name_that_leads_inside_is_refused(fetching: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rebound(*_: Any, **__: Any) -> List[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]

    monkeypatch.setattr("socket.getaddrinfo", rebound)
    monkeypatch.setattr("socket.create_connection", None)

    with pytest.raises(BadInput, match=r"files\.example, at 169\.254\.169\.254, is inside a network"):
        download("https://files.example/train.json", tmp_path / "train.json", "train.json")


def test_what_a_proxy_would_be_told_is_looked_at(
    fetching: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    with pytest.raises(BadInput, match=r"^169\.254\.169\.254 is inside a network"):
        download("https://169.254.169.254/latest", tmp_path / "latest", "latest")
