"""The tables on what the data is like, and how far from the live release's."""

from typing import List, Optional, Sequence, Tuple

from podtune.formats.profile import SHARES, Change, Overlap, changes_between
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.markup import Name, Table
from podtune.steps.write_card.wording import capital, count
from podtune.tasks.task import TaskWords


def profile(contents: Contents) -> Table:
    """Tabulate what each split is like, and what it shares with the training split."""
    words, profiles = contents.words, contents.records.features.profile
    splits = [(split, profiles[split]) for split in contents.splits if split in profiles]
    rows: List[Tuple[str, ...]] = [
        (capital(words.figure("sources")), *(count(one.sources) for _, one in splits)),
        (f"Characters of a {words.text}", *(_spread(one.text_lengths) for _, one in splits)),
        (f"Characters of a {words.source}", *(_spread(one.source_lengths) for _, one in splits)),
        (f"Without {words.answer}", *(_part(one.without_answer, one.examples) for _, one in splits)),
        (f"Different {words.answer}s", *(count(one.answers) for _, one in splits)),
        (f"With the most frequent {words.answer}", *(_part(one.most_frequent, one.examples) for _, one in splits)),
        *_overlaps(words, [one.overlap for _, one in splits]),
    ]
    return Table(("", *(Name(split) for split, _ in splits)), [row for row in rows if any(row[1:])] if splits else [])


def data_changes(contents: Contents) -> Table:
    """Tabulate the figures in which the data differs from the live release's."""
    verdict, words = contents.records.verdict, contents.words
    changes = changes_between(verdict.champion_profile, contents.records.features.profile)
    rows = [
        (f"{change.split}, {words.figure(change.figure)}", _figure(change, change.before), _figure(change, change.now))
        for change in changes
    ]
    different = [row for row in rows if row[1] != row[2]]
    return Table(("Data", f"Version {verdict.champion}", "This model"), different)


def _overlaps(words: TaskWords, overlaps: Sequence[Optional[Overlap]]) -> List[Tuple[str, ...]]:
    """Make a row for each way in which an example can stand in the training split too; the split itself has no cell."""
    titles = {
        "exact": "In the training split too, exactly",
        "normalised": "In the training split too, normalised",
        "sources": f"{capital(words.source)} in the training split too",
        "texts": f"{capital(words.text)} in the training split too",
    }
    if words.examples == f"{words.source}s":  # which says the same as the first
        del titles["sources"]
    return [
        (title, *("" if overlap is None else count(getattr(overlap, name)) for overlap in overlaps))
        for name, title in titles.items()
    ]


def _spread(quantiles: Sequence[int]) -> str:
    """The median, and between which lengths nine of ten lie."""
    if not quantiles:
        return ""
    _, low, median, high, _ = map(count, quantiles)
    return f"{median} (90% between {low} and {high})"


def _part(examples: int, of: int) -> str:
    return f"{count(examples)} ({100 * examples / of:.1f}%)" if of else count(examples)


def _figure(change: Change, value: float) -> str:
    return f"{100 * value:.1f}%" if change.figure in SHARES else count(value)
