"""Digests as a registry has them: Debian's docker-registry where it is installed, and answers that it was recorded to
give; tokens as the distribution project describes them, of which Debian's has no server."""

import base64
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator

import pytest
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune_pipelines.registry import digest_of
from servers.registries import LOGIN, Answer, AnsweringRegistry, push, real_registry

pytestmark = pytest.mark.local

A = "sha256:" + "a" * 64
OF_ALL = {"Content-Type": "application/json; charset=utf-8", "Docker-Distribution-Api-Version": "registry/2.0"}
FOUND: Answer = (200, {**OF_ALL, "Docker-Content-Digest": A, "Etag": f'"{A}"'}, b"")
BASIC: Answer = (401, {**OF_ALL, "Www-Authenticate": 'Basic realm="podtune"'}, b"")
UNKNOWN: Answer = (404, OF_ALL, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
BASIC_LOGIN = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory without logins."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def answering() -> Iterator[Callable[..., AnsweringRegistry]]:
    """A function (answers) that starts a registry."""
    started = []

    def start(answers: Any) -> AnsweringRegistry:
        started.append(AnsweringRegistry(answers if callable(answers) else lambda path, headers: answers))
        return started[-1]

    yield start
    for one in started:
        one.close()


def _docker_login(home: Path, content: Dict[str, Any]) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps(content))


def _auths(host: str, login: str = LOGIN) -> Dict[str, Any]:
    return {"auths": {host: {"auth": base64.b64encode(login.encode()).decode()}}}


real = pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed")


@real
def test_a_real_registry_says_what_a_tag_names(tmp_path: Path) -> None:
    with real_registry(tmp_path, login=False) as address:
        first = push(address, "team/python-cpu", "0.1.0")
        assert digest_of(f"{address}/team/python-cpu:0.1.0") == first

        moved = push(address, "team/python-cpu", "0.1.0", "another")
        assert digest_of(f"{address}/team/python-cpu:0.1.0") == moved != first

        with pytest.raises(BadInput, match=rf"^{address} has no team/python-cpu:0\.2; push it$"):
            digest_of(f"{address}/team/python-cpu:0.2")


@real
def test_a_real_registry_wants_a_login(tmp_path: Path, home: Path) -> None:
    with real_registry(tmp_path, login=True) as address:
        pushed = push(address, "team/python-cpu", "0.1.0")
        image = f"{address}/team/python-cpu:0.1.0"
        with pytest.raises(PodtuneError, match=rf"^{address} wants a login; log in: docker login {address}$"):
            digest_of(image)

        _docker_login(home, _auths(address, "me:wrong"))
        with pytest.raises(PodtuneError, match=rf"^{address} refuses to show team/python-cpu \(401\); log in: docker"):
            digest_of(image)

        _docker_login(home, _auths(address))
        assert digest_of(image) == pushed


def test_the_manifest_is_asked_for_as_the_specification_says(answering: Any) -> None:
    registry = answering(FOUND)

    assert digest_of(f"{registry.address}/team/python-cpu:0.1.0") == A
    ((method, path, headers),) = registry.asked
    assert (method, path) == ("HEAD", "/v2/team/python-cpu/manifests/0.1.0")
    assert headers["accept"].split(", ") == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (UNKNOWN, BadInput, "has no team/python-cpu:0.1.0; push it"),
        (BASIC, PodtuneError, "wants a login; log in: docker login"),
        ((401, OF_ALL, b""), PodtuneError, "wants a login; log in: docker login"),
        ((403, OF_ALL, b""), PodtuneError, r"refuses to show team/python-cpu \(403\); log in: docker login"),
        ((200, OF_ALL, b""), PodtuneError, "answers 200 without a digest of team/python-cpu:0.1.0"),
        ((200, {"Docker-Content-Digest": "sha256:0"}, b""), PodtuneError, "answers 200 without a digest"),
        ((307, {"Location": "http://169.254.169.254/"}, b""), PodtuneError, "answers 307 without a digest"),
        ((503, {}, b"<html>"), PodtuneError, "answers 503 without a digest"),
    ],
    ids=["unknown", "login", "401", "403", "no digest", "short", "redirect", "page"],
)
def test_another_answer_is_told(answering: Any, answer: Answer, error: Any, message: str) -> None:
    registry = answering(answer)

    with pytest.raises(error, match=message) as raised:
        digest_of(f"{registry.address}/team/python-cpu:0.1.0")

    assert type(raised.value) is error
    assert len(registry.asked) == 1


def test_a_registry_that_is_away_is_told(answering: Any) -> None:
    registry = answering(FOUND)
    registry.close()

    with pytest.raises(TryAgainLater, match=r"^127\.0\.0\.1 cannot be reached: Connection refused$"):
        digest_of(f"{registry.address}/team/python-cpu:0.1.0")


def _tokens(path: str, headers: Dict[str, str]) -> Answer:
    """A registry that wants a token, and who gives it, at one address (distribution's token authentication)."""
    if path.startswith("/token?"):
        whose = "mine" if headers.get("authorization") == BASIC_LOGIN else "anonymous"
        return (200, {}, json.dumps({"token": whose}).encode())
    if headers.get("authorization") == "Bearer mine":
        return FOUND
    if "authorization" in headers:
        return (403, OF_ALL, b"")
    challenge = f'Bearer realm="http://{headers["host"]}/token",service="images",scope="repository:x:pull"'
    return (401, {**OF_ALL, "Www-Authenticate": challenge}, b"")


def test_a_token_is_fetched_with_the_login(answering: Any, home: Path) -> None:
    registry = answering(_tokens)
    image = f"{registry.address}/team/python-cpu:0.1.0"
    with pytest.raises(PodtuneError, match=r"refuses to show team/python-cpu \(403\)"):
        digest_of(image)
    _docker_login(home, _auths(f"https://{registry.address}"))
    registry.asked.clear()

    assert digest_of(image) == A
    assert [(method, path) for method, path, _ in registry.asked] == [
        ("HEAD", "/v2/team/python-cpu/manifests/0.1.0"),
        ("GET", "/token?service=images&scope=repository%3Ateam%2Fpython-cpu%3Apull"),
        ("HEAD", "/v2/team/python-cpu/manifests/0.1.0"),
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nb"}', b"\xff"])
def test_what_is_no_token_is_told(answering: Any, body: bytes) -> None:
    registry = answering(
        lambda path, headers: (200, {}, body) if path.startswith("/token?") else _tokens(path, headers)
    )

    with pytest.raises(PodtuneError, match=r"^127\.0\.0\.1 gives no token \(200\); log in: docker login 127"):
        digest_of(f"{registry.address}/team/python-cpu:0.1.0")


@pytest.mark.parametrize(
    "realm", ["http://tokens.example.org/token", "https://[", "https:///token", "ftp://localhost/", "x"]
)
def test_a_login_is_sent_to_no_place_where_it_could_be_read(answering: Any, home: Path, realm: str) -> None:
    registry = answering((401, {"Www-Authenticate": f'Bearer realm="{realm}",service="images"'}, b""))
    _docker_login(home, _auths(registry.address))

    with pytest.raises(
        PodtuneError, match=r"sends for a token to '.*', which must be https, or a login could be read$"
    ):
        digest_of(f"{registry.address}/team/python-cpu:0.1.0")

    assert len(registry.asked) == 1


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_a_credential_helper_is_asked_as_docker_asks_it(
    answering: Any, home: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    registry = answering(lambda path, headers: FOUND if headers.get("authorization") == BASIC_LOGIN else BASIC)
    helper = home / "docker-credential-kept"
    helper.write_text(f'#!/bin/sh\ncat > {home}/asked\necho "$1" >> {home}/asked\n')
    with helper.open("a") as script:
        script.write('echo \'{"ServerURL": "x", "Username": "me", "Secret": "canary"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    _docker_login(
        home, {"auths": {registry.address: {}}, key: {"credHelpers": {registry.address: "kept"}}.get(key, "kept")}
    )

    assert digest_of(f"{registry.address}/team/python-cpu:0.1.0") == A
    assert (home / "asked").read_text() == f"{registry.address}get\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"auths": []}',
        '{"auths": {"HOST": "x"}}',
        '{"auths": {"HOST": {"auth": "?"}}}',
        '{"credsStore": "nowhere"}',
        '{"credHelpers": 1}',
    ],
)
def test_a_login_file_that_cannot_be_used_is_no_login(answering: Any, home: Path, content: str) -> None:
    registry = answering(BASIC)
    _docker_login(home, {})
    (home / ".docker" / "config.json").write_text(content.replace("HOST", registry.address))

    with pytest.raises(PodtuneError, match="wants a login"):
        digest_of(f"{registry.address}/team/python-cpu:0.1.0")


@pytest.mark.parametrize("variable", ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"])
def test_a_login_lies_where_docker_and_podman_put_it(
    answering: Any, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    registry = answering(lambda path, headers: FOUND if headers.get("authorization") == BASIC_LOGIN else BASIC)
    file = {
        "REGISTRY_AUTH_FILE": "a.json",
        "DOCKER_CONFIG": "b/config.json",
        "XDG_RUNTIME_DIR": "c/containers/auth.json",
    }
    path = home / file[variable]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_auths(registry.address)))
    value = {"REGISTRY_AUTH_FILE": path, "DOCKER_CONFIG": path.parent, "XDG_RUNTIME_DIR": path.parent.parent}[variable]
    monkeypatch.setenv(variable, str(value))

    assert digest_of(f"{registry.address}/team/python-cpu:0.1.0") == A


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("registry.example.org/a/b:1", "https://registry.example.org/v2/a/b/manifests/1"),
        ("registry.example.org:5000/b:1", "https://registry.example.org:5000/v2/b/manifests/1"),
        ("localhost:5001/b:1", "http://localhost:5001/v2/b/manifests/1"),
        ("team/b:1", "https://registry-1.docker.io/v2/team/b/manifests/1"),
        ("docker.io/team/b:1", "https://registry-1.docker.io/v2/team/b/manifests/1"),
    ],
)
def test_a_name_is_taken_apart_as_docker_does(monkeypatch: pytest.MonkeyPatch, image: str, url: str) -> None:
    asked = []
    monkeypatch.setattr(
        "podtune_pipelines.registry._ask", lambda method, url, headers: asked.append(url) or SimpleNamespace(status=404)
    )

    with pytest.raises(BadInput, match="push it"):
        digest_of(image)

    assert asked == [url]
