"""The evaluate step without KFP: python -m podtune.steps.evaluate."""

import argparse
import json
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.evaluate.step import run


def main() -> None:
    """Read the arguments, run the step, and print the metrics."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.evaluate", description=run.__doc__)
    parser.add_argument("--features", type=Path, required=True, help="examples made by a preparation step")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the fine-tuned model")
    parser.add_argument("--evaluation", type=Path, required=True, help="where the scores are written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's evaluation section, YAML or JSON")
    parser.add_argument("--device", default="cpu", help="cpu, gpu or ipu")
    given = parser.parse_args()
    with ending_cleanly():
        section = read_settings_file(given.settings)
        scores = run(given.features, given.checkpoint, given.evaluation, evaluation=section, device=given.device)
        print(json.dumps(scores))


if __name__ == "__main__":
    main()
