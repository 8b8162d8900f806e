"""The settings of a run, and which of them differ from podtune's defaults."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, Dict, Iterator, List, Mapping, Tuple, Type

from podtune.steps.write_card.records import Records
from podtune.steps.write_card.wording import setting
from podtune.tasks.task import Task
from podtune.training.config import TrainingConfig
from podtune.training.ipu import IpuConfig


@dataclass(frozen=True)
class ShownSetting:
    """A setting that is not empty."""

    name: str
    """As section.key."""

    value: str
    default: bool
    """Whether it is podtune's default."""


def shown_settings(records: Records, task: Task) -> List[ShownSetting]:
    """List the settings in the order of the flow and of their sections; the placement on IPUs only where it applied."""
    hardware, training = records.checkpoint.hardware, dict(records.checkpoint.training)
    placement = training.pop("ipu", None) or {}
    computed, asked = hardware.get("precision"), training.get("precision")
    if computed and asked not in (None, "auto", computed):
        training["precision"] = f"{computed} ({asked} was asked for)"
    sections: Tuple[Tuple[str, Type[Any], Mapping[str, Any]], ...] = (
        ("features", task.features, records.features.settings),
        ("training", TrainingConfig, training),
        ("training.ipu", IpuConfig, placement if hardware.get("device") == "ipu" else {}),
        ("evaluation", task.evaluation, records.evaluation.settings),
    )
    return [shown for section in sections for shown in _section(*section)]


def _section(name: str, kind: Type[Any], values: Mapping[str, Any]) -> Iterator[ShownSetting]:
    defaults = _defaults(kind)
    for key in dict.fromkeys([*(field.name for field in fields(kind)), *sorted(values)]):
        value = values.get(key)
        if value not in (None, "", {}, []):
            yield ShownSetting(f"{name}.{key}", setting(value), key in defaults and value == defaults[key])


def _defaults(kind: Type[Any]) -> Dict[str, Any]:
    """The defaults of a section as JSON has them; of those that are lists or mappings too."""
    made = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(kind)
    }
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}
    return {name: value for name, value in plain.items() if value is not MISSING}
