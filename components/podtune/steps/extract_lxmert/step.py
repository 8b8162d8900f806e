"""Store the regions of images once, and the questions about them as tokens: RawData and BaseModel to Features."""

import logging
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.base_model import BASE_MODEL, TOKENIZER
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES, FeaturesFacts, SplitFacts, require_counts
from podtune.formats.previews import write_previews
from podtune.formats.profile import Traces, profiles_of, require_few_duplicates
from podtune.formats.raw_data import RAW_DATA, data_files
from podtune.formats.set_aside import CURE, SetAside
from podtune.sections import read_section, to_mapping
from podtune.steps.extract_lxmert import sources
from podtune.steps.extract_lxmert.reports import BadRow
from podtune.steps.extract_lxmert.sources import Source
from podtune.tasks.task import shown_files
from podtune.tasks.visual_question_answering.question_tokenizer import QuestionTokenizer, open_question_tokenizer
from podtune.tasks.visual_question_answering.questions import (
    VisualQuestion,
    split_digest,
    traces_of,
    write_answers,
    write_questions,
)
from podtune.tasks.visual_question_answering.region_store import create_store, rows_of_images
from podtune.tasks.visual_question_answering.settings import LxmertSettings

_log = logging.getLogger(__name__)


def run(
    raw_data: Path,
    base_model: Path,
    prepared_data: Path,
    features: Mapping[str, Any],
    *,
    prepared_data_facts: Optional[Path] = None,
) -> None:
    """Make Features of every split."""
    settings = read_section(LxmertSettings, features, "features")
    data = RAW_DATA.open(raw_data)
    model = BASE_MODEL.open(base_model)
    tokenizer = open_question_tokenizer(base_model, settings.max_length)
    files = sources.files_of_splits(data_files(data), data.facts.source)
    published, detector = sources.published_answers(files), sources.detector_of(files)
    by_split = {
        split: sources.open_source(split, of_split, SetAside(settings), answers=published, detector=detector)
        for split, of_split in files.items()
    }
    answers = published or _made_vocabulary(by_split, settings)
    _check_size(answers, settings)
    with FEATURES.sealing(prepared_data) as draft:
        write_answers(draft.path, answers)
        splits = {
            name: _extract(source, draft.path / name, answers, tokenizer=tokenizer, settings=settings)
            for name, source in by_split.items()
        }
        for what, expected in (("questions", settings.expected_questions), ("images", settings.expected_images)):
            written = {name: counts[what] for name, (_, counts, _) in splits.items()}
            require_counts(written, expected, f"expected_{what}", what, data.facts.source)
        profile = profiles_of({name: traces for name, (_, _, traces) in splits.items()})
        require_few_duplicates(profile, settings.most_duplicates, data.facts.source, "questions")
        facts = FeaturesFacts(
            task="visual-question-answering",
            raw_data=data.digest,
            tokenizer=model.files[TOKENIZER].sha256,
            vocabulary_size=tokenizer.vocabulary_size,
            settings=to_mapping(settings),
            splits={name: split for name, (split, _, _) in splits.items()},
            details={"answers": len(answers), **{name: counts for name, (_, counts, _) in splits.items()}},
            profile=profile,
        )
        draft.facts.update(to_mapping(facts))
    write_facts(FEATURES, prepared_data, prepared_data_facts, shown_files(FEATURES.read(prepared_data)))


def _made_vocabulary(by_split: Mapping[str, Source], settings: LxmertSettings) -> List[str]:
    missing = [split for split in settings.answers_from if split not in by_split]
    if missing:
        raise BadInput(f"features.answers_from names the split {missing[0]!r}; there are {', '.join(by_split)}")
    chosen = (answer for split in settings.answers_from for answer in by_split[split].questions.chosen)
    return sources.make_vocabulary(chosen, settings.minimum_answers)


def _check_size(answers: Sequence[str], settings: LxmertSettings) -> None:
    if settings.expected_answers and len(answers) != settings.expected_answers:
        raise BadInput(
            f"the vocabulary has {len(answers):,} answers; features.expected_answers says"
            f" {settings.expected_answers:,}: the data is another than expected"
        )


def _extract(
    source: Source, directory: Path, answers: Sequence[str], *, tokenizer: QuestionTokenizer, settings: LxmertSettings
) -> Tuple[SplitFacts, Dict[str, int], Traces]:
    """Write one split below the draft, and count what a reader of the card should know of it."""
    started = time.monotonic()
    directory.mkdir(parents=True)
    questions = source.questions.questions
    create_store(directory, list(dict.fromkeys(question.image for question in questions)), settings.regions)
    aside, bad_rows = source.aside, BadRows(source.regions, CURE)

    def report(bad: BadRow) -> bool:
        entry = {key: value for key, value in vars(bad).items() if key != "part" or value}
        _add(bad_rows, bad.part or str(source.regions), **entry)
        return not aside.stops

    images = source.store_regions(directory, settings.regions, report)
    aside.take(bad_rows)
    kept = _with_regions(source, images)
    tokens, cut = tokenizer.encode([question.question for question in kept])
    rows, known = rows_of_images(directory), set(answers)
    image = np.array([rows[question.image] for question in kept], dtype=np.int32)
    write_questions(directory, kept, tokens, image, answers)
    aside.write(directory)
    if source.images:
        write_previews(directory.parent, directory.name, source.images, rows)
    counts = {
        "questions": len(kept),
        "images": len(images),
        "out_of_vocabulary": sum(known.isdisjoint(question.labels) for question in kept),
        "cut_questions": cut,
        "rows_set_aside": len(bad_rows.entries),
        "questions_set_aside": source.questions.set_aside + len(questions) - len(kept),
    }
    _log_counts(directory.name, counts, time.monotonic() - started)
    facts = SplitFacts(len(kept), len(kept), len(tokens.values), split_digest(directory))
    return facts, counts, traces_of(directory, kept, image)


def _with_regions(source: Source, images: Set[str]) -> List[VisualQuestion]:
    """The questions whose image has regions; the others are set aside."""
    bad_rows, questions = BadRows(source.questions_file, CURE), source.questions.questions
    reason = f"{source.regions.name} has no regions of its image that can be used"
    for question in questions:
        if question.image not in images:
            _add(bad_rows, str(source.questions_file), question=question.id, image=question.image, reason=reason)
    source.aside.take(bad_rows)
    if not images:
        raise BadInput(f"{source.questions_file} has no question about an image in {source.regions}")
    unread = source.questions.set_aside
    source.aside.require_few(
        source.questions_file, "questions", unread + len(bad_rows.entries), unread + len(questions)
    )
    return [question for question in questions if question.image in images]


def _add(bad_rows: BadRows, file: str, **entry: Any) -> None:
    """Note a row or a question that cannot be used; which of both, its entry names first."""
    what, name = next(iter(entry.items()))
    named = f" (image {entry['image']!r})" if entry["image"] else ""
    bad_rows.add(f"{file}: {what} {name}{named} cannot be used: {entry['reason']}", **entry)


def _log_counts(split: str, counts: Mapping[str, int], seconds: float) -> None:
    _log.info(
        "%s: %s questions about %s images, %s out of vocabulary, %s cut, %s rows and %s questions set aside,"
        " %s images/s",
        split,
        *(f"{count:,}" for count in counts.values()),
        f"{counts['images'] / seconds:,.0f}",
    )
