import pytest
import skips


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here is no GPU, which two tests need, but kubectl, which three need."""
    monkeypatch.setattr(skips, "EXPECTED", [("needs a GPU", True, 2), ("needs kubectl", False, 3)])


def test_a_run_that_skips_what_this_machine_lacks_is_as_expected() -> None:
    assert skips.differences(["Skipped: needs a GPU; run it elsewhere", "Skipped: needs a GPU"]) == []


def test_too_few_and_unknown_skips_are_named() -> None:
    assert skips.differences(["Skipped: needs a GPU", "Skipped: the moon is full"]) == [
        "1 tests were skipped as 'Skipped: the moon is full'; tests/skips.py expects 0",
        "1 tests were skipped as 'needs a GPU'; tests/skips.py expects 2",
    ]


def test_what_is_there_excuses_nothing() -> None:
    assert skips.differences(["needs a GPU", "needs a GPU", "needs kubectl"]) == [
        "1 tests were skipped as 'needs kubectl'; tests/skips.py expects 0"
    ]
