import copy
from typing import Any, Dict

from hypothesis import given, settings
from hypothesis import strategies as st
from podtune.merging import merged, without_unmounted

SCALARS = st.integers() | st.text(max_size=3) | st.booleans()
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), SCALARS),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | SCALARS),
    max_leaves=8,
)


@settings(max_examples=50)
@given(OBJECTS, OBJECTS)
def test_what_is_laid_over_goes_before_and_changes_neither(base: Dict[str, Any], over: Dict[str, Any]) -> None:
    before = copy.deepcopy((base, over))

    once = merged(base, over)

    assert merged(once, over) == once
    assert merged(over, {}) == over
    assert (base, over) == before


def test_named_items_are_told_apart_by_their_names() -> None:
    base = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}], "tolerations": [{"key": "a"}]}
    over = {"env": [{"name": "B", "valueFrom": {}}, {"name": "C", "value": "2"}], "tolerations": [{"key": "b"}]}

    assert merged(base, over) == {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}, {"name": "C", "value": "2"}],
        "tolerations": [{"key": "b"}],
    }


def test_mounts_are_told_apart_by_their_paths() -> None:
    base = {"volumeMounts": [{"name": "temporary", "mountPath": "/tmp"}]}

    over = {"volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}]}

    assert merged(base, over) == over


def test_none_takes_a_key_away() -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}) == {"a": {"c": 2}}


def test_a_volume_that_nothing_mounts_goes() -> None:
    volumes = [{"name": "a"}, {"name": "b"}]

    assert without_unmounted(volumes, {"volumeMounts": [{"name": "b", "mountPath": "/b"}]}) == [{"name": "b"}]
