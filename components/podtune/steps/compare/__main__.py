"""The compare step without KFP: python -m podtune.steps.compare."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.compare.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.compare", description=run.__doc__)
    parser.add_argument("--evaluation", type=Path, required=True, help="what the new model scored")
    parser.add_argument("--verdict", type=Path, required=True, help="where the decision is written")
    parser.add_argument("--settings", type=Path, required=True, help="YAML or JSON with the sections gate and release")
    parser.add_argument("--store", required=True, help="directory or s3:// URI where releases live")
    given = parser.parse_args()
    with ending_cleanly():
        settings = read_settings_file(given.settings)
        sections = {name: settings.get(name, {}) for name in ("gate", "release")}
        run(given.evaluation, given.verdict, **sections, store=given.store)


if __name__ == "__main__":
    main()
