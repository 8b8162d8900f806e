"""The fetch_data step without KFP: python -m podtune.steps.fetch_data."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.fetch_data.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.fetch_data", description=run.__doc__)
    parser.add_argument("--raw-data", type=Path, required=True, help="where the files are written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's source section, YAML or JSON")
    arguments = parser.parse_args()
    with ending_cleanly():
        run(arguments.raw_data, read_settings_file(arguments.settings))


if __name__ == "__main__":
    main()
