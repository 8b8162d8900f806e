"""Telling how a run on this machine ended, as a cluster's last step does of its runs."""

import contextlib
import os
import secrets
from datetime import datetime, timezone
from typing import Iterator, Optional

from podtune.environment import RUN
from podtune.sections import to_mapping
from podtune.steps.notify.step import tell

from podtune_pipelines.recipe import Recipe


@contextlib.contextmanager
def telling(recipe: Recipe, store: str) -> Iterator[None]:
    """Name the run that goes on inside, and tell how it ended, if the recipe says so."""
    if not recipe.release.notify:
        yield
        return
    release, before = to_mapping(recipe)["release"], dict(os.environ)
    failure: Optional[BaseException] = None
    os.environ[RUN.name] = f"{recipe.name}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    try:
        yield
    except Exception as error:
        failure = error
        raise
    finally:
        tell(release, store, failure)
        os.environ.clear()
        os.environ.update(before)
