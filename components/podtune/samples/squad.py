"""A generated data set in SQuAD's format: real in form, learnable in a minute, the same for the same seed.

Every paragraph states one fact of each of several kinds (a colour, an animal, a person, …), each in one of several
wordings, among sentences that answer nothing. A question is about one kind. What has to be learnt is which words answer
which question; combinations of wordings, values and neighbours in the validation split were not seen in training.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Dict, List, Tuple

QUESTIONS_A_PARAGRAPH = 4


@dataclass(frozen=True)
class Kind:
    """One kind of fact: its wordings, the questions about it, and the answers."""

    wordings: Tuple[str, ...]
    questions: Tuple[str, ...]
    first: Tuple[str, ...]
    """An answer is one of these …"""

    second: Tuple[str, ...] = ()
    """… followed by one of these, where there are any."""

    def answer(self, random: Random) -> str:
        """Draw an answer."""
        parts = [random.choice(self.first)] + ([random.choice(self.second)] if self.second else [])
        return " ".join(parts)

    def words(self) -> List[str]:
        """Every text that can occur in facts, questions and answers of this kind."""
        return [*self.wordings, *self.questions, *self.first, *self.second]


KINDS: Tuple[Kind, ...] = (
    Kind(
        ("The gate was painted {}.", "Somebody had painted the old gate {}.", "{} was the colour of the gate."),
        ("What colour was the gate?", "Which colour had the gate?"),
        ("dark", "pale", "bright", "deep"),
        ("red", "green", "blue", "yellow", "grey", "violet"),
    ),
    Kind(
        ("A {} slept in the yard.", "In the yard lived a {}.", "They kept a {} behind the house."),
        ("Which animal lived there?", "What animal did they keep?"),
        ("goat", "donkey", "goose", "hedgehog", "ferret", "peacock", "tortoise", "llama"),
    ),
    Kind(
        ("{} opened the door.", "The door was opened by {}.", "It was {} who opened the door."),
        ("Who opened the door?", "By whom was the door opened?"),
        ("Anna", "José", "Łukasz", "Zoë", "Björn", "Chloé", "Noor", "Søren"),
        ("Novák", "Meyer", "O'Brien", "Günther", "Rossi", "Fernández", "Smith-Jones", "Lindqvist"),
    ),
    Kind(
        ("They arrived in {}.", "In {} the whole group arrived.", "It was in {} that they arrived."),
        ("When did they arrive?", "In which month did they arrive?"),
        ("early", "late", "mid"),
        ("January", "March", "April", "June", "August", "October", "December"),
    ),
    Kind(
        ("The letter came from {}.", "From {} a letter had come.", "Somebody in {} had sent the letter."),
        ("Where did the letter come from?", "From where was the letter sent?"),
        ("Málaga", "Tromsø", "Kraków", "Zürich", "São Paulo", "Reykjavík", "東京", "Αθήνα"),
    ),
    Kind(
        ("{} windows faced the river.", "The house had {} windows.", "One could count {} windows."),
        ("How many windows were there?", "How many windows had the house?"),
        ("twelve", "seven", "nineteen", "thirty", "forty", "eleven", "sixteen", "fifty"),
    ),
    Kind(
        ("The ring was made of {}.", "Somebody had made the ring of {}.", "{} was what the ring was made of."),
        ("What was the ring made of?", "Of which metal was the ring?"),
        ("silver", "copper", "iron", "bronze", "tin", "platinum", "white gold", "red gold"),
    ),
    Kind(
        ("They left early because of the {}.", "The {} made them leave early.", "Because of the {} nobody stayed."),
        ("Why did they leave early?", "Why did nobody stay?"),
        ("coming", "heavy", "sudden", "first"),
        ("storm", "snow", "flood", "frost", "thunder"),
    ),
    Kind(
        ("She played the {}.", "The {} was what she played.", "On the {} she played every evening."),
        ("Which instrument did she play?", "What did she play?"),
        ("violin", "cello", "oboe", "accordion", "lute", "harp", "trombone", "piano"),
    ),
    Kind(
        ("For dinner there was {}.", "{} was served for dinner.", "They ate {} for dinner."),
        ("What was there for dinner?", "What did they eat?"),
        ("crème brûlée", "goulash", "gnocchi", "smørrebrød", "pão de queijo", "pickled 🐟", "barley soup", "jalapeños"),
    ),
)

FILLERS: Tuple[str, ...] = (
    "The road bends there – nobody remembers why.",
    "Rain is common on the coast, and so is wind.",
    "Visitors often ask for the way to the market.",
    "An old map shows a stream that has since moved.",
    "“Mind the step!” says a sign beside the stairs.",
    "Twice a day a train passes without stopping.",
    "The bell can be heard across the whole valley.",
    "Most of the houses were built by the same family.",
)


def write_squad(directory: Path, seed: int, train: int, validation: int, version: str = "1.1") -> Dict[str, str]:
    """Write a file of so many questions for each split; return RawData's names of the files.

    Version 2.0 also has questions that the text does not answer.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for split, questions in (("train", train), ("validation", validation)):
        content = sample_split(split, seed, questions, version)
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (directory / f"{split}.json").write_text(text + "\n", encoding="utf-8")
    return {"train": "train.json", "validation": "validation.json"}


def sample_split(split: str, seed: int, questions: int, version: str = "1.1") -> Dict[str, Any]:
    """One split as SQuAD's JSON has it."""
    random = Random(f"{seed}/{split}")
    paragraphs: List[Dict[str, Any]] = []
    left = questions
    while left > 0:
        paragraph = _Paragraph(random, f"{split}-{len(paragraphs):05}", version)
        paragraphs.append(paragraph.as_squad(min(left, QUESTIONS_A_PARAGRAPH), several=split != "train"))
        left -= QUESTIONS_A_PARAGRAPH
    return {"version": "v2.0" if version == "2.0" else "1.1", "data": [{"title": "Sample", "paragraphs": paragraphs}]}


class _Paragraph:
    """A paragraph in the making: facts and fillers in shuffled order."""

    def __init__(self, random: Random, name: str, version: str) -> None:
        self._random, self._name, self._version = random, name, version
        count = random.randint(5, 8)
        kinds = random.sample(KINDS, count + 1)
        self._stated, self._unstated = kinds[:-1], kinds[-1]
        self._starts: List[Tuple[Kind, str, int]] = []
        self.context = self._write()

    def _write(self) -> str:
        random = self._random
        fillers = random.choices((1, 3, 40), weights=(70, 25, 5))[0]  # a few paragraphs fill several windows
        sentences: List[Tuple[Any, str]] = [(kind, random.choice(kind.wordings)) for kind in self._stated]
        sentences += [(None, random.choice(FILLERS)) for _ in range(fillers)]
        random.shuffle(sentences)
        text = ""
        for kind, wording in sentences:
            text += " " if text else ""
            if kind is None:
                text += wording
                continue
            answer = kind.answer(random)
            if random.random() < 0.1:
                text += f"Not everybody liked {answer}. "  # so that a gold answer is not the first occurrence
            self._starts.append((kind, answer, len(text) + wording.index("{")))
            text += wording.format(answer)
        return text

    def as_squad(self, questions: int, several: bool) -> Dict[str, Any]:
        """Ask for some of the facts; `several` gives each the answers of several people."""
        facts = self._random.sample(self._starts, questions)
        entries = [self._entry(index, *fact, several=several) for index, fact in enumerate(facts)]
        if self._version == "2.0":
            entries[-1] = self._impossible(len(entries) - 1)
        return {"context": self.context, "qas": entries}

    def _entry(self, index: int, kind: Kind, answer: str, start: int, *, several: bool) -> Dict[str, Any]:
        answers = [{"text": answer, "answer_start": start}] * (3 if several else 1)
        entry = {"id": f"{self._name}-{index}", "question": self._question(kind), "answers": answers}
        return {**entry, "is_impossible": False} if self._version == "2.0" else entry

    def _impossible(self, index: int) -> Dict[str, Any]:
        question = self._question(self._unstated)
        return {"id": f"{self._name}-{index}", "question": question, "answers": [], "is_impossible": True}

    def _question(self, kind: Kind) -> str:
        question = self._random.choice(kind.questions)
        return f"  {question} " if self._random.random() < 0.05 else question  # SQuAD has such questions
