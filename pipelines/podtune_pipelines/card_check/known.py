"""Facts on public data sets: sizes of the published files, windows at 384 tokens with an overlap of 128."""

from dataclasses import dataclass
from typing import Iterable, Optional, Set, Tuple


@dataclass(frozen=True)
class KnownData:
    """A public data set."""

    title: str
    names: Tuple[str, ...]
    """Repository names on the Hub, in lower case."""

    said: str
    """Matches a text that means this version of this data set; the 2 of squad-2 may count runs."""

    trained: int
    """Examples of the training split; an epoch has at least as many rows."""

    unit: str
    """What these examples are."""

    paragraphs: int = 0
    """Rows where all questions on a paragraph are one example, as for generating them."""

    windows: Tuple[int, ...] = ()
    """Rows of the training split, by the tokenizers of BERT and RoBERTa."""

    validated: int = 0
    """Examples of the validation split whose scores are right or wrong; 0 where they are graded."""


KNOWN = (
    KnownData(
        title="SQuAD v2.0",
        names=("squad_v2", "squad2", "squad-v2"),
        said=r"squad(?:[_ ]?v2|[-_ ]?v?2[._]0|2)(?!\d)",
        trained=130319,
        unit="questions",
        paragraphs=19035,
        windows=(131754, 131823),
        validated=11873,
    ),
    KnownData(
        title="SQuAD v1.1",
        names=("squad", "squad_v1", "squad_v1.1"),
        said=r"squad(?:[_ ]?v1|[-_ ]?v?1[._]1|1)(?!\d)",
        trained=87599,
        unit="questions",
        paragraphs=18896,
        windows=(88524, 88568),
        validated=10570,
    ),
    KnownData(
        title="VQA v2",
        names=("vqa", "vqa-lxmert", "vqav2", "vqa_v2", "vqa-v2"),
        said=r"(?<![a-z])vqa[-_ ]?v?2(?!\d)",
        trained=443757,
        unit="questions",
    ),
    KnownData(
        title="GQA balanced",
        names=("gqa", "gqa-lxmert", "gqa_balanced"),
        said=r"(?<![a-z])gqa(?![a-z])",
        trained=943000,
        unit="questions",
        validated=132062,
    ),
    KnownData(
        title="VizWiz-Captions",
        names=("vizwiz", "vizwiz-captions", "vizwiz_captions", "vizwiz-caption"),
        said=r"vizwiz",
        trained=117155,
        unit="captions",
    ),
)


def data_named(identifier: str) -> Optional[KnownData]:
    """Find a data set by its id, which must match completely."""
    last = identifier.strip().rstrip("/").rpartition("/")[2].lower()
    return next((data for data in KNOWN if last in data.names), None)


def all_known(identifiers: Iterable[str]) -> Set[KnownData]:
    """Find the data sets of all ids; none if one of them is unknown."""
    found = [data_named(identifier) for identifier in identifiers]
    return {data for data in found if data} if all(found) else set()
