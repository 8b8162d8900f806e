from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Literal, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.errors import BadInput
from podtune.sections import Mistakes, read_section, read_settings_file, to_mapping


@dataclass(frozen=True)
class Inner:
    size: int
    names: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outer:
    rate: float
    kind: Literal["linear", "cosine"] = "linear"
    enabled: bool = False
    inner: Optional[Inner] = None
    floors: Dict[str, float] = field(default_factory=dict)
    betas: Tuple[float, ...] = (0.9, 0.999)

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        if self.rate < 0:
            yield "rate", "must not be negative"


def test_integers_survive_json() -> None:
    section = read_section(Outer, {"rate": 1, "inner": {"size": 7.0}}, "section")

    assert section == Outer(rate=1.0, inner=Inner(size=7))
    assert isinstance(section.rate, float)
    assert section.inner is not None
    assert isinstance(section.inner.size, int)


def test_every_mistake_is_reported_at_once() -> None:
    values = {
        "rate": "fast",
        "kind": "cubic",
        "enabled": 1,
        "inner": {"size": 7.5, "sise": 3},
        "floors": {"f1": None},
        "betas": 3,
        "knid": "linear",
    }

    with pytest.raises(Mistakes) as raised:
        read_section(Outer, values, "training")

    assert raised.value.lines == [
        "training.knid is not a setting; did you mean kind?",
        "training.rate must be a finite number; got 'fast'",
        "training.kind must be one of linear, cosine; got 'cubic'",
        "training.enabled must be true or false; got 1",
        "training.inner.sise is not a setting; did you mean size?",
        "training.inner.size must be a whole number; got 7.5",
        "training.floors.f1 must be a finite number; got None",
        "training.betas must be a list; got 3",
    ]


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(Mistakes, match=r"^training\.rate is missing$"):
        read_section(Outer, {}, "training")


def test_an_impossible_combination_is_named() -> None:
    with pytest.raises(Mistakes, match=r"^training\.rate must not be negative$"):
        read_section(Outer, {"rate": -1.0}, "training")


@pytest.mark.parametrize(
    ("text", "number"), [("5e-5", 0.00005), ("1e3", 1000.0), ("1.5E-07", 0.00000015), ("2.e+1", 20.0)]
)
def test_a_number_that_yaml_reads_as_a_text_is_a_number(text: str, number: float) -> None:
    assert read_section(Outer, {"rate": text}, "training").rate == number


@pytest.mark.parametrize("text", ["nan", "inf", "1_0e3", "e5", "5e", "0.1 ", "1e999"])
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(Mistakes, match=r"^training\.rate must be a finite number; got "):
        read_section(Outer, {"rate": text}, "training")


def test_a_number_where_a_text_belongs_gets_a_hint() -> None:
    with pytest.raises(Mistakes) as raised:
        read_section(Inner, {"size": "1e1", "names": [1234567]}, "inner")
    assert raised.value.lines == ["inner.names[0] must be a text; got 1234567; in quotes, '1234567', it is one"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_what_is_no_finite_number_is_refused(value: float) -> None:
    with pytest.raises(Mistakes, match="must be a finite number"):
        read_section(Outer, {"rate": value}, "training")


def test_a_section_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(Mistakes, match=r"^training must be a mapping; got 3$"):
        read_section(Outer, 3, "training")  # type: ignore[arg-type]


def test_none_is_left_out_of_the_mapping_because_kfp_refuses_it() -> None:
    assert to_mapping(Outer(rate=0.5, inner=None)) == {
        "rate": 0.5,
        "kind": "linear",
        "enabled": False,
        "floors": {},
        "betas": [0.9, 0.999],
    }


@given(
    st.builds(
        Outer,
        rate=st.floats(min_value=0, allow_nan=False, allow_infinity=False),
        kind=st.sampled_from(["linear", "cosine"]),
        enabled=st.booleans(),
        inner=st.none() | st.builds(Inner, size=st.integers(-(2**53), 2**53), names=st.lists(st.text())),
        floors=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
        betas=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    )
)
def test_a_section_is_read_back_as_it_was_written(section: Outer) -> None:
    assert read_section(Outer, to_mapping(section), "section") == section


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("rate: 1.0\nrate: 2.0\n")

    with pytest.raises(BadInput, match="the key rate is given twice"):
        read_settings_file(path)


@pytest.mark.parametrize("content", ["- 1\n", "", "rate: [1\n", "rate: !!python/object/apply:os.getcwd []\n"])
def test_a_file_without_settings_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content)

    with pytest.raises(BadInput) as raised:
        read_settings_file(path)

    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_json_file_is_read_as_json(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text('{"learning_rate": 1e-4}')

    assert read_settings_file(path) == {"learning_rate": 0.0001}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read settings from .*absent\.yaml"):
        read_settings_file(tmp_path / "absent.yaml")


def test_records_of_any_shape_are_kept_as_they_are() -> None:
    @dataclass(frozen=True)
    class Record:
        settings: Dict[str, Any]

    values = {"settings": {"steps": 7, "floors": {"f1": 1.5}, "names": ["a", None]}}

    assert read_section(Record, values, "record").settings == values["settings"]


@dataclass(frozen=True)
class Numbers:
    whole: int = 0
    real: float = 0.0
    text: str = ""


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"whole": 2**63}, "whole must be a whole number; got 9223372036854775808"),
        ({"whole": 10**400}, f"whole must be a whole number; got 1{'0' * 199}…"),
        ({"real": 10**400}, f"real must be a finite number; got 1{'0' * 199}…"),
        ({"real": 16**5000}, "real must be a finite number; got a number of thousands of digits"),
        ({"text": ["x" * 900]}, f"text must be a text; got ['{'x' * 198}…"),
    ],
    ids=range(5),
)
def test_values_beyond_all_measure_are_refused_in_a_short_line(values: Dict[str, Any], line: str) -> None:
    with pytest.raises(Mistakes) as raised:
        read_section(Numbers, values, "")

    assert raised.value.lines == [line]


def test_thousands_of_unknown_keys_are_counted() -> None:
    with pytest.raises(Mistakes) as raised:
        read_section(Numbers, {f"key{number}": 1 for number in range(20_000)}, "training")

    assert len(raised.value.lines) == 21
    assert raised.value.lines[-1] == "training has 19,980 more keys that are no settings"


def test_a_key_is_shown_on_one_short_line() -> None:
    with pytest.raises(Mistakes) as raised:
        read_section(Numbers, {"a\nb" * 900: 1}, "training")

    assert raised.value.lines[0].startswith("training.'a\\nba\\nb")
    assert len(raised.value.lines[0]) < 300
