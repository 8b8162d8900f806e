"""`podtune predict`: try a released model."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Dict, List, Optional

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli.options import JsonOption
from podtune_pipelines.predicting.released_model import (
    CAPTIONS,
    PICTURE_ANSWERS,
    TEXT_ANSWERS,
    ReleasedModel,
    open_released,
)

if TYPE_CHECKING:
    from podtune_pipelines.predicting.picture_answers import SeenPicture


@dataclass(frozen=True)
class Asked:
    """The options of the command; None or False where one is not given."""

    question: Optional[str]
    context: Optional[str]
    context_file: Optional[Path]
    allow_no_answer: bool
    image: Optional[Path]
    detector: Optional[Path]
    draw: Optional[Path]
    regions: Optional[Path]
    image_id: Optional[str]
    top: Optional[int]


@dataclass(frozen=True)
class Told:
    """What the model says."""

    values: Any
    """As JSON."""

    lines: List[str]
    """For people."""


def predict(
    directory: Annotated[Path, typer.Argument(help="A downloaded release, or a checkpoint's model folder.")],
    question: Annotated[Optional[str], typer.Option(help="What to ask.")] = None,
    context: Annotated[Optional[str], typer.Option(help="The text that holds the answer.")] = None,
    context_file: Annotated[Optional[Path], typer.Option(help="A UTF-8 file with that text.")] = None,
    allow_no_answer: Annotated[
        bool, typer.Option(help="Let a model that was trained on SQuAD 2.0 say that there is no answer.")
    ] = False,
    image: Annotated[Optional[Path], typer.Option(help="A picture to ask about, or to describe.")] = None,
    detector: Annotated[
        Optional[Path], typer.Option(help="The detector that finds the picture's regions: a directory of weights.")
    ] = None,
    draw: Annotated[Optional[Path], typer.Option(help="A file for the picture with its regions drawn on it.")] = None,
    regions: Annotated[
        Optional[Path], typer.Option(help="A file of regions in LXMERT's format, instead of picture and detector.")
    ] = None,
    image_id: Annotated[Optional[str], typer.Option(help="The picture's name in that file.")] = None,
    top: Annotated[
        Optional[int], typer.Option(min=1, help="How many of the best answers to print; 1 if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from a text or about a picture, and say how probable the answer is; or describe a picture."""
    asked = Asked(question, context, context_file, allow_no_answer, image, detector, draw, regions, image_id, top)
    model = open_released(directory)
    _require_only(model, asked)
    told = _ASK[model.kind](model, asked)
    if as_json:
        print(json.dumps(told.values, indent=1, ensure_ascii=False))
    else:
        print("\n".join(told.lines))


def _require_only(model: ReleasedModel, asked: Asked) -> None:
    """BadInput for an option that is not for a model of this kind."""
    does, takes = _KINDS[model.kind]
    for field in fields(asked):
        if getattr(asked, field.name) not in (None, False) and field.name not in takes:
            listed = ", ".join(map(_option, takes))
            raise BadInput(f"{_option(field.name)} is not for the model in {model.directory}, which {does}: {listed}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _answer_from_text(model: ReleasedModel, asked: Asked) -> Told:
    from podtune_pipelines.predicting.text_answers import find_answers

    question, text = _question(model, asked), _context(asked.context, asked.context_file)
    answers = find_answers(model, question, text, top=asked.top or 1, may_abstain=asked.allow_no_answer)
    lines = [f"{found.probability:.4f}  {' '.join(found.answer.split()) or '(no answer)'}" for found in answers]
    return Told([asdict(found) for found in answers], lines)


def _answer_about_picture(model: ReleasedModel, asked: Asked) -> Told:
    from podtune_pipelines.predicting.picture_answers import choose_answers

    question = _question(model, asked)
    answers = choose_answers(model, question, _see(model, asked), top=asked.top or 1)
    lines = [f"{chosen.probability:.4f}  {chosen.answer}" for chosen in answers]
    return Told([asdict(chosen) for chosen in answers], lines)


def _describe(model: ReleasedModel, asked: Asked) -> Told:
    from podtune_pipelines.predicting.captions import describe_picture

    if asked.image is None:
        raise BadInput(f"the model in {model.directory} describes a picture; give it as --image")
    written = describe_picture(model, asked.image)
    return Told(asdict(written), [written.caption])


def _question(model: ReleasedModel, asked: Asked) -> str:
    if asked.question is None:
        raise BadInput(f"the model in {model.directory} {_KINDS[model.kind][0]}; give the question as --question")
    return asked.question


def _context(context: Optional[str], file: Optional[Path]) -> str:
    if context is not None and file is None:
        return context
    if file is None or context is not None:
        raise BadInput("give the text either as --context or as --context-file")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read the context from {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start} cannot be read; save the text as UTF-8") from error


def _see(model: ReleasedModel, asked: Asked) -> "SeenPicture":
    """The picture's regions, found now or published."""
    from podtune_pipelines.predicting.picture_answers import found_regions, published_regions

    found = [name for name in ("image", "detector", "draw") if getattr(asked, name) is not None]
    published = [name for name in ("regions", "image_id") if getattr(asked, name) is not None]
    if found and published:
        raise BadInput(f"{_option(found[0])} and {_option(published[0])} exclude each other; {_WAYS}")
    if asked.image is not None and asked.detector is not None:
        return found_regions(asked.image, asked.detector, asked.draw)
    if asked.regions is not None and asked.image_id is not None:
        return published_regions(model, asked.regions, asked.image_id)
    raise BadInput(f"the model in {model.directory} looks at regions of a picture; {_WAYS}")


_WAYS = "give --image and --detector, or --regions and --image-id"

_KINDS = {
    TEXT_ANSWERS: (
        "answers a question from a text",
        ("question", "context", "context_file", "allow_no_answer", "top"),
    ),
    PICTURE_ANSWERS: (
        "answers a question about a picture",
        ("question", "image", "detector", "draw", "regions", "image_id", "top"),
    ),
    CAPTIONS: ("describes a picture", ("image",)),
}
"""What a model of each kind does, and the options that it takes."""

_ASK: Dict[str, Callable[[ReleasedModel, Asked], Told]] = {
    TEXT_ANSWERS: _answer_from_text,
    PICTURE_ANSWERS: _answer_about_picture,
    CAPTIONS: _describe,
}
