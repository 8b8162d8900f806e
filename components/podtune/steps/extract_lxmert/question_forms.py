"""Question files in any of their published forms, told apart by content."""

from pathlib import Path
from typing import Optional

from podtune.errors import BadInput
from podtune.formats.json_files import read_json
from podtune.steps.extract_lxmert.gqa_questions import read_gqa_questions
from podtune.steps.extract_lxmert.lxmert_questions import read_lxmert_questions
from podtune.steps.extract_lxmert.question_file import QuestionFile
from podtune.steps.extract_lxmert.vqa_questions import is_vqa, read_vqa_questions


def read_question_file(questions: Path, annotations: Optional[Path]) -> QuestionFile:
    """Read LXMERT's, VQA's or GQA's questions; only VQA's have `annotations`. BadInput names the first mistake."""
    document = read_json(questions)
    if is_vqa(document):
        if annotations is None:
            raise BadInput(f"{questions} has VQA's questions, whose answers lie in another file; name it too")
        found = read_vqa_questions(document, read_json(annotations), str(questions), str(annotations))
    elif annotations is not None:
        raise BadInput(f"{questions} has not VQA's questions, so {annotations} cannot have their answers")
    elif isinstance(document, list):
        found = read_lxmert_questions(document, str(questions))
    else:
        found = read_gqa_questions(document, str(questions))
    found.require_distinct(questions)
    return found
