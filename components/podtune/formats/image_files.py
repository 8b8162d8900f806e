"""The image files of a split, in a folder, a zip or a tar, or in a folder of those."""

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Callable, Dict, Iterable, Iterator, List

from podtune.errors import BadInput
from podtune.formats.archives import ENDINGS, composed, open_archive
from podtune.formats.raw_data import DataFile, is_left_by_systems

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".heic")
"""What the name of a picture's file ends with, in lower case."""

LARGEST_FILE = 64 << 20
"""Bytes of an image file; a larger member is taken for an attack."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files by name."""

    root: DataFile
    """The folder or archive."""

    paths: Dict[str, List[str]]
    """File name to the paths, relative to the root, that end with it."""

    read: Callable[[str], bytes]
    """One file's content by its path; several threads may call it."""

    def find(self, name: str) -> str:
        """Return the path of a named file; BadInput unless there is exactly one.

        A name is the same whether its accents are letters of their own or not, which macOS and others do differently.
        """
        asked, name = name, composed(name)
        wanted = PurePosixPath(name)
        found = self.paths.get(wanted.name, [])
        exact = [path for path in found if path == name]
        matching = exact or [path for path in found if PurePosixPath(path).parts[-len(wanted.parts) :] == wanted.parts]
        if not matching:
            raise BadInput(f"{self.root} has no file {asked!r}, which the caption file names")
        if len(matching) > 1:
            raise BadInput(f"{self.root} has {len(matching)} files {name!r}: {', '.join(matching[:3])}; keep one")
        return matching[0]


@contextlib.contextmanager
def open_image_files(root: DataFile) -> Iterator[ImageFiles]:
    """List the files of a folder or an archive; BadInput for what is neither, and for an archive that is not safe."""
    if not root.path.exists():
        raise BadInput(f"{root} does not exist; it should be a folder, a zip or a tar of images")
    with contextlib.ExitStack() as stack:
        readers: Dict[str, Callable[[], bytes]] = {}
        for part in root.parts() if root.path.is_dir() else [root]:
            name = root.part_name(part)
            if part is root or name.lower().endswith(ENDINGS):
                archive = stack.enter_context(open_archive(part, LARGEST_FILE))
                within = f"{name}/" if name else ""
                readers.update({f"{within}{path}": partial(archive.read, path) for path in archive.members})
            else:
                readers[composed(name)] = partial(_read_file, part)
        yield ImageFiles(root, _by_name(readers), lambda path: readers[path]())


def _by_name(paths: Iterable[str]) -> Dict[str, List[str]]:
    """File name to paths; what systems leave beside pictures is no file of anybody's."""
    names: Dict[str, List[str]] = {}
    for path in paths:
        if not is_left_by_systems(PurePosixPath(path)):
            names.setdefault(PurePosixPath(path).name, []).append(path)
    return names


def _read_file(file: DataFile) -> bytes:
    size = file.path.stat().st_size
    if size > LARGEST_FILE:
        raise BadInput(f"{file} has {size:,} bytes; an image has at most {LARGEST_FILE:,}")
    return file.path.read_bytes()
