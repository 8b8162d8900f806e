"""What the tests stand on where no checkout of PopTorch is named is what PopTorch's own sources say and do."""

import inspect
import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from podtune.training.config import TrainingConfig
from podtune.training.ipu import IpuConfig
from poptorch_layer.backend import FACTS
from poptorch_layer.loading import SKIP, VARIABLE
from poptorch_layer.source_facts import aten_handlers, session_options
from poptorch_layer.stand_in import poptorch as stand_in
from torch import nn

pytestmark = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=SKIP)

PIPELINED = IpuConfig((1, 1), row_tokens=40, gradient_accumulation=4, replication_factor=2, loss_scaling=8.0)
SHARDED = IpuConfig((1, 1), row_tokens=40, execution="sharded", gradient_accumulation=8, optimizer_state_offchip=True)


@pytest.fixture
def both(poptorch_layer: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], Any]:
    """What a function of the engine's module makes of the stand-in, and of PopTorch."""
    from podtune.training.engines import poptorch_program as engine

    def made(make: Callable[[Any], Any]) -> Any:
        with_poptorch = make(engine)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "poptorch", stand_in)
            return make(engine), with_poptorch

    return made


def test_the_facts_are_those_of_the_sources(poptorch_layer: Any) -> None:
    import poptorch

    sources = Path(os.environ[VARIABLE])

    assert aten_handlers(sources) == set(FACTS["aten_handlers"])
    assert session_options(sources) == {kind: set(names) for kind, names in FACTS["session_options"].items()}
    assert {"model", "rng_state"} <= {name for name, _ in inspect.getmembers(poptorch.PoplarExecutor)}
    for kind in ("PoplarExecutor", "Options"):
        for name, signature in FACTS["classes"][kind].items():
            names = list(inspect.signature(getattr(getattr(poptorch, kind), name)).parameters)
            assert all(each in signature for each in names), f"{kind}.{name}"


@pytest.mark.parametrize("ipu", [PIPELINED, SHARDED], ids=["pipelined", "sharded"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_compiled_half_is_given_the_same_options(
    both: Callable[..., Any], config: Callable[..., TrainingConfig], ipu: IpuConfig, precision: str
) -> None:
    training = config(ipu=ipu, precision=precision)
    for make in (
        lambda engine: engine.training_options(training, ipu, 2),
        lambda engine: engine.inference_options(training, ipu, 3),
    ):
        ours, poptorchs = (options.toDict() for options in both(make))

        assert len(ours) >= 12
        assert {name: poptorchs[name] for name in ours} == ours


def test_the_compiled_half_is_given_the_same_optimizer(
    both: Callable[..., Any], config: Callable[..., TrainingConfig], poptorch_layer: Any
) -> None:
    import poptorch

    training, model = config(ipu=PIPELINED, max_gradient_norm=0.5, precision="bfloat16"), nn.Linear(3, 2)
    ours, poptorchs = both(lambda engine: engine.adamw(model, training, PIPELINED))

    sent: Dict[str, Any] = poptorch.trainingModel(model, poptorch.Options(), poptorchs)._dict_optimizer

    assert values_of(ours._for_program()) == values_of(sent)


def values_of(sent: Any) -> Any:
    """Without whether PopTorch makes a constant of a number."""
    if isinstance(sent, dict):
        return {name: values_of(value) for name, value in sent.items()}
    if isinstance(sent, list):
        return [values_of(each) for each in sent]
    return sent[0] if isinstance(sent, tuple) else sent
