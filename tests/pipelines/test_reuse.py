"""Results of earlier runs, in a real recipe's graph and through KFP's own local runner; only the steps are stubs."""

import json
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Set, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kfp import dsl, local
from kfp.local import task_dispatcher
from kfp.local.status import Status
from podtune.formats.sealed import MANIFEST, sealing, verify
from podtune_pipelines.compiled_graph import Graph, graph_of
from podtune_pipelines.graphs import arguments_of, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe
from podtune_pipelines.reuse import Results, digest_of, reusable, serving

ALWAYS = {"compare", "write-card", "publish"}
REUSABLE = {"fetch-data", "fetch-model", "tokenize-squad", "finetune", "evaluate"}
OWN, OTHER = 1e-3, 2e-3
"""The learning rates of two recipes that share a home."""


class Steps:
    """In place of KFP's dispatcher: each task makes what never was before, and records what it was made from."""

    def __init__(self) -> None:
        self.executed: Set[str] = set()
        self.used: Dict[str, Path] = {}
        """The artifacts that the executed tasks were given, by name."""

        self.failing = self.repeating = ""
        """A task that fails, and one that makes the same each time."""
        self._numbers = count()

    def __call__(
        self, *, component_name: str, component_spec: Any, arguments: Dict[str, Any], **run: Any
    ) -> Tuple[Dict[str, dsl.Artifact], Status]:
        task = component_name.removeprefix("comp-")
        if task == self.failing:
            return {}, Status.FAILURE
        self.executed.add(task)
        self.used.update((name, Path(one.uri)) for name, one in arguments.items() if isinstance(one, dsl.Artifact))
        folder = Path(run["pipeline_root"]) / run["pipeline_resource_name"] / task
        outputs = {name: dsl.Artifact(name, str(folder / name)) for name in component_spec.output_definitions.artifacts}
        for name in outputs:
            self.make(folder / name, task, arguments)
        return outputs, Status.SUCCESS

    def make(self, path: Path, task: str, arguments: Mapping[str, Any]) -> None:
        content = "the same" if task and task == self.repeating else f"{next(self._numbers):08}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix or path.name == "metrics":
            path.write_text(content)
            return
        with sealing(path, path.name, 1) as draft:
            (draft.path / "content").write_text(content)
            draft.facts["made_from"] = {name: identified(value) for name, value in arguments.items()}


def identified(value: Any) -> Any:
    return digest_of(value.uri) if isinstance(value, dsl.Artifact) else value


def require_belonging(used: Mapping[str, Path], graph: Graph, arguments: Mapping[str, Any]) -> None:
    """Fail unless every artifact that a run used was made with this run's parameters from those that it used.

    Beside an artifact's facts lies the artifact itself, which whoever uses the facts depends on too.
    """
    facts = {name[: -len("_facts")]: path for name, path in used.items() if name.endswith("_facts")}
    there = {**{name: path.with_name(name) for name, path in facts.items()}, **used}
    for step in graph.steps:
        inputs = {name: digest_of(str(there[output])) for name, (_, output) in step.inputs.items() if output in there}
        values = {name: one.value if one.is_constant else arguments[one.value] for name, one in step.parameters.items()}
        for output in used.keys() & set(step.outputs):
            verify(used[output])
            manifest = json.loads((used[output] / MANIFEST).read_text())
            assert manifest["facts"]["made_from"] == {**inputs, **values}, f"{output} was made from something else"


@lru_cache(maxsize=None)
def compiled(learning_rate: float) -> Tuple[Any, Graph, Dict[str, Any]]:
    """A recipe's pipeline, its graph and its arguments."""
    recipe = load_recipe("bert-tiny-squad", [f"training.learning_rate={learning_rate}"])
    arguments = arguments_of(recipe, store="store", workspace="workspace")
    placement = Placement("cpu", identity=lambda step: step, on_this_machine=True)
    return pipeline_of(recipe, placement), graph_of(recipe, placement, arguments), arguments


class Runs:
    """A home in which recipes run."""

    def __init__(self, directory: Path, steps: Steps) -> None:
        self.directory, self.steps = directory, steps

    def run(self, learning_rate: float = OWN) -> Set[str]:
        """Run a recipe as a command of its own would; return the tasks that were executed."""
        pipeline, graph, arguments = compiled(learning_rate)
        foreseen = reusable(graph, arguments, Results(self.directory / "reuse"))
        self.steps.executed, self.steps.used = set(), {}
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(self.directory / "runs"))
        with serving(Results(self.directory / "reuse")), warnings.catch_warnings(action="ignore"):
            pipeline(**arguments)
        assert self.steps.executed.isdisjoint(step.replace("_", "-") for step, made in foreseen.items() if made)
        require_belonging(self.steps.used, graph, arguments)
        return self.steps.executed

    def artifacts(self) -> List[Path]:
        return sorted(path for path in (self.directory / "runs").glob("*/*/*") if path.parent.name in REUSABLE)

    def entries(self) -> List[Path]:
        return sorted((self.directory / "reuse").iterdir())


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    stubs = Steps()
    monkeypatch.setattr(task_dispatcher, "run_single_task_implementation", stubs)
    return stubs


@pytest.fixture
def home(tmp_path: Path, steps: Steps) -> Runs:
    """A home in which two recipes have run that share all but their training."""
    home = Runs(tmp_path / "home", steps)
    assert home.run(OWN) == ALWAYS | REUSABLE
    assert home.run(OTHER) == ALWAYS | {"finetune", "evaluate"}
    return home


def test_a_further_run_reuses_everything(home: Runs) -> None:
    assert home.run(OWN) == ALWAYS
    assert home.run(OTHER) == ALWAYS


def test_a_removed_checkpoint_is_made_and_evaluated_anew(home: Runs) -> None:
    for folder in (home.directory / "runs").glob("*/finetune"):
        shutil.rmtree(folder)

    assert home.run() == ALWAYS | {"finetune", "evaluate"}
    assert home.run() == ALWAYS


def _as_directory(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def _as_link_in_a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


ENTRIES: Dict[str, Callable[[Path], Any]] = {
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "empty": lambda path: path.write_bytes(b""),
    "a list": lambda path: path.write_text("[]"),
    "outputs that are a list": lambda path: path.write_text('{"outputs": [], "seal": ""}'),
    "a path that is a number": lambda path: path.write_text('{"outputs": {"a": {"path": 5, "digest": ""}}}'),
    "nested": lambda path: path.write_text("[" * 100_000 + "]" * 100_000),
    "digits": lambda path: path.write_text("1" * 5000),
    "half a surrogate": lambda path: path.write_text('{"outputs": {"a": {"path": "\\ud800", "digest": ""}}}'),
    "a directory": _as_directory,
    "a link": _as_link_in_a_circle,
}
"""What may lie in place of an entry."""


@pytest.mark.parametrize("damage", list(ENTRIES))
def test_an_entry_that_cannot_be_read_is_forgotten_and_its_step_runs_again(home: Runs, damage: str) -> None:
    for entry in home.entries():
        ENTRIES[damage](entry)

    assert home.run(OWN) == ALWAYS | REUSABLE
    assert home.run(OWN) == ALWAYS


def _without_manifest(path: Path) -> None:
    (path / MANIFEST).unlink()


def _emptied(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def _a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


def _manifest_is_a_directory(path: Path) -> None:
    (path / MANIFEST).unlink()
    (path / MANIFEST).mkdir()


def _another_fact(path: Path) -> None:
    text = (path / MANIFEST).read_text()
    (path / MANIFEST).write_text(text.replace('"version": 1', '"version": 3'))


def _a_missing_file(path: Path) -> None:
    (path / "content").unlink()


@pytest.mark.parametrize(
    "damage", [_without_manifest, _emptied, _a_file, _manifest_is_a_directory, _another_fact, _a_missing_file]
)
@pytest.mark.parametrize("step", ["fetch-data", "finetune"])
def test_an_artifact_that_is_damaged_in_any_way_is_made_again(home: Runs, step: str, damage: Any) -> None:
    for path in home.artifacts():
        if path.parent.name == step and path.is_dir():
            damage(path)

    assert step in home.run(OWN)
    assert home.run(OWN) == ALWAYS


def test_what_a_failed_run_finished_is_reused(tmp_path: Path, steps: Steps) -> None:
    home, steps.failing = Runs(tmp_path, steps), "evaluate"
    with pytest.raises(RuntimeError, match="evaluate"):
        home.run()
    steps.failing = ""

    assert home.run() == ALWAYS | {"evaluate"}


def test_the_same_made_again_is_continued_with_earlier_results(tmp_path: Path, steps: Steps) -> None:
    home, steps.repeating = Runs(tmp_path, steps), "fetch-data"
    home.run()
    shutil.rmtree(next(tmp_path.glob("runs/*/fetch-data")))

    assert home.run() == ALWAYS | {"fetch-data"}


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def overwrite(text: str) -> Callable[[Path, List[Path], Steps], None]:
    """A change that writes into a file, or into an artifact's content."""

    def change(path: Path, alike: List[Path], steps: Steps) -> None:  # every change's signature
        file = path / "content" if path.is_dir() else path
        if file.exists():
            file.write_text(text)

    return change


def exchange(path: Path, alike: List[Path], steps: Steps) -> None:
    """Put another one of the same kind there, and this one in its place."""
    other = next((one for one in alike if one != path and one.exists()), path)
    if other != path and path.exists():
        held = path.with_name("held")
        path.rename(held)
        other.rename(path)
        held.rename(other)


CHANGES: List[Callable[[Path, List[Path], Steps], None]] = [
    lambda path, alike, steps: remove(path),
    lambda path, alike, steps: remove(path if path.suffix else path.parent),
    lambda path, alike, steps: remove(path / MANIFEST),
    overwrite("99999999"),
    overwrite(""),
    overwrite("{}"),
    overwrite('{"outputs": {}, "seal": ""}'),
    overwrite("[]"),
    exchange,
    lambda path, alike, steps: (remove(path), steps.make(path, "", {})),  # valid, but not what was made there
]


@pytest.mark.local
@given(changes=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(CHANGES)), min_size=1, max_size=6))
@settings(max_examples=20)
def test_whatever_was_changed_a_run_succeeds_with_results_that_belong_together(
    changes: "list[tuple[int, Callable[[Path, list[Path], Steps], None]]]", tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        steps = Steps()
        patch.setattr(task_dispatcher, "run_single_task_implementation", steps)
        home = Runs(tmp_path_factory.mktemp("home"), steps)
        home.run(OWN), home.run(OTHER)
        known = [*home.artifacts(), *home.entries()]

        for number, change in changes:
            path = known[number % len(known)]
            change(path, [one for one in known if one.name == path.name or one.suffix == path.suffix == ".json"], steps)

        home.run(OWN), home.run(OTHER)
        assert home.run(OWN) == ALWAYS
        assert home.run(OTHER) == ALWAYS


def test_runs_side_by_side_leave_whole_entries(tmp_path: Path) -> None:
    results, path = Results(tmp_path / "reuse"), tmp_path / "metrics"
    path.write_text("1")
    outputs = {"metrics": dsl.Artifact("metrics", str(path))}
    results.put("key", outputs)

    with ThreadPoolExecutor(8) as threads:
        written = threads.map(lambda _: results.put("key", outputs), range(100))
        found = list(threads.map(lambda _: results.find("key"), range(100)))

    assert list(written) == [None] * 100
    assert None not in found
    assert [entry.name for entry in (tmp_path / "reuse").iterdir()] == ["key.json"]


def test_an_artifact_is_read_once_a_command(home: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    read: List[str] = []
    monkeypatch.setattr("podtune_pipelines.reuse.verify", lambda path: read.append(str(path)))
    _, graph, arguments = compiled(OWN)
    results = Results(home.directory / "reuse")

    first, second = (reusable(graph, arguments, results) for _ in range(2))

    assert first == second
    assert len(read) == len(set(read)) == 9
