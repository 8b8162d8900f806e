import datetime
import ipaddress
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune_pipelines.cluster.client import LoginNeeded, Missing, Taken, address_of, connect, redirect_of
from podtune_pipelines.cluster.runs import read_run


def test_an_address_says_how_it_begins() -> None:
    with pytest.raises(BadInput) as raised:
        address_of("kfp.example")

    assert str(raised.value) == (
        "--host (or KF_PIPELINES_ENDPOINT) must be KFP's address, beginning with https://; got 'kfp.example'"
    )


def test_an_address_has_to_be_given() -> None:
    with pytest.raises(BadInput, match="beginning with https://; none is set"):
        address_of("")


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadInput) as raised:
        address_of("https://me:canary@kfp.example")

    assert "must hold no user and password" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_secrets_are_not_part_of_what_an_address_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "canary-token")
    monkeypatch.setenv("KF_PIPELINES_COOKIES", "session=canary")

    address = address_of("https://kfp.example/pipeline/", "team-a")

    assert (address.host, address.token, address.cookies) == (
        "https://kfp.example/pipeline",
        "canary-token",
        "session=canary",
    )
    assert "canary" not in repr(address)


@pytest.mark.parametrize("variable", ["KF_PIPELINES_SA_TOKEN_PATH", "KF_PIPELINES_CA_FILE"])
def test_a_file_that_the_environment_names_has_to_be_there(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/nowhere/file")

    with pytest.raises(BadInput, match=f"{variable} must name a file; there is none at /nowhere/file"):
        address_of("https://kfp.example")


@pytest.mark.parametrize("value", ["canary\nX-Other: 1", "canary-é"])
def test_a_token_that_fits_no_header_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", value)

    with pytest.raises(BadInput) as raised:
        address_of("https://kfp.example")

    assert str(raised.value) == "KF_PIPELINES_TOKEN must hold one line of ASCII; it holds something else"


def test_the_newline_at_a_tokens_end_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "token\n")

    assert address_of("https://kfp.example").token == "token"


def test_pages_are_where_the_user_interface_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kfp.example/pipeline/")

    page = address_of("http://ml-pipeline.kubeflow:8888").page("runs/details/1")

    assert page == "https://kfp.example/pipeline/#/runs/details/1"


@pytest.mark.local
@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (400, BadInput, "refuses the request (HTTP 400: the fake answers 400)"),
        (
            401,
            LoginNeeded,
            "rejects your credentials (HTTP 401: the fake answers 401); log in again and set KF_PIPELINES_TOKEN",
        ),
        (403, LoginNeeded, "denies access (HTTP 403: the fake answers 403); ask its administrator, or give your "),
        (404, Missing, "has no such object (HTTP 404: the fake answers 404)"),
        (409, Taken, "has an object of this name already (HTTP 409: the fake answers 409)"),
        (429, TryAgainLater, "is unavailable (HTTP 429: the fake answers 429); try again later"),
        (500, TryAgainLater, "is unavailable (HTTP 500: the fake answers 500); try again later"),
        (503, TryAgainLater, "is unavailable (HTTP 503: the fake answers 503); try again later"),
        ("page", LoginNeeded, "answers with a web page instead of KFP's API; log in again and set KF_PIPELINES_TOKEN"),
        ("reset", TryAgainLater, "cannot be reached (ProtocolError); try again later"),
    ],
)
def test_every_refusal_says_what_to_do(fake_kfp: Any, fault: Any, kind: Any, message: str) -> None:
    fake_kfp.fail("GET", "healthz", fault, times=9)

    with pytest.raises(PodtuneError) as raised:
        connect(fake_kfp.host)

    assert type(raised.value) is kind
    assert str(raised.value).startswith(f"{fake_kfp.host} {message}")


@pytest.mark.local
@pytest.mark.parametrize("fault", [429, 502, 503, "reset"])
def test_a_short_fault_of_a_question_is_not_noticed(fake_kfp: Any, fault: Any, capfd: Any, caplog: Any) -> None:
    fake_kfp.fail("GET", "healthz", fault, times=2)

    with caplog.at_level(logging.DEBUG):
        connect(fake_kfp.host)

    assert fake_kfp.asked("GET", "healthz") == 3
    assert (*capfd.readouterr(), caplog.text) == ("", "", "")


@pytest.mark.local
def test_a_server_that_is_not_there_is_told_in_seconds() -> None:
    with pytest.raises(TryAgainLater, match=r"http://127\.0\.0\.1:9 cannot be reached \(NewConnectionError\); try"):
        connect("http://127.0.0.1:9")


@pytest.mark.local
def test_the_token_lets_in(fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kfp.token = "canary-token"
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "canary-token")

    connect(fake_kfp.host)

    assert fake_kfp.asked("GET", "healthz") == 1


@pytest.mark.local
def test_a_token_that_the_server_repeats_is_not_told(fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kfp.token = "another"
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "canary-token")

    with pytest.raises(BadInput) as raised:
        connect(fake_kfp.host)

    assert "HTTP 401: Bearer … is not known" in str(raised.value)


@pytest.mark.local
def test_a_token_file_is_read_again_with_each_request(
    fake_kfp: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_kfp.token = "old"
    (tmp_path / "token").write_text("old\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    cluster = connect(fake_kfp.host)
    fake_kfp.token = "new"
    (tmp_path / "token").write_text("new")

    with pytest.raises(Missing, match="Run none not found"):
        read_run(cluster, "none")


@pytest.mark.local
def test_a_namespace_goes_with_the_questions_that_need_it(fake_kfp: Any) -> None:
    fake_kfp.multi_user = True
    cluster = connect(fake_kfp.host, "team-a")

    made = cluster.call(cluster.client.create_experiment, "podtune")

    assert fake_kfp.experiments[made.experiment_id]["namespace"] == "team-a"


@pytest.mark.local
def test_a_shared_cluster_has_to_know_the_namespace(fake_kfp: Any) -> None:
    fake_kfp.multi_user = True

    with pytest.raises(BadInput, match="is a multi-user KFP; give your profile's --namespace"):
        connect(fake_kfp.host)
    connect(fake_kfp.host, "team-a")


@pytest.mark.local
def test_a_cluster_of_one_user_takes_no_namespace(fake_kfp: Any) -> None:
    with pytest.raises(BadInput) as raised:
        connect(fake_kfp.host, "nosuch")

    assert str(raised.value) == (
        f"{fake_kfp.host} is a one-user KFP, which has no namespace 'nosuch' to run in; "
        "leave --namespace out, and KF_PIPELINES_NAMESPACE"
    )


@pytest.mark.local
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "not JSON",
        '{"namespace": "elsewhere", "client_authentication_cookie": "canary", '
        '"client_authentication_header_name": "X-Canary", "client_authentication_header_value": "canary"}',
    ],
)
def test_what_kfp_noted_of_another_cluster_is_not_read(
    fake_kfp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "context.json").write_text(content)
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))

    cluster = connect(fake_kfp.host)
    made = cluster.call(cluster.client.create_experiment, "podtune")

    assert fake_kfp.experiments[made.experiment_id]["namespace"] == ""
    assert (cluster.client._run_api.api_client.cookie, cluster.client._run_api.api_client.default_headers.keys()) == (
        None,
        {"User-Agent"},
    )


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "https://kfp.example/pipeline/apis/v2beta1/healthz",
            "http://kfp.example/pipeline redirects to https://kfp.example/pipeline; "
            "set --host (or KF_PIPELINES_ENDPOINT) to that",
        ),
        (
            "https://kfp.example:8443/x",
            "http://kfp.example/pipeline redirects to https://kfp.example:8443/pipeline",
        ),
        (
            "https://me:canary@dex.example/auth?state=canary",
            "http://kfp.example/pipeline redirects to https://dex.example/auth, as to a login; log in again and set ",
        ),
        ("/dex/auth?state=canary", "http://kfp.example/pipeline redirects to /dex/auth, as to a login; log in again"),
    ],
)
def test_a_redirect_is_told_and_not_followed(location: str, message: str) -> None:
    assert str(redirect_of("http://kfp.example/pipeline", location)).startswith(message)


@pytest.mark.local
def test_a_cluster_is_asked_through_the_environments_proxy(fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", fake_kfp.host.replace("://", "://me:canary@"))

    connect("http://kubeflow.corp.invalid/pipeline")

    asked = "GET http://kubeflow.corp.invalid/pipeline/apis/v2beta1/healthz"
    assert (fake_kfp.requests, fake_kfp.proxy_users) == ([asked], ["Basic bWU6Y2FuYXJ5"])


@pytest.mark.local
def test_a_proxy_that_wants_a_user_says_so(fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kfp.fail("GET", "healthz", 407)
    monkeypatch.setenv("HTTP_PROXY", fake_kfp.host)

    with pytest.raises(BadInput) as raised:
        connect("http://kubeflow.corp.invalid")

    assert str(raised.value) == (
        f"http://kubeflow.corp.invalid is behind the proxy {fake_kfp.host} (HTTP_PROXY), which wants a user and "
        "password (HTTP 407: the fake answers 407); write them into that variable, as http://user:secret@host:port"
    )


@pytest.mark.local
def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@127.0.0.1:9")

    with pytest.raises(TryAgainLater) as raised:
        connect("https://kubeflow.corp.invalid")

    assert str(raised.value) == (
        "https://kubeflow.corp.invalid cannot be reached through the proxy http://127.0.0.1:9 (HTTPS_PROXY) "
        "(NewConnectionError); correct it, or name the host in NO_PROXY"
    )


@pytest.mark.local
def test_a_proxy_that_refuses_is_bad_input(fake_kfp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", fake_kfp.host)

    with pytest.raises(BadInput) as raised:
        connect("https://kubeflow.corp.invalid")

    assert str(raised.value) == (
        f"https://kubeflow.corp.invalid cannot be reached through the proxy {fake_kfp.host} (HTTPS_PROXY) "
        "(Tunnel connection failed: 403 Forbidden); correct it, or name the host in NO_PROXY"
    )


@pytest.mark.local
def test_a_certificate_that_is_not_trusted_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = _self_signed(tmp_path)
    with HTTPServer(("127.0.0.1", 0), _Healthy) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(authority), str(tmp_path / "key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        host = f"https://127.0.0.1:{server.server_port}"

        with pytest.raises(
            BadInput, match="a certificate that is not trusted: self-signed certificate; set KF_PIPELINES_CA_FILE"
        ):
            connect(host)
        monkeypatch.setenv("KF_PIPELINES_CA_FILE", str(authority))
        connect(host)

        server.shutdown()


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: Any) -> None:
        pass


def _self_signed(directory: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    (directory / "key.pem").write_bytes(private)
    (directory / "authority.pem").write_bytes(certificate.public_bytes(encoding))
    return directory / "authority.pem"
