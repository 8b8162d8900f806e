"""Releases are signed with the real model-signing, and checked with its own command as well."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from podtune.errors import BadInput
from podtune.formats.release import RELEASE
from podtune.steps.publish.step import run
from podtune.stores.fetching import fetch_files
from podtune.stores.opening import open_store
from podtune.stores.releases import read_live
from podtune.stores.signing import require_signer, verify_signature
from podtune.stores.store import Store


def _publish(paths: Dict[str, Path], store: Store, published: Path) -> str:
    artifacts = {"scores" if name == "evaluation" else name: path for name, path in paths.items()}
    run(**artifacts, published=published, release={"name": "qa"}, store=store.uri)
    return RELEASE.open(published).facts.version


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def keys(tmp_path: Path) -> Callable[[str], List[Path]]:
    """A function (name) that makes a private and a public key, <name>.pem and <name>.pub."""

    def make(name: str, key: Any = None) -> List[Path]:
        key = key or ec.generate_private_key(ec.SECP256R1())
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
        return [private, public]

    return make


@pytest.fixture
def signed(finished_run: Any, store: Store, tmp_path: Path, keys: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A downloaded release, which the owner of ours.pub signed."""
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", str(keys("ours")[0]))
    _publish(finished_run.write("abc"), store, tmp_path / "published")
    fetch_files(store, read_live(store, "qa"), tmp_path / "qa")
    return tmp_path / "qa"


def test_a_release_is_what_its_publisher_signed(signed: Path, tmp_path: Path) -> None:
    verify_signature(signed, tmp_path / "ours.pub")


def test_the_standards_own_command_agrees(signed: Path, tmp_path: Path) -> None:
    ours = ["--signature", str(signed / "model.sig"), "--public_key", str(tmp_path / "ours.pub")]
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(signed), *ours]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "Verification succeeded\n"), done.stderr


def test_the_key_may_be_given_itself(
    finished_run: Any, store: Store, tmp_path: Path, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = keys("ours")
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", private.read_text())

    _publish(finished_run.write("abc"), store, tmp_path / "published")

    fetch_files(store, read_live(store, "qa"), tmp_path / "qa", check=lambda there: verify_signature(there, public))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.safetensors", "another", "Hash mismatch for 'model.safetensors'"),
        ("README.md", "", "Hash mismatch for 'README.md'"),
        ("release.json", "{}", "Hash mismatch for 'release.json'"),
        ("extra.py", "", "Extra files found"),
        ("model.sig", "{}", "'verificationMaterial'"),
        ("model.sig", "[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_what_was_changed_afterwards_is_refused(
    signed: Path, tmp_path: Path, name: str, content: str, reason: str
) -> None:
    (signed / name).write_text(content)

    with pytest.raises(BadInput, match=f"^the release is not what the owner of .*/ours.pub signed: .*{reason}"):
        verify_signature(signed, tmp_path / "ours.pub")


def test_a_file_that_is_missing_is_refused(signed: Path, tmp_path: Path) -> None:
    (signed / "evaluation/examples.jsonl").unlink()

    with pytest.raises(BadInput, match=r"Missing files in model 'qa': evaluation/examples.jsonl"):
        verify_signature(signed, tmp_path / "ours.pub")


def test_another_owners_key_is_refused(signed: Path, keys: Any) -> None:
    with pytest.raises(BadInput, match=r"^the release is not what the owner of .*/theirs.pub signed: Key mismatch"):
        verify_signature(signed, keys("theirs")[1])


@pytest.mark.parametrize("content", ["", "hello", "-----BEGIN PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_called_that(signed: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.pub").write_text(content)

    with pytest.raises(BadInput, match=r"/bad.pub is not a public key on an elliptic curve \(PEM\): "):
        verify_signature(signed, tmp_path / "bad.pub")


def test_a_release_that_is_not_signed_is_refused(finished_run: Any, store: Store, tmp_path: Path, keys: Any) -> None:
    _publish(finished_run.write("abc"), store, tmp_path / "published")
    public = keys("ours")[1]

    with pytest.raises(BadInput, match="not signed; publish it with PODTUNE_SIGNING_KEY set, or leave --verify out"):
        fetch_files(store, read_live(store, "qa"), tmp_path / "qa", check=lambda there: verify_signature(there, public))

    assert not (tmp_path / "qa").exists()


def test_publishing_again_signs_what_is_live(
    finished_run: Any, store: Store, tmp_path: Path, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = keys("ours")
    paths = finished_run.write("abc")
    _publish(paths, store, tmp_path / "published")
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", str(private))

    version = _publish(paths, store, tmp_path / "published")

    assert version == "1"
    fetch_files(store, read_live(store, "qa"), tmp_path / "qa")
    verify_signature(tmp_path / "qa", public)


@pytest.mark.parametrize("given", ["nothing-here.pem", "-----BEGIN EC KEY-----\ncanary", "rsa.pem", "koblitz.pem"])
def test_a_key_that_cannot_sign_is_told_before_the_training_and_never_shown(
    tmp_path: Path, keys: Any, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    keys("rsa", rsa.generate_private_key(65537, 2048))
    keys("koblitz", ec.generate_private_key(ec.SECP256K1()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", given)

    with pytest.raises(BadInput) as raised:
        require_signer()

    assert str(raised.value) == (
        "PODTUNE_SIGNING_KEY must be a private key on the curve P-256, P-384 or P-521 without a password (PEM), "
        "or the path of its file"
    )


def test_nothing_is_required_where_releases_are_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PODTUNE_SIGNING_KEY", raising=False)
    require_signer()
