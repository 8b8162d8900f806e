"""Signatures of releases as OpenSSF Model Signing 1.0 has them, so that `model_signing verify key` checks them too.

A signature is a Sigstore bundle over the SHA-256 of each file of a downloaded release, release.json among them.
"""

import contextlib
import re
import tempfile
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional

from podtune.environment import SIGNING_KEY
from podtune.errors import BadInput, bad_input
from podtune.formats.release import RECORD, SIGNATURE, ReleaseManifest
from podtune.formats.sealed import verify_file
from podtune.stores.releases import Sign, blob_key
from podtune.stores.store import Store

_PEM = "-----BEGIN "
_ERRORS = (ValueError, TypeError, AttributeError)
"""What model-signing raises for a key that is none, or of another kind."""

_DIFFERENCE = re.compile(r"Hash mismatch for [^:]*|(Extra|Missing) files[^\]]*(?=[\"']\])")
"""What matters in a message that quotes each hash's bytes."""


def require_signer() -> None:
    """Raise BadInput where releases are to be signed and SIGNING_KEY cannot do it."""
    if SIGNING_KEY.value():
        with _private_key() as path:
            _signing_with(path)


def signer() -> Optional[Sign]:
    """What signs releases; None where they are not to be signed."""
    return _sign if SIGNING_KEY.value() else None


def _sign(store: Store, manifest: ReleaseManifest, sources: Mapping[str, Path]) -> bytes:
    """Sign a version with SIGNING_KEY; of its files those at hand, by SHA-256, are not fetched."""
    with _private_key() as key, tempfile.TemporaryDirectory(prefix="podtune-signing-") as temporary:
        release, signature = Path(temporary, "release"), Path(temporary, SIGNATURE)
        for name, entry in manifest.files.items():
            (release / name).parent.mkdir(parents=True, exist_ok=True)
            if entry.sha256 in sources:
                (release / name).symlink_to(sources[entry.sha256].resolve())
            else:  # such as a card that another run of the same work wrote
                store.download(blob_key(entry), release / name)
            verify_file(release / name, entry)
        (release / RECORD).write_bytes(manifest.to_bytes())
        _signing_with(key).sign(release, signature)
        return signature.read_bytes()


def verify_signature(directory: Path, public_key: Path) -> None:
    """Verify that a downloaded release is what the owner of a public key (a PEM file) signed; BadInput if it is not."""
    hashing, _, verifying = _model_signing()
    with bad_input(f"{public_key} is not a public key on an elliptic curve (PEM)", *_ERRORS):
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    if not (directory / SIGNATURE).exists():
        raise BadInput(f"the release is not signed; publish it with {SIGNING_KEY.name} set, or leave --verify out")
    verifier.set_hashing_config(hashing.Config().set_ignored_paths(paths=[SIGNATURE]))
    try:
        verifier.verify(directory, directory / SIGNATURE)
    except OSError:
        raise
    except Exception as error:  # nothing narrower covers what a damaged signature makes the library raise
        raise BadInput(f"the release is not what the owner of {public_key} signed: {_reason(error)}") from error


@contextlib.contextmanager
def _private_key() -> Iterator[Path]:
    """The file of the private key, which SIGNING_KEY names or holds."""
    given = SIGNING_KEY.value()
    if not given.startswith(_PEM):
        yield Path(given)
        return
    with tempfile.NamedTemporaryFile("w", prefix="podtune-key-") as file:  # nobody else can read it
        file.write(given)
        file.flush()
        yield Path(file.name)


def _signing_with(private_key: Path) -> Any:
    hashing, signing, _ = _model_signing()
    try:
        signer = signing.Config().use_elliptic_key_signer(private_key=private_key)
    except (OSError, *_ERRORS) as error:  # the message may quote the key
        wanted = "a private key on the curve P-256, P-384 or P-521 without a password (PEM), or the path of its file"
        raise BadInput(f"{SIGNING_KEY.name} must be {wanted}") from error
    return signer.set_hashing_config(hashing.Config().set_allow_symlinks(True))


def _model_signing() -> Any:
    """The library's parts for hashing, signing and verifying."""
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        raise BadInput("signatures need model-signing; pip install 'podtune[signing]'") from error
    return hashing, signing, verifying


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).partition(" [type=")[0]  # pydantic goes on for pages
    difference = _DIFFERENCE.search(text)
    return difference[0].replace("\\", "") if difference else text or "its signature is another"
