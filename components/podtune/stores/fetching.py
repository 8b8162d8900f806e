"""A release's files on this machine: fetched and verified, all of them or none."""

import contextlib
import tempfile
from pathlib import Path
from typing import Callable, Iterator, Mapping, NoReturn, Optional, Set

from podtune.errors import BadInput, LostRace, TryAgainLater
from podtune.formats.artifact import Facts, Format
from podtune.formats.release import RECORD, SIGNATURE, ReleaseManifest, parse_release
from podtune.formats.sealed import MANIFEST, FileEntry, sync_tree, verify_file
from podtune.formats.sums import sha256_of
from podtune.progress import progress_bar
from podtune.stores.partial_file import locked, partials_of, require_space
from podtune.stores.releases import blob_key, signature_key
from podtune.stores.store import Advance, Store

_REPAIR = "run its recipe once more, which uploads it again, or choose another version"

Check = Callable[[Path], None]
"""Raises where a directory should not be used."""


KeyOf = Callable[[str, FileEntry], str]
"""A file's name and entry to its key in the store."""


def fetch_files(
    store: Store, manifest: ReleaseManifest, to: Path, prefix: str = "", check: Optional[Check] = None
) -> None:
    """Fetch the files whose names start with `prefix` into the new directory `to`, under their whole names.

    `to` appears complete, verified and checked, with the manifest as release.json and the signature, if there is one,
    as model.sig; until then everything is collected in `.<name>.partial` beside it, where the next call continues.
    """
    wanted = {name: entry for name, entry in manifest.files.items() if name.startswith(prefix)}
    if not wanted:
        raise BadInput(f"{manifest.name} {manifest.version} in {store.uri} has no files below {prefix}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadInput(f"{to} is there already and is not empty; choose a new directory")
    collected = to.with_name(f".{to.name}.partial")
    collected.mkdir(parents=True, exist_ok=True)

    def busy() -> NoReturn:
        raise LostRace(f"another process is fetching to {to}; wait for it or choose another directory")

    with locked(collected, busy):
        label = f"{manifest.name} {manifest.version}"
        fetch_all(store, label, wanted, collected, lambda _, entry: blob_key(entry), cure=_REPAIR)
        (collected / RECORD).write_bytes(manifest.to_bytes())
        remove_others(collected, {RECORD, *wanted})
        if not prefix:
            fetch_signature(store, manifest, collected)
        if check is not None:
            check(collected)
        sync_tree(collected)
        Path(str(collected)).replace(str(to))


@contextlib.contextmanager
def fetched(store: Store, manifest: ReleaseManifest, prefix: str) -> Iterator[Path]:
    """Fetch the files whose names start with `prefix` for as long as the block lasts.

    BadInput, also the block's own, names files as the release does, not where they are for a moment.
    """
    with tempfile.TemporaryDirectory() as folder:
        release = Path(folder, "release")
        try:
            fetch_files(store, manifest, release, prefix)
            yield release
        except BadInput as error:
            raise BadInput(str(error).replace(f"{release}/", "")) from error


def fetch_facts(store: Store, manifest: ReleaseManifest, folder: str, form: Format[Facts]) -> Facts:
    """Read the facts of the artifact in a folder of a release, of which only the manifest is fetched."""
    with fetched(store, manifest, f"{folder}/{MANIFEST}") as release:
        return form.read(release / folder).facts


def fetch_signature(store: Store, manifest: ReleaseManifest, directory: Path) -> None:
    """Fetch a version's signature as it is in the store by now; there need not be one."""
    signature = store.read(signature_key(manifest))
    if signature is not None:
        (directory / SIGNATURE).write_bytes(signature)


def read_fetched(directory: Path) -> ReleaseManifest:
    """The manifest of the release that was fetched into `directory`; BadInput where none was."""
    try:
        return parse_release((directory / RECORD).read_bytes(), str(directory / RECORD))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"{directory} holds no release: it has no {RECORD}; choose another directory") from error


def verify_fetched(directory: Path, manifest: ReleaseManifest) -> None:
    """Verify that `directory` holds exactly this release; BadInput names the first difference."""
    for name, entry in manifest.files.items():
        verify_file(directory / name, entry)
    strangers = _files_below(directory) - {RECORD, SIGNATURE, *manifest.files}
    if strangers:
        raise BadInput(f"{directory / min(strangers)} is not part of {manifest.name} {manifest.version}; move it away")


def fetch_all(
    store: Store, label: str, wanted: Mapping[str, FileEntry], collected: Path, key_of: KeyOf, *, cure: str
) -> None:
    """Fetch files into a directory, verified, those that an earlier call left off where it did; nothing else stays.

    `cure` is what to do about a file that is damaged in the store.
    """
    partials = {path.relative_to(collected).as_posix() for name in wanted for path in partials_of(collected / name)}
    remove_others(collected, partials.union(wanted))
    have = sum(path.stat().st_size for path in collected.rglob("*") if path.is_file())
    require_space(collected / MANIFEST, sum(entry.size for entry in wanted.values()) - have)
    with progress_bar(sum(entry.size for entry in wanted.values()), "B", label) as bar:
        for name, entry in sorted(wanted.items()):
            _fetch_file(store, key_of(name, entry), entry, collected / name, bar.update, cure=cure)


def _fetch_file(store: Store, key: str, entry: FileEntry, target: Path, advance: Advance, *, cure: str) -> None:
    """Fetch one file, verified, unless an earlier call did."""
    if target.exists():
        with contextlib.suppress(BadInput):
            verify_file(target, entry)
            advance(entry.size)
            return
    sums = []
    for attempt in range(2):  # what arrives damaged may be whole in the store
        store.download(key, target, advance)
        try:
            verify_file(target, entry)
            return
        except BadInput:
            sums.append(sha256_of(target))
            target.unlink()
            advance(-entry.size if attempt == 0 else 0)
    if sums[0] == sums[1]:
        raise BadInput(f"{key} in {store.uri} is corrupted; {cure}")
    raise TryAgainLater(f"{key} in {store.uri} arrives damaged, each time in another way; try again later")


def remove_others(directory: Path, names: Set[str]) -> None:
    """Remove every file that is not named, and directories that are empty then."""
    for name in _files_below(directory) - names:
        (directory / name).unlink()
    for path in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()


def _files_below(directory: Path) -> Set[str]:
    paths = (path for path in directory.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(directory).as_posix() for path in paths}
