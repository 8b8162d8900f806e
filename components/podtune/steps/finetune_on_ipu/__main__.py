"""The finetune_on_ipu step without KFP: python -m podtune.steps.finetune_on_ipu."""

import argparse
from pathlib import Path

from podtune import image_names
from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.finetune_on_ipu.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.finetune_on_ipu", description=run.__doc__)
    parser.add_argument("--features", required=True, help="s3:// URI of examples made by a preparation step")
    parser.add_argument("--base-model", required=True, help="s3:// URI of the pretrained model, with its tokenizer")
    parser.add_argument("--checkpoint", type=Path, required=True, help="where the fine-tuned model is written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's training section, YAML or JSON")
    parser.add_argument("--workspace", required=True, help="s3:// URI for the checkpoints on the way and the result")
    parser.add_argument("--image", default=image_names.IPU, help="the image of the job's worker")
    given = parser.parse_args()
    with ending_cleanly():
        training = read_settings_file(given.settings)
        places = {"training": training, "workspace": given.workspace, "image": given.image}
        run(given.features, given.base_model, given.checkpoint, **places)


if __name__ == "__main__":
    main()
