"""ModelCard on disk: README.md as the Hub shows it, its pictures, and an HTML report that needs nothing else.

`README.md` refers to pictures by relative path under `figures/`; `report.html` carries them inside.
"""

from pathlib import Path

from podtune.formats.sealed import Manifest, open_sealed

KIND = "model-card"
VERSION = 1
README = "README.md"
REPORT = "report.html"
FIGURES = "figures"


def open_model_card(path: Path) -> Manifest:
    """Verify every file of a ModelCard directory."""
    return open_sealed(path, KIND, VERSION)
