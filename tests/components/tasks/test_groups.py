import numpy as np
import pytest
from podtune.tasks.groups import Groups, largest_groups

ARTICLES = [row // 10 for row in range(120)]
CONTEXTS = [row // 3 for row in range(120)]


def test_the_largest_groups_of_which_there_are_enough_are_taken() -> None:
    groups = largest_groups({"article": ARTICLES, "context": CONTEXTS})

    assert (groups.name, groups.count) == ("article", 12)
    assert largest_groups({"article": ARTICLES[:90], "context": CONTEXTS[:90]}).name == "context"
    assert largest_groups({"article": (), "context": CONTEXTS}).name == "context"


@pytest.mark.parametrize("shared", [range(120), [0] * 120, [row // 20 for row in range(120)], ()])
def test_examples_that_share_nothing_or_too_much_count_for_themselves(shared: object) -> None:
    groups = largest_groups({"image": list(shared)})  # type: ignore[call-overload]  # one of several kinds of sequence

    assert (groups.name, groups.count, groups.of([1, 2])) == ("", 0, None)


def test_groups_are_numbered_by_their_first_example() -> None:
    names = [f"picture {row % 11}" for row in range(8, 40)]

    groups = largest_groups({"image": names})

    assert groups.numbers is not None
    assert groups.numbers[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]
    assert np.array_equal(groups.of([0, 11, 12]), [0, 0, 1])
    assert Groups().of([0]) is None
