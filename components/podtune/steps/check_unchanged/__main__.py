"""The check_unchanged step without KFP: python -m podtune.steps.check_unchanged."""

import argparse
from pathlib import Path

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.check_unchanged.step import run


def main() -> None:
    """Read the arguments, run the step, and print train or stop."""
    parser = argparse.ArgumentParser(prog="python -m podtune.steps.check_unchanged", description=run.__doc__)
    parser.add_argument("--features", type=Path, required=True, help="what the model would be trained on")
    parser.add_argument("--base-model", type=Path, required=True, help="what training would start from")
    parser.add_argument("--explanation", type=Path, required=True, help="where the reason is written")
    parser.add_argument(
        "--settings", type=Path, required=True, help="YAML or JSON: training, evaluation, card, release"
    )
    parser.add_argument("--store", required=True, help="directory or s3:// URI where releases live")
    parser.add_argument("--device", required=True, help="cpu, gpu or ipu")
    given = parser.parse_args()
    with ending_cleanly():
        settings = read_settings_file(given.settings)
        sections = {name: settings.get(name, {}) for name in ("training", "evaluation", "card")}
        places = {"release": settings.get("release", {}), "store": given.store, "device": given.device}
        print(run(given.features, given.base_model, given.explanation, sections=sections, **places))


if __name__ == "__main__":
    main()
