from pathlib import Path

import pytest
from podtune.errors import BadInput
from podtune.samples.sample import is_sample, mistake_in_sample, read_sample, write_sample
from podtune.tasks.task import Sample

SAMPLES = {
    "squad": Sample("podtune.nowhere:write", {"seed": "1", "train": "40", "version": "1.1"}, {"version": ("1.1", "2")}),
    "vqa": Sample("podtune.nowhere:write", {"seed": "1"}),
}


def test_what_is_not_said_has_its_default() -> None:
    assert read_sample("sample://squad?train=80", SAMPLES) == {"seed": 1, "train": 80, "version": "1.1"}


def test_a_sample_is_known_by_its_scheme() -> None:
    assert is_sample("sample://squad")
    assert not is_sample("samples/squad")


@pytest.mark.parametrize("uri", ["sample://squad?sed=1", "sample://squad?seed=1&seed=2", "sample://squad/a"])
def test_another_key_is_refused(uri: str) -> None:
    with pytest.raises(BadInput) as failure:
        read_sample(uri, SAMPLES)

    assert str(failure.value) == (
        f"{uri} must be sample://squad?seed=1&train=40&version=1.1 with any of these keys once; got {uri!r}"
    )


@pytest.mark.parametrize("uri", ["sample://bert?seed=1", "sample://"])
def test_another_kind_is_refused(uri: str) -> None:
    assert mistake_in_sample(uri, SAMPLES) == (f"must be one of sample://squad, sample://vqa; got {uri!r}")


def test_what_cannot_be_split_is_refused() -> None:
    assert mistake_in_sample("sample://[", SAMPLES) == "is no URI: Invalid IPv6 URL"


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "1e9", "9999999999", "²"])
def test_numbers_are_whole(value: str) -> None:
    assert mistake_in_sample(f"sample://squad?seed={value}", SAMPLES) == (
        f"must have a whole number from 1 to 999,999,999 for seed; got {value!r}"
    )


def test_a_choice_is_one_of_a_few() -> None:
    assert mistake_in_sample("sample://squad?version=3", SAMPLES) == "must have 1.1 or 2 for version; got '3'"


def test_only_the_writer_that_is_asked_for_is_imported() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        write_sample("sample://squad", SAMPLES, Path())


def test_a_writer_is_told_the_values_and_what_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_writer.py").write_text("def write(directory, **values):\n    return directory, values\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    samples = {"gqa": Sample("made_up_writer:write", {"seed": "1", "name": "a"}, fixed={"kind": "gqa"})}

    found = write_sample("sample://gqa?seed=7", samples, tmp_path)

    assert found == (tmp_path, {"seed": 7, "name": "a", "kind": "gqa"})


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("train=1000001", "must have a whole number from 1 to 1,000,000 for train; got '1000001'"),
        ("layers=101", "must have a whole number from 1 to 100 for layers; got '101'"),
        ("hidden=4097", "must have a whole number from 1 to 4,096 for hidden; got '4097'"),
    ],
)
def test_no_sample_is_made_without_end(query: str, mistake: str) -> None:
    samples = {"any": Sample("podtune.nowhere:write", {"train": "40", "layers": "2", "hidden": "64"})}

    assert mistake_in_sample(f"sample://any?{query}", samples) == mistake
