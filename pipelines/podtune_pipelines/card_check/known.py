"""Facts on public data sets and model families.

Sizes are those of the published files; windows are counted at 384 tokens with an overlap of 128.
"""

import re
from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Set, Tuple


@dataclass(frozen=True)
class KnownData:
    """A public data set."""

    title: str
    names: Tuple[str, ...]
    """Repository names on the Hub, in lower case."""

    pattern: str
    """Matches a path or a name that mentions it."""

    task: str
    """The Hub's task."""

    sizes: Mapping[int, str]
    """Size of a split to its description."""

    windows: Mapping[int, int] = field(default_factory=dict)
    """Number of windows to number of scored questions."""

    parts: int = 1
    """An example's accuracy is a multiple of 1/parts."""

    longest_input: Optional[int] = None
    """Tokens of about the longest text."""

    official_metrics: Tuple[str, ...] = ()
    """At least one is expected besides loss and accuracy."""

    subset: Optional[Tuple[int, str, int, str]] = None
    """A common subset and the full set: count and unit, count and unit."""

    seen_by: Mapping[str, int] = field(default_factory=dict)
    """Model family to the size of the split that its pre-training includes in part."""

    generated: bool = False
    """Whether the task is text generation."""


KNOWN = (
    KnownData(
        title="SQuAD v2.0",
        names=("squad_v2", "squad2", "squad-v2"),
        pattern=r"squad[-_ ]?v?2",
        task="question-answering",
        sizes={130319: "train questions", 11873: "validation questions"},
        windows={12134: 11873, 12165: 11873},
    ),
    KnownData(
        title="SQuAD v1.1",
        names=("squad", "squad_v1", "squad_v1.1"),
        pattern=r"squad",
        task="question-answering",
        sizes={87599: "train questions", 10570: "validation questions", 88524: "train windows", 88568: "train windows"},
        windows={10784: 10570, 10790: 10570},
    ),
    KnownData(
        title="VQA v2",
        names=("vqa", "vqa-lxmert", "vqav2", "vqa_v2", "vqa-v2"),
        pattern=r"(?<![a-z])vqa",
        task="visual-question-answering",
        sizes={443757: "train questions", 214354: "validation questions", 447793: "test questions"},
        parts=10,
        longest_input=20,
        seen_by={"LXMERT": 214354},
    ),
    KnownData(
        title="GQA balanced",
        names=("gqa", "gqa-lxmert", "gqa_balanced"),
        pattern=r"(?<![a-z])gqa",
        task="visual-question-answering",
        sizes={943000: "train questions", 132062: "validation questions", 12578: "testdev questions"},
        longest_input=20,
        official_metrics=("consistency", "validity", "plausibility", "grounding", "distribution"),
    ),
    KnownData(
        title="VizWiz-Captions",
        names=("vizwiz", "vizwiz-captions", "vizwiz_captions", "vizwiz-caption"),
        pattern=r"vizwiz",
        task="image-to-text",
        sizes={23431: "train images", 7750: "validation images", 8000: "test images", 117155: "train captions"},
        official_metrics=("bleu", "cider", "rouge", "meteor", "spice"),
        subset=(23431, "images", 117155, "captions"),
        generated=True,
    ),
)

UNKNOWN = KnownData(title="", names=(), pattern="", task="", sizes={})
"""Stands in for any other data set."""


def data_named(identifier: str) -> Optional[KnownData]:
    """Find a data set by its id, which must match completely."""
    last = identifier.strip().rstrip("/").rpartition("/")[2].lower()
    return next((data for data in KNOWN if last in data.names), None)


def data_mentioned(path: str) -> Optional[KnownData]:
    """Find the most specific data set that a path or a name mentions."""
    return next((data for data in KNOWN if re.search(data.pattern, path.lower())), None)


FAMILIES: Dict[str, str] = {
    "DistilBERT": r"distil-?bert",
    "RoBERTa": r"roberta",
    "DeBERTa": r"deberta",
    "ALBERT": r"(?<![a-z])albert",
    "ELECTRA": r"electra",
    "LXMERT": r"lxmert",
    "MiniLM": r"minilm",
    "GPT-2": r"gpt-?2",
    "BART": r"(?<![a-z])bart(?![a-z])",
    "BERT": r"(?<![a-z])bert(?![a-z])",
    "T5": r"(?<![a-z0-9])t5(?![0-9])",
    "ViT": r"(?<![a-z])vit(?=[-_ 0-9]|$)",
    "Swin": r"(?<![a-z])swin(?![a-z])",
    "CLIP": r"(?<![a-z])clip(?![a-z])",
}


def families_in(name: str) -> Set[str]:
    """Find the model families that a name mentions; the longest match counts."""
    rest, families = name.lower(), set()
    for family, pattern in FAMILIES.items():
        if re.search(pattern, rest):
            families.add(family)
            rest = re.sub(pattern, " ", rest)
    return families


def family_described(sentence: str) -> Optional[str]:
    """Find the model family that a sentence describes, such as "BERT (…) is a …"."""
    begun = re.match(r"([A-Za-z][\w-]*)\s*(?:\([^)]*\)\s*)?is\b", sentence)
    return min(families_in(begun.group(1)), default=None) if begun else None
