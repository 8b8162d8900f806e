"""`podtune predict`: try a released model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer
from podtune.errors import BadInput

from podtune_pipelines.answering import find_answers
from podtune_pipelines.cli.options import JsonOption


def predict(
    directory: Annotated[Path, typer.Argument(help="A downloaded release, or a checkpoint's model folder.")],
    question: Annotated[str, typer.Option(help="What to ask.")],
    context: Annotated[Optional[str], typer.Option(help="The text that holds the answer.")] = None,
    context_file: Annotated[Optional[Path], typer.Option(help="A UTF-8 file with that text.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best answers to print.")] = 1,
    allow_no_answer: Annotated[
        bool, typer.Option(help="Let a model that was trained on SQuAD 2.0 say that there is no answer.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a question with a piece of a text, and say how probable each answer is."""
    text = _context(context, context_file)
    answers = find_answers(directory, question, text, top=top, may_abstain=allow_no_answer)
    if as_json:
        print(json.dumps([asdict(answer) for answer in answers], indent=1, ensure_ascii=False))
        return
    for answer in answers:
        print(f"{answer.probability:.4f}  {' '.join(answer.answer.split()) or '(no answer)'}")


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
