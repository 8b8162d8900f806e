"""The finetune step without KFP: python -m podtune.steps.finetune, also under torchrun."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.finetune.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.finetune", description=run.__doc__)
    parser.add_argument("--features", type=Path, required=True, help="examples made by a preparation step")
    parser.add_argument("--base-model", type=Path, required=True, help="the pretrained model, with its tokenizer")
    parser.add_argument("--checkpoint", type=Path, required=True, help="where the fine-tuned model is written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's training section, YAML or JSON")
    parser.add_argument("--device", default="cpu", help="cpu, gpu or ipu")
    parser.add_argument("--workspace", required=True, help="directory or s3:// URI for the checkpoints on the way")
    given = parser.parse_args()
    with ending_cleanly():
        training = read_settings_file(given.settings)
        places = {"training": training, "device": given.device, "workspace": given.workspace}
        run(given.features, given.base_model, given.checkpoint, **places)


if __name__ == "__main__":
    main()
