"""What a recipe states about its data and its model holds for those alone, and falls away where others are set."""

from typing import Any, Dict, List, Sequence, Tuple

_OF_A_SOURCE: Dict[Tuple[str, ...], Tuple[str, ...]] = {
    ("source.data",): tuple(f"source.{key}" for key in ("dataset", "licence", "revision", "sha256", "gigabytes")),
    ("source.splits",): ("source.dataset", "source.licence", "source.gigabytes"),
    ("model.source",): tuple(f"model.{key}" for key in ("model", "licence", "revision", "sha256", "gigabytes")),
    ("model.decoder.source",): (
        "model.gigabytes",
        *(f"model.decoder.{key}" for key in ("model", "licence", "revision", "sha256")),
    ),
}
"""Where data or a model come from, to what is stated about them."""

_OF_THE_RESULT = tuple(
    f"card.{key}"
    for key in ("licence", "licence_name", "licence_link", "description", "intended_use", "limits", "reference")
)
"""What is stated about a model that was made of them."""


def forget_statements(values: Dict[str, Any], changed: Sequence[str]) -> None:
    """Remove from a recipe's values what was stated about something that was changed, unless it was changed as well.

    `changed` holds keys such as source.data; counts of rows hold for one source, tokenizer and preparation only.
    """
    forgotten: List[str] = []
    for keys, statements in _OF_A_SOURCE.items():
        if _any_of(keys, changed):
            forgotten += [*statements, *_OF_THE_RESULT]
    if forgotten or _any_of(["features"], changed):
        forgotten += [f"features.{key}" for key in values.get("features") or () if str(key).startswith("expected_")]
    for key in forgotten:
        if not _any_of([key], changed):
            _remove(values, key.split("."))
    for key in changed:
        if key.startswith("source.splits."):
            _remove(values, ["source", "sha256", key[len("source.splits.") :]])


def _any_of(keys: Sequence[str], changed: Sequence[str]) -> bool:
    """Whether one of the keys, or a part of it, was changed."""
    return any(f"{other}.".startswith(f"{key}.") for key in keys for other in changed)


def _remove(values: Any, keys: List[str]) -> None:
    for key in keys[:-1]:
        values = values.get(key) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values.pop(keys[-1], None)
