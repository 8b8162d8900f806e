"""Write a model card without KFP: python -m podtune.steps.write_card --help."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file

INPUTS = ("raw-data", "base-model", "features", "checkpoint", "evaluation", "verdict")
OUTPUTS = ("model-card", "readme", "report")


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.write_card", description="Write a model card.")
    for name in INPUTS + OUTPUTS:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True, help="YAML or JSON with the sections card and release")
    parser.add_argument("--command", required=True, help="the command that reproduces the run")
    arguments = vars(parser.parse_args())
    with ending_cleanly():
        from podtune.steps.write_card.step import run

        settings = read_settings_file(arguments.pop("settings"))
        run(card=settings.get("card", {}), release=settings.get("release", {}), **arguments)


if __name__ == "__main__":
    main()
