"""What `plan --device ipu` shows."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune_pipelines.cli.main import app
from podtune_pipelines.ipu_plan import plan_for_ipus
from podtune_pipelines.recipe import load_recipe
from typer.testing import CliRunner


@pytest.mark.parametrize(
    ("recipe", "consumed", "ipus", "rows", "seconds"),
    [
        ("bert-base-uncased-squad", 264_960, 16, 68, None),
        ("roberta-base-squad", 176_640, 16, 136, 134.1),
        ("lxmert-vqa-uncased", 1_774_848, 16, 32, 13_853.4),
        ("lxmert-gqa-uncased", 3_771_904, 16, 32, 29_985.5),
    ],
)
def test_the_published_recipes_need_sixteen_ipus_and_the_cards_time(
    recipe: str, consumed: int, ipus: int, rows: int, seconds: Any
) -> None:
    planned = plan_for_ipus(load_recipe(recipe).training, consumed, None, None)

    assert (planned.ipus, planned.rows_per_step) == (ipus, rows)
    assert planned.seconds == (None if seconds is None else pytest.approx(seconds, abs=0.1))
    assert planned.pipeline is None


def test_a_recipe_without_a_placement_cannot_be_planned_for_ipus() -> None:
    recipe = load_recipe("bert-base-uncased-squad", ["training.ipu=null"])

    with pytest.raises(BadInput, match=r"no section training\.ipu, which places its model on IPUs; add one"):
        plan_for_ipus(recipe.training, None, None, None)


def plan(home: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["plan", "lxmert-gqa-tiny", "--device", "ipu", "--home", str(home), *options])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.local
def test_the_placement_of_a_prepared_recipe_is_shown(home: Path) -> None:
    found: Dict[str, Any] = json.loads(plan(home, "--json").stdout)

    assert found["duration"] is None
    assert found["ipu"]["ipus"] == 2
    assert found["ipu"]["pipeline"]["stages"] == 2
    assert found["ipu"]["pipeline"]["fullest_rows"] == 32
    assert [share["layers"] for share in found["ipu"]["pipeline"]["shares"]] == [1, 2]
    assert "│ stages of the pipeline │ 2 forward, 1 back │" in " ".join(plan(home).stdout.split())


@pytest.mark.local
def test_what_cannot_fit_is_refused_by_the_plan(home: Path) -> None:
    with pytest.raises(BadInput, match=r"layers_per_ipu must hold the model's 3 layers; got 1 \+ 1 = 2"):
        raise plan(home, "--set", "training.ipu.layers_per_ipu=[1,1]").exception
