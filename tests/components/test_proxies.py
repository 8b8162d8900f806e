"""Which proxy a URL is asked through."""

from typing import Dict
from urllib.request import ProxyHandler, Request

import pytest
from podtune.errors import BadInput
from podtune.proxies import proxy_hosts, proxy_of
from podtune.sources.reachable import opener
from podtune.stores.s3_client import open_client

PROXY = "http://proxy.corp:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def through(url: str) -> str:
    proxy = proxy_of(url)
    return f"{proxy.url} {proxy.variable}" if proxy else "directly"


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://kfp.corp", "directly"),
        ({"HTTPS_PROXY": PROXY}, "https://kfp.corp/pipeline", f"{PROXY} HTTPS_PROXY"),
        ({"HTTPS_PROXY": PROXY}, "http://kfp.corp/pipeline", "directly"),
        ({"http_proxy": PROXY}, "http://kfp.corp", f"{PROXY} http_proxy"),
        ({"HTTP_PROXY": PROXY}, "http://kfp.corp", f"{PROXY} HTTP_PROXY"),
        ({"HTTPS_PROXY": "http://other", "https_proxy": PROXY}, "https://kfp.corp", f"{PROXY} https_proxy"),
        ({"ALL_PROXY": PROXY}, "https://kfp.corp", f"{PROXY} ALL_PROXY"),
        ({"ALL_PROXY": "socks5://a:1", "HTTPS_PROXY": PROXY}, "https://kfp.corp", f"{PROXY} HTTPS_PROXY"),
        ({"HTTPS_PROXY": "proxy.corp:3128"}, "https://kfp.corp", f"{PROXY} HTTPS_PROXY"),
        ({"HTTPS_PROXY": "https://proxy.corp"}, "https://kfp.corp", "https://proxy.corp HTTPS_PROXY"),
        ({"ALL_PROXY": PROXY}, "http://127.0.0.1:8080", "directly"),
        ({"ALL_PROXY": PROXY}, "http://localhost:8080", "directly"),
        ({"ALL_PROXY": PROXY}, "http://[::1]:8080", "directly"),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: Dict[str, str], url: str, expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert through(url) == expected


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("kfp.corp", "https://kfp.corp"),
        ("corp", "https://kfp.corp"),
        (".corp", "https://kfp.corp"),
        ("*.corp", "https://kfp.corp"),
        (".kfp.corp", "https://kfp.corp"),
        ("KFP.Corp.", "https://kfp.corp."),
        ("a.example, kfp.corp", "https://kfp.corp:8443"),
        ("a.example kfp.corp", "https://kfp.corp"),
        ("kfp.corp:443", "https://kfp.corp"),
        ("kfp.corp:8443", "https://kfp.corp:8443"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3:6443"),
        ("fd00::/8", "https://[fd00::1]:6443"),
        ("[fd00::1]", "https://[fd00::1]"),
        ("[fd00::1]:6443", "https://[fd00::1]:6443"),
        ("a.example,*", "https://kfp.corp"),
    ],
)
def test_no_proxy_excepts_names_domains_and_networks(monkeypatch: pytest.MonkeyPatch, listed: str, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", listed)

    assert through(url) == "directly"


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("orp", "https://kfp.corp"),
        ("kfp.corp.example", "https://kfp.corp"),
        ("kfp.corp:8443", "https://kfp.corp"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://10.example"),
        ("10.0.0.0/99 . ,", "https://10.1.2.3"),
        ("", "https://kfp.corp"),
    ],
)
def test_no_proxy_excepts_nothing_else(monkeypatch: pytest.MonkeyPatch, listed: str, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", listed)

    assert through(url) == f"{PROXY} HTTPS_PROXY"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("socks5://me:canary@proxy.corp:1080", "socks5://proxy.corp:1080"),
        ("http://me:canary@proxy.corp:port", "http://proxy.corp:port"),
        ("http://", "http:"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)

    with pytest.raises(BadInput) as raised:
        proxy_of("https://kfp.corp")

    assert str(raised.value) == (f"HTTPS_PROXY must be a proxy such as http://proxy.example.org:3128; got {shown!r}")


def test_a_user_of_a_proxy_is_a_header_and_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "me:p%40ss@proxy.corp:3128")

    proxy = proxy_of("https://kfp.corp")

    assert proxy is not None
    assert proxy.headers == {"proxy-authorization": "Basic bWU6cEBzcw=="}
    assert str(proxy) == "the proxy http://proxy.corp:3128 (HTTPS_PROXY)"


def test_a_proxy_without_a_scheme_may_be_inside_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "10.0.0.5:3128")
    monkeypatch.setenv("ALL_PROXY", "http://me:canary@proxy.corp")

    assert proxy_hosts() == ["10.0.0.5", "proxy.corp"]


def test_downloads_speak_to_no_proxy_by_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.corp")

    with pytest.raises(BadInput) as raised:
        opener([]).open("https://files.example/train.json")

    assert str(raised.value) == (
        "the proxy https://proxy.corp (HTTPS_PROXY) must begin with http://, for a download or a message"
    )


def test_a_proxys_password_goes_to_no_host_that_a_redirect_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy.corp")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    copied = Request("https://inside.example/b", headers={"Proxy-Authorization": "Basic bWU6Y2FuYXJ5"})
    (proxied,) = [one for one in opener([]).handlers if isinstance(one, ProxyHandler)]

    proxied.https_open(copied)  # type: ignore[attr-defined]  # ours has one

    assert (copied.host, copied.headers) == ("inside.example", {})


@pytest.mark.parametrize(
    ("listed", "expected"), [("", {"https": PROXY}), ("10.0.0.0/8", {}), ("11.0.0.0/8", {"https": PROXY})]
)
def test_a_store_is_asked_through_the_same_proxy(
    monkeypatch: pytest.MonkeyPatch, listed: str, expected: Dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://10.1.2.3:9000")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", listed)

    assert open_client().meta.config.proxies == expected
