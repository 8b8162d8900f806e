"""The publish step without KFP: python -m podtune.steps.publish."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.publish.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.publish", description=run.__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="the model")
    parser.add_argument("--evaluation", type=Path, required=True, help="what it scores")
    parser.add_argument("--verdict", type=Path, required=True, help="the gate's decision")
    parser.add_argument("--model-card", type=Path, required=True, help="the card and its pictures")
    parser.add_argument("--published", type=Path, required=True, help="where to write where the release lies")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's release section, YAML or JSON")
    parser.add_argument("--store", required=True, help="directory or s3://bucket/prefix where releases live")
    given = vars(parser.parse_args())
    with ending_cleanly():
        run(release=read_settings_file(given.pop("settings")), **given)


if __name__ == "__main__":
    main()
