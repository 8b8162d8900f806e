"""The extract_lxmert step without KFP: python -m podtune.steps.extract_lxmert."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.extract_lxmert.step import run


def main() -> None:
    """Read the arguments and run the step."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.extract_lxmert", description=run.__doc__)
    parser.add_argument("--raw-data", type=Path, required=True, help="questions and regions, as fetch_data left them")
    parser.add_argument("--base-model", type=Path, required=True, help="the model whose tokenizer is used")
    parser.add_argument("--features", type=Path, required=True, help="where regions and questions are written")
    parser.add_argument("--settings", type=Path, required=True, help="the recipe's features section, YAML or JSON")
    arguments = parser.parse_args()
    with ending_cleanly():
        run(arguments.raw_data, arguments.base_model, arguments.features, read_settings_file(arguments.settings))


if __name__ == "__main__":
    main()
