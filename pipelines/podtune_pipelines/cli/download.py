"""`podtune download`: a released model on this machine."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from podtune.errors import BadInput
from podtune.formats.release import ReleaseManifest
from podtune.stores.fetching import fetch_files, read_fetched, verify_fetched
from podtune.stores.opening import open_store
from podtune.stores.releases import read_live, read_release

from podtune_pipelines.cli.options import DEFAULT_STORE, JsonOption, ReleaseArgument, StoreOption


def download(
    name: ReleaseArgument,
    to: Annotated[Path, typer.Option(help="A new directory for the model.")],
    version: Annotated[str, typer.Option(help="Which version; the live one if left out.")] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fetch a released model and verify every file; a second call continues, or verifies what is there."""
    opened = open_store(store)
    manifest = read_release(opened, name, version) if version else read_live(opened, name)
    directory = to.resolve()
    there = is_downloaded(directory, manifest)
    if not there:
        fetch_files(opened, manifest, directory)
    _tell(manifest, directory, fetched=not there, as_json=as_json)


def is_downloaded(directory: Path, manifest: ReleaseManifest) -> bool:
    """Whether a directory holds exactly this release; BadInput where it holds anything else."""
    if directory == Path.cwd():
        raise BadInput(f"{directory} is the working directory; choose a new one")
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return False
    held = read_fetched(directory)
    if held != manifest:
        wanted = f"{manifest.name} {manifest.version}"
        raise BadInput(f"{directory} holds {held.name} {held.version}; choose another directory for {wanted}")
    try:
        verify_fetched(directory, manifest)
    except BadInput as error:
        raise BadInput(f"{error}; remove {directory} to download it again") from error
    return True


def _tell(manifest: ReleaseManifest, directory: Path, *, fetched: bool, as_json: bool) -> None:
    size = sum(entry.size for entry in manifest.files.values())
    if as_json:
        found = {"name": manifest.name, "version": manifest.version, "directory": str(directory)}
        print(json.dumps({**found, "files": len(manifest.files), "bytes": size, "fetched": fetched}, indent=1))
        return
    what = f"{manifest.name} {manifest.version} {'was fetched' if fetched else 'is there already'}"
    print(f"{what}: {len(manifest.files)} files, {size:,} bytes, all verified", file=sys.stderr)
    print(directory)
