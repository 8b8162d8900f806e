"""The live release that a new model has to stand up to."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

from podtune.errors import BadInput
from podtune.formats.release import EVALUATION_FOLDER
from podtune.steps.compare.evaluated import Evaluated, open_evaluated
from podtune.stores.fetching import fetch_files
from podtune.stores.live import live_version
from podtune.stores.releases import read_release
from podtune.stores.store import Store


@dataclass(frozen=True)
class Champion:
    """The live release and what it scored."""

    version: str
    evaluated: Evaluated


@dataclass(frozen=True)
class Unreadable:
    """A live release of which nobody can say what it scored."""

    version: str
    why: str


def find_champion(store: Store, name: str, metric: str) -> Optional[Union[Champion, Unreadable]]:
    """Fetch and verify the live release's Evaluation; None where nothing is live under this name.

    TryAgainLater where the store cannot answer: that is no property of the champion.
    """
    live = live_version(store, name)
    if live is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(folder, "release")
        try:
            fetch_files(store, read_release(store, name, live.version), fetched, f"{EVALUATION_FOLDER}/")
            return Champion(live.version, open_evaluated(fetched / EVALUATION_FOLDER, metric))
        except BadInput as error:
            why = str(error).replace(f"{fetched}/", "")
            return Unreadable(live.version, " ".join(why.split()))
