"""`podtune predict`: try a released model."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune.tasks.predicting import PredictionRequest, ReleasedModel


def predict(
    directory: Annotated[Path, typer.Argument(help="A downloaded release, or a checkpoint's model folder.")],
    question: Annotated[Optional[str], typer.Option(help="What to ask.")] = None,
    context: Annotated[Optional[str], typer.Option(help="The text that holds the answer.")] = None,
    context_file: Annotated[Optional[Path], typer.Option(help="A UTF-8 file with that text.")] = None,
    allow_no_answer: Annotated[
        bool, typer.Option(help="Let a model trained on SQuAD 2.0 reply that there is no answer.")
    ] = False,
    image: Annotated[Optional[Path], typer.Option(help="A picture to ask about, or to describe.")] = None,
    detector: Annotated[
        Optional[Path],
        typer.Option(help="Directory with the weights of the detector that finds the picture's regions."),
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
    as_json: options.Json = False,
) -> None:
    """Try a released model on a text or a picture.

    It answers a question, with the answer's probability, or captions the picture.
    """
    from podtune.tasks.predicting import PredictionRequest, open_released

    request = PredictionRequest(
        question, context, context_file, allow_no_answer, image, detector, draw, regions, image_id, top
    )
    model = open_released(directory)
    _require_only(model, request)
    reply = model.task.predict(model, request)
    if as_json:
        options.print_json(reply.values, only_ascii=False)
    else:
        print("\n".join(reply.lines))


def _require_only(model: "ReleasedModel", request: "PredictionRequest") -> None:
    """BadInput for an option that is not for a model of this task."""
    prediction = model.task.prediction
    for field in fields(request):
        if getattr(request, field.name) not in (None, False) and field.name not in prediction.options:
            fit = f"which {prediction.does}: {', '.join(map(_option, prediction.options))}"
            raise BadInput(f"{_option(field.name)} is not for the model in {model.directory}, {fit}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
