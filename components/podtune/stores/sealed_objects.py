"""A sealed directory in a store: its files as objects below one prefix, there once its manifest is.

A prefix is empty or ends with a slash.
"""

from pathlib import Path

from podtune.errors import BadInput
from podtune.formats.release import is_safe
from podtune.formats.sealed import MANIFEST, Manifest, parse_manifest, sync_tree
from podtune.stores.fetching import fetch_all, remove_others
from podtune.stores.store import Store


def read_sealed(store: Store, prefix: str) -> Manifest:
    """Read the manifest at a prefix; BadInput where it is missing or names unsafe paths."""
    uri = f"{store.uri}/{prefix}".rstrip("/")
    found = store.read(prefix + MANIFEST)
    if found is None:
        raise BadInput(f"{uri} holds no artifact: it has no {MANIFEST}")
    manifest = parse_manifest(found, f"{uri}/{MANIFEST}", "artifact")
    for name in manifest.files:
        if not is_safe(name):
            raise BadInput(f"{uri}/{name} is not the name of an artifact's file; make the artifact again")
    return manifest


def is_sealed(store: Store, prefix: str) -> bool:
    """Whether a sealed directory is there, complete."""
    return store.size(prefix + MANIFEST) is not None


def bring(store: Store, prefix: str, directory: Path) -> None:
    """Fetch a sealed directory, which appears complete and verified; an interrupted call is continued by the next."""
    manifest = read_sealed(store, prefix)
    draft = directory.with_name(f".{directory.name}.download")
    draft.mkdir(parents=True, exist_ok=True)
    fetch_all(
        store, directory.name, manifest.files, draft, lambda name, _: prefix + name, cure="delete it, and make it again"
    )
    store.download(prefix + MANIFEST, draft / MANIFEST)
    remove_others(draft, {MANIFEST, *manifest.files})
    sync_tree(draft)
    draft.rename(directory)


def send(store: Store, prefix: str, directory: Path) -> None:
    """Upload a sealed directory over what is there, its manifest last."""
    remove(store, prefix)
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path != directory / MANIFEST]
    for path in [*files, directory / MANIFEST]:
        store.upload(path, prefix + path.relative_to(directory).as_posix())


def remove(store: Store, prefix: str) -> None:
    """Delete all below a prefix, the manifest first, so that no reader takes the rest for an artifact."""
    store.delete(prefix + MANIFEST)
    for key in store.keys(prefix):
        store.delete(key)
