import json
from pathlib import Path
from typing import Any, List

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from podtune.errors import BadInput
from podtune.stores.releases import add_signature
from podtune.stores.signing import signer
from podtune.stores.store import Store
from podtune_pipelines.cli.releases import download


def _files(directory: Path) -> List[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_live_version_lands_in_the_directory(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    release(81.0, "1")

    result = invoke(download, "qa", "--to", tmp_path / "qa")

    assert result.stdout == f"{tmp_path}/qa\n"
    assert result.stderr == "qa 2 was downloaded: 2 files, 30 bytes, all verified\n"
    assert (tmp_path / "qa/model.safetensors").read_text() == "weights of 81.0"
    assert _files(tmp_path / "qa") == ["config.json", "model.safetensors", "release.json"]


def test_a_version_can_be_chosen(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    release(81.0, "1")

    invoke(download, "qa", "--to", tmp_path / "qa", "--version", "1")

    assert (tmp_path / "qa/model.safetensors").read_text() == "weights of 80.0"


def test_a_second_call_verifies_and_says_so(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    invoke(download, "qa", "--to", tmp_path / "qa")

    result = invoke(download, "qa", "--to", tmp_path / "qa")

    assert result.stderr == "qa 1 is there already: 2 files, 30 bytes, all verified\n"


def test_json_says_what_is_where(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)

    result = invoke(download, "qa", "--to", tmp_path / "qa", "--json")

    assert json.loads(result.stdout) == {
        "name": "qa",
        "version": "1",
        "directory": f"{tmp_path}/qa",
        "files": 2,
        "bytes": 30,
        "fetched": True,
        "signed_by": None,
    }


def test_a_changed_file_is_reported_and_kept(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    invoke(download, "qa", "--to", tmp_path / "qa")
    (tmp_path / "qa/config.json").write_text("weights of 99.0")

    with pytest.raises(BadInput, match=r"config.json is corrupted: .*; remove .*/qa to download it again"):
        invoke(download, "qa", "--to", tmp_path / "qa")

    assert (tmp_path / "qa/config.json").read_text() == "weights of 99.0"


def test_another_version_is_not_overwritten(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    invoke(download, "qa", "--to", tmp_path / "qa")
    release(81.0, "1")

    with pytest.raises(BadInput, match=r"/qa holds qa 1; choose another directory for qa 2"):
        invoke(download, "qa", "--to", tmp_path / "qa")


def test_a_directory_that_is_no_download_is_left_alone(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("the only copy")

    with pytest.raises(BadInput, match=r"thesis holds no release: it has no release\.json; choose another directory"):
        invoke(download, "qa", "--to", tmp_path / "thesis")

    assert _files(tmp_path / "thesis") == ["thesis.tex"]


def test_the_working_directory_is_not_replaced(
    release: Any, invoke: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(80.0, None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    with pytest.raises(BadInput, match="here is the working directory; choose a new one"):
        invoke(download, "qa", "--to", ".")


def test_an_unknown_name_is_answered_with_what_there_is(release: Any, invoke: Any, tmp_path: Path) -> None:
    release(80.0, None)

    with pytest.raises(BadInput, match="holds no live release named vqa; it holds qa"):
        invoke(download, "vqa", "--to", tmp_path / "vqa")

    assert not (tmp_path / "vqa").exists()


@pytest.fixture
def signed(release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store) -> Any:
    """A release qa 1 that is signed, and a function (name) that makes a public key of another or, "ours", its own."""
    ours = ec.generate_private_key(ec.SECP256R1())

    def public(name: str) -> Path:
        key = ours if name == "ours" else ec.generate_private_key(ec.SECP256R1())
        path = tmp_path / f"{name}.pub"
        pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        path.write_bytes(key.public_key().public_bytes(pem, form))
        return path

    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    text = ours.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", text)
    files = dict.fromkeys(("model.safetensors", "config.json"), tmp_path / "weights")
    add_signature(store, release(80.0, None), files, signer())
    return public


def test_a_signature_is_verified_before_the_directory_appears(signed: Any, invoke: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^the release is not what the owner of .*/theirs.pub signed: Key mismatch"):
        invoke(download, "qa", "--to", tmp_path / "qa", "--verify", signed("theirs"))
    assert not (tmp_path / "qa").exists()

    result = invoke(download, "qa", "--to", tmp_path / "qa", "--verify", signed("ours"))

    what = f"qa 1 was downloaded: 2 files, 30 bytes, all verified and signed by the owner of {tmp_path}/ours.pub"
    assert result.stderr.splitlines()[-1] == what
    assert (tmp_path / "qa/model.sig").is_file()


def test_what_is_there_already_is_verified_too(signed: Any, invoke: Any, tmp_path: Path) -> None:
    invoke(download, "qa", "--to", tmp_path / "qa")
    assert invoke(download, "qa", "--to", tmp_path / "qa", "--verify", signed("ours")).exit_code == 0

    with pytest.raises(BadInput, match="Key mismatch"):
        invoke(download, "qa", "--to", tmp_path / "qa", "--verify", signed("theirs"))
