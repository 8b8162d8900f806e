"""The recipes that come with podtune, as files."""

from importlib.resources import files
from pathlib import Path
from typing import List


def packaged_recipes() -> List[Path]:
    """The recipes that come with podtune, by name."""
    return sorted(Path(str(files("podtune_pipelines") / "recipes")).glob("*.yaml"))


def recipe_header(path: Path) -> str:
    """The comment a recipe starts with: what it reproduces, the command, what to expect."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines[: lines.index("")] if line.startswith("#")] if "" in lines else []
    return "\n".join(line.lstrip("# ") for line in header)
