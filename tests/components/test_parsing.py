import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.parsing import MOST_CHARACTERS, parse_json, parse_json_values, parse_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "it holds more than 100,000 values"),
        ("&a [*a]", "it is nested more than 50 levels deep"),
        ("[" * 51 + "]" * 51, "it is nested more than 50 levels deep"),
        ("[" * 5000, "it is nested too deeply"),
        ("x" * (MOST_CHARACTERS + 1), "it has 1,000,001 characters; at most 1,000,000 are read"),
        ("a: 1\nb: 2\na: 3", "the key a is given twice"),
        ("epochs: !!int", "a value is not what its tag or its form says (IndexError)"),
        ("epochs: !!timestamp x", "a value is not what its tag or its form says (AttributeError)"),
        ("name: 2020-13-45", "a value is not what its tag or its form says (ValueError)"),
        ("1" * 5000, "a value is not what its tag or its form says (ValueError)"),
        ("x: !!python/name:os.system", "could not determine a constructor for the tag"),
    ],
    ids=range(11),
)
def test_yaml_that_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_yaml(text)


def test_yaml_with_an_alias_is_read() -> None:
    assert parse_yaml("a: &one [1, 2]\nb: *one") == {"a": [1, 2], "b": [1, 2]}


def test_many_keys_take_no_long_time() -> None:
    assert len(parse_yaml("\n".join(f"k{number}: 1" for number in range(20_000)))) == 20_000


@given(st.text(alphabet="[]{}&*a!,:-x1 \n'\"|>%", max_size=60))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        try:
            parse(text)
        except ValueError:
            continue


def test_json_that_is_nested_too_deeply_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="it is nested too deeply"):
        parse_json("[" * 100_000)


def test_json_has_the_options_of_the_library() -> None:
    value: Any = parse_json('{"a": 1}', object_pairs_hook=list)

    assert value == [("a", 1)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7", [(1, 7)]),
        ("\n {}\n\n[1,\n2]\r\n3 ", [(2, {}), (4, [1, 2]), (6, 3)]),
    ],
)
def test_values_that_follow_each_other_have_their_lines(text: str, values: Any) -> None:
    assert parse_json_values(text) == values


@pytest.mark.parametrize("text", ["", " \n", "7 x", '{"a": 1}\n{"a"', "[" * 100_000])
def test_values_that_follow_each_other_end_in_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json_values(text)
