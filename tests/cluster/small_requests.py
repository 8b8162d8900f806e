"""podtune's command line with the pods' requests cut down, so that a cluster of two cores holds several runs.

python small_requests.py submit bert-tiny-squad …
"""

import dataclasses

from podtune.steps import table
from podtune_pipelines.cli.main import main

SMALL = ("200m", "1G")
"""Cores and memory; the tiny recipes need no more."""

if __name__ == "__main__":
    table.STEPS.update({name: dataclasses.replace(needs, requests=SMALL) for name, needs in table.STEPS.items()})
    main()
