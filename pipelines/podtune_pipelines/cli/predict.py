"""`podtune predict`: try a released model."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional

import typer
from podtune.errors import BadInput
from podtune.plain_text import visible

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune.tasks.predicting import PredictionRequest, ReleasedModel


def predict(
    model: Annotated[
        str, typer.Argument(help="A released model's name, a downloaded release, or a checkpoint's model folder.")
    ],
    question: Annotated[Optional[str], typer.Option(help="What to ask.")] = None,
    context: Annotated[
        Optional[str], typer.Option(help="The text that holds the answer; - reads it from stdin.")
    ] = None,
    context_file: Annotated[Optional[Path], typer.Option(help="A UTF-8 file with that text; - for stdin.")] = None,
    allow_no_answer: Annotated[
        bool, typer.Option(help="Let a model trained on SQuAD 2.0 reply that there is no answer.")
    ] = False,
    image: Annotated[Optional[Path], typer.Option(help="A picture to ask about, or to describe.")] = None,
    detector: Annotated[
        Optional[Path],
        typer.Option(help="Directory that `podtune convert-detector` wrote, to find the picture's regions."),
    ] = None,
    draw: Annotated[
        Optional[Path], typer.Option(help="Write the picture with its regions drawn on it to this file.")
    ] = None,
    regions: Annotated[
        Optional[Path], typer.Option(help="Region file in LXMERT's format, in place of --image and --detector.")
    ] = None,
    image_id: Annotated[Optional[str], typer.Option(help="The picture's ID in the region file.")] = None,
    top: Annotated[
        Optional[int], typer.Option(min=1, help="Number of answers to print, best first; default: 1.")
    ] = None,
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Try a released model on a text or a picture.

    It answers a question, with the answer's probability, or captions the picture. Of a name the live release is
    downloaded into the home once.
    """
    from podtune.tasks.predicting import PredictionRequest, open_released

    if "-" in (context, str(context_file)):
        context, context_file = _from_stdin(), None
    request = PredictionRequest(
        question, context, context_file, allow_no_answer, image, detector, draw, regions, image_id, top
    )
    released = open_released(_directory_of(model, options.store_of(store, home), home))
    _require_only(released, request)
    reply = released.task.predict(released, request)
    if as_json:
        options.print_json(reply.values, only_ascii=False)
    else:
        print("\n".join(map(visible, reply.lines)))


def _directory_of(model: str, store: str, home: Path) -> Path:
    """A directory as it is; for a name that of its live release, verified, which is downloaded where it is missing."""
    from podtune.formats.release import NAME
    from podtune.stores.live import live_version
    from podtune.stores.opening import open_store
    from podtune.stores.releases import names, read_release

    from podtune_pipelines.home import Home
    from podtune_pipelines.released import download_release

    if Path(model).exists() or not NAME.fullmatch(model):
        return Path(model)
    opened = open_store(store)
    live = live_version(opened, model)
    if live is None:
        raise BadInput(f"{model} is no directory, and {store} has no live model of that name; {_held(names(opened))}")
    directory = Home(home).models.resolve() / f"{model}-{live.version}"
    download_release(opened, read_release(opened, model, live.version), directory)
    return directory


def _held(names: List[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it is empty"


def _from_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the text on stdin is not UTF-8: byte {error.start} cannot be read") from error


def _require_only(model: "ReleasedModel", request: "PredictionRequest") -> None:
    """BadInput for an option that is not for a model of this task."""
    prediction = model.task.prediction
    for field in fields(request):
        if getattr(request, field.name) not in (None, False) and field.name not in prediction.options:
            fit = f"which {prediction.does}: {', '.join(map(_option, prediction.options))}"
            raise BadInput(f"{_option(field.name)} is not for the model in {model.directory}, {fit}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
