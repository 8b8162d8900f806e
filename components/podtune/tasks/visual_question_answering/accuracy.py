"""How much of a question an answer gets right, from 0 to 1, by the official definitions of VQA and GQA.

Flaws of the official rules for spelling are kept, because scores are compared with published ones: a full stop after a
digit goes too unless another digit follows, and "somebody'd" loses its apostrophe where others get theirs back.
"""

import re
from functools import lru_cache
from typing import Dict, Sequence

from podtune.tasks.visual_question_answering.questions import VisualQuestion

_FULL_AGREEMENT = 3
"""An answer that so many other annotators gave is fully correct."""

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_BETWEEN_DIGITS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
_FULL_STOPS = 32
"""No more are deleted: upstream passes a flag where the count is meant."""

_ARTICLES = frozenset(("a", "an", "the"))
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBER_WORDS)}}
_CONTRACTIONS = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
    he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've
    o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
    someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
    there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
    what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
    wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""


def _apostrophes_put_back() -> Dict[str, str]:
    """Every contraction by its spellings that lack one apostrophe."""
    spellings = {"somebody'd": "somebodyd"}
    for contraction in _CONTRACTIONS.split():
        for position, letter in enumerate(contraction):
            if letter == "'":
                spellings[contraction[:position] + contraction[position + 1 :]] = contraction
    return spellings


_SPELLINGS = _apostrophes_put_back()


def accuracy(question: VisualQuestion, predicted: str) -> float:
    """VQA's soft accuracy where it is known what people answered, else the weight of the label that was predicted."""
    if question.answers:
        return soft_accuracy(predicted, question.answers)
    return question.labels.get(predicted, 0.0)


def soft_accuracy(predicted: str, answers: Sequence[str]) -> float:
    """The mean over the people who answered, each time of how many of the others said the same, a third each.

    Answers are compared by the official rules where people differ, and exactly where all agree.
    """
    predicted, said = clean(predicted), [clean(answer) for answer in answers]
    if len(set(said)) > 1:
        predicted, said = normalise(predicted), [normalise(answer) for answer in said]
    people, agree = len(said), said.count(predicted)
    thirds = agree * min(_FULL_AGREEMENT, agree - 1) + (people - agree) * min(_FULL_AGREEMENT, agree)
    return thirds / (_FULL_AGREEMENT * people)


def clean(answer: str) -> str:
    """Make line ends and tabs spaces and cut off outer white space: all that is done where people are of one mind."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


@lru_cache(maxsize=1 << 17)
def normalise(answer: str) -> str:
    """Take punctuation and articles away, write small numbers in digits and contractions with their apostrophes."""
    words = (_NUMBERS.get(word, word) for word in _without_punctuation(answer).lower().split())
    return " ".join(_SPELLINGS.get(word, word) for word in words if word not in _ARTICLES)


def _without_punctuation(answer: str) -> str:
    """Delete each sign that touches a space somewhere, or all where digits have a comma between; else make it a space.

    Full stops are deleted, except before a digit.
    """
    every = _COMMA_BETWEEN_DIGITS.search(answer) is not None
    text = answer
    for sign in _PUNCTUATION:
        if sign in answer:
            touches = every or f"{sign} " in answer or f" {sign}" in answer
            text = text.replace(sign, "" if touches else " ")
    return _FULL_STOP.sub("", text, count=_FULL_STOPS)
