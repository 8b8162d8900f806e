"""The steps, in the order of the flow, and what each one's pod needs: the one table of their names."""

from dataclasses import dataclass
from typing import Tuple

from podtune.environment import IPU_NAMESPACE, QUEUE


@dataclass(frozen=True)
class Properties:
    """What the step's pod needs, and whether its result may be reused."""

    requests: Tuple[str, str] = ("1", "2G")
    """Cores and memory that its pod requests."""

    always_runs: bool = False
    """Whether it depends on what is live now, which no cache key covers."""

    on_accelerator: bool = False
    """Whether it computes on the device that a run was started for."""

    by_job: str = ""
    """The step that a job in other pods does for this one, which takes the URIs of its inputs, not their paths."""

    told: str = ""
    """A variable that the owners of the cluster may set for it, beside what all steps are told of the store."""

    reaches_hub: bool = False
    """Whether it may download from the Hub, with a token where there is one."""

    signs: bool = False
    """Whether it has the key that signs releases, where there is one."""

    knows_run: bool = False
    """Whether it needs the run's name, under which it notes or finds how the run ended."""

    notifies: bool = False
    """Whether it has the address of whoever is told how a run ended, where there is one."""

    account: str = ""
    """Its service account under Argo (manifests/); empty for the one that most steps share."""

    @property
    def by_ipujob(self) -> bool:
        """Whether that job is an IPUJob."""
        return self.told == IPU_NAMESPACE.name


STEPS = {
    "check_store": Properties(always_runs=True, signs=True, account="podtune-publisher"),
    "fetch_data": Properties(reaches_hub=True),
    "fetch_model": Properties(reaches_hub=True),
    "tokenize_squad": Properties(("2", "8G")),
    "extract_lxmert": Properties(("4", "16G")),
    "prepare_captions": Properties(("4", "8G")),
    "check_unchanged": Properties(always_runs=True, knows_run=True),
    "finetune": Properties(("4", "16G"), on_accelerator=True),
    "finetune_on_ipu": Properties(by_job="finetune", told=IPU_NAMESPACE.name, account="podtune-ipu-submitter"),
    "finetune_on_nodes": Properties(by_job="finetune", told=QUEUE.name, account="podtune-trainjob-submitter"),
    "evaluate": Properties(("4", "16G"), on_accelerator=True),
    "evaluate_on_ipu": Properties(by_job="evaluate", told=IPU_NAMESPACE.name, account="podtune-ipu-submitter"),
    "compare": Properties(always_runs=True),
    "write_card": Properties(always_runs=True),
    "publish": Properties(always_runs=True, signs=True, knows_run=True, account="podtune-publisher"),
    "notify": Properties(("0.5", "1G"), always_runs=True, knows_run=True, notifies=True),
}
"""Name, which is also that of the step's folder, to its properties."""
