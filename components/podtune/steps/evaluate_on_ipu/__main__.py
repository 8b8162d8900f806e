"""The evaluate_on_ipu step without KFP: python -m podtune.steps.evaluate_on_ipu."""

import argparse
import json
from pathlib import Path

from podtune import image_names
from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.evaluate_on_ipu.step import run


def main() -> None:
    """Read the arguments, run the step, and print the metrics."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.evaluate_on_ipu", description=run.__doc__)
    parser.add_argument("--features", required=True, help="s3:// URI of examples made by a preparation step")
    parser.add_argument("--checkpoint", required=True, help="s3:// URI of the fine-tuned model")
    parser.add_argument("--evaluation", type=Path, required=True, help="where the scores are written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's evaluation section, YAML or JSON")
    parser.add_argument("--workspace", required=True, help="s3:// URI for the result on its way")
    parser.add_argument("--image", default=image_names.IPU, help="the image of the job's worker")
    given = parser.parse_args()
    with ending_cleanly():
        section = read_settings_file(given.settings)
        places = {"evaluation": section, "workspace": given.workspace, "image": given.image}
        print(json.dumps(run(given.features, given.checkpoint, given.evaluation, **places)))


if __name__ == "__main__":
    main()
