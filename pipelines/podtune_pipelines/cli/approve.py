"""`podtune approve`: a person makes a candidate live."""

import getpass
import sys
from typing import Annotated

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options

_LONGEST = 1000
"""Characters of a name or a reason."""


def approve(
    name: options.Release,
    version: Annotated[str, typer.Argument(help="The version that waits; see `podtune releases`.")],
    reason: Annotated[str, typer.Option(help="Why; a terminal asks for it.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves; default: this machine's login name.")] = "",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Make a version live that waits for approval.

    The gate judges it once more, against what is live now. Exit code 3 where it refuses, 75 where another version
    becomes live meanwhile: then nothing was changed. Who, when and why stay on record.
    """
    from podtune.stores.opening import open_store

    from podtune_pipelines import approving

    opened, who = open_store(options.store_of(store, home)), _text(by or _login_name(), "--by must say who approves")
    approver = approving.Approver(who, _text(reason or _asked_reason(), "--reason must say why"))
    approval = approving.approve(opened, name, version, approver)
    if approval is None:
        print(f"{name} {version} is live already")
        return
    for line in approval.verdict:
        print(line, file=sys.stderr)
    print(f"{name} {version} is live, approved by {who}; previously live: {approval.champion or 'none'}")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:  # as in a container whose user has no name
        raise BadInput("this machine does not say who is logged in; --by must name who approves") from error


def _asked_reason() -> str:
    return str(typer.prompt("reason")) if _is_terminal() else ""


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _text(given: str, wanted: str) -> str:
    """A name or a reason in one line, as it is kept."""
    from podtune.plain_text import one_line, without_credentials

    text = one_line(without_credentials(given))
    if not text or len(text) > _LONGEST:
        raise BadInput(f"{wanted} in at most {_LONGEST:,} characters; got {f'{len(text):,}' if text else 'nothing'}")
    return text
