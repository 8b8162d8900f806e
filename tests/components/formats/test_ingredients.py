from dataclasses import replace
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.formats.ingredients import Ingredients

SECTIONS: Dict[str, Dict[str, Any]] = {
    "training": {"epochs": 3, "learning_rate": 3e-5, "ipu": {"replicas": 2}},
    "evaluation": {"n_best": 20},
    "card": {"description": "A model."},
}

MADE_OF = Ingredients(features="f" * 64, base_model="b" * 64, code="0.1.0", device="cpu", sections=SECTIONS)


def test_a_derivation_is_a_literal() -> None:
    assert MADE_OF.derivation == "daf66e6c1aba13c161bb572dbbe315e389e7525cd6755f9643147c1a8b6ddda2"


@pytest.mark.parametrize(
    "changes",
    [
        {"features": "e" * 64},
        {"base_model": "c" * 64},
        {"code": "0.2.0"},
        {"device": "gpu"},
        {"sections": {**SECTIONS, "training": {"epochs": 4}}},
        {"sections": {**SECTIONS, "evaluation": {"n_best": 21}}},
    ],
)
def test_whatever_determines_the_model_or_its_scores_changes_the_derivation(changes: Dict[str, Any]) -> None:
    assert replace(MADE_OF, **changes).derivation != MADE_OF.derivation


def test_words_on_the_card_do_not() -> None:
    sections = {**SECTIONS, "card": {"description": "Better."}}

    assert replace(MADE_OF, sections=sections).derivation == MADE_OF.derivation


NUMBERS = st.dictionaries(st.text(max_size=3), st.lists(st.integers(-(2**53), 2**53) | st.booleans(), max_size=3))


@given(NUMBERS)
def test_numbers_that_came_through_kfp_are_the_same(section: Dict[str, Any]) -> None:
    floats = {
        key: [value if isinstance(value, bool) else float(value) for value in values] for key, values in section.items()
    }

    one, other = ({**SECTIONS, "training": training} for training in (section, floats))

    assert replace(MADE_OF, sections=one).derivation == replace(MADE_OF, sections=other).derivation
