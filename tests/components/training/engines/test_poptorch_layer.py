"""The layer that the tests stand on refuses what PopTorch and its backend refuse: nine wrong programs."""

from typing import Any, Callable, Dict

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

INPUT, TARGET = torch.ones(4, 4), torch.zeros(4, dtype=torch.long)


class Summed(nn.Module):
    """Has one loss, or two that nothing joins; or looks at what it computes."""

    def __init__(self, losses: int = 1, *, looks: bool = False) -> None:
        super().__init__()
        self.first, self.second, self._losses, self._looks = nn.Linear(4, 4), nn.Linear(4, 3), losses, looks

    def forward(self, features: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        scores = self.second(self.first(features))
        if self._looks and scores.sum() > 0:
            scores = -scores
        return sum(cross_entropy(scores, target) for _ in range(self._losses))  # type: ignore[return-value]


def train(poptorch: Any, model: nn.Module, options: Any) -> None:
    trainer(poptorch, model, options)(INPUT, TARGET)


def trainer(poptorch: Any, model: nn.Module, options: Any) -> Any:
    return poptorch.trainingModel(model, options, poptorch.optim.AdamW(model.parameters()))


def two_losses(poptorch: Any) -> None:
    train(poptorch, Summed(2), poptorch.Options())


def a_look_at_a_value(poptorch: Any) -> None:
    train(poptorch, Summed(looks=True), poptorch.Options())


def an_unknown_session_option(poptorch: Any) -> None:
    options = poptorch.Options()
    options._Popart.set("outlineTreshold", 10.0)
    train(poptorch, Summed(), options)


def a_whole_number_where_a_fraction_is_due(poptorch: Any) -> None:
    options = poptorch.Options()
    options._Popart.set("outlineThreshold", 10)
    train(poptorch, Summed(), options)


def placed(poptorch: Any, second: int) -> Summed:
    model = Summed()
    poptorch.BeginBlock(model.first, ipu_id=0)
    poptorch.BeginBlock(model.second, ipu_id=second)
    return model


def a_pipeline_longer_than_its_batch(poptorch: Any) -> None:
    options = poptorch.Options()
    options.Training.gradientAccumulation(2)
    train(poptorch, placed(poptorch, 1), options)


def three_ipus(poptorch: Any) -> None:
    options = poptorch.Options()
    options.Training.gradientAccumulation(4)
    train(poptorch, placed(poptorch, 2), options)


def an_option_set_too_late(poptorch: Any) -> None:
    options = poptorch.Options()
    trainer(poptorch, Summed(), options)
    options.deviceIterations(3)


def another_shape(poptorch: Any) -> None:
    program = trainer(poptorch, Summed(), poptorch.Options().outputMode(poptorch.OutputMode.All))
    program.compile(INPUT, TARGET)
    program(INPUT[:2], TARGET[:2])


def no_hardware(poptorch: Any) -> None:
    poptorch.poptorch_core.hardware_version = 0
    poptorch.ipuHardwareVersion()


WRONG: Dict[Callable[[Any], None], str] = {
    two_losses: "Multiple independent losses found in graph",
    a_look_at_a_value: "cannot be called on meta tensors|_local_scalar_dense",
    an_unknown_session_option: "Unknown double option outlineTreshold",
    a_whole_number_where_a_fraction_is_due: r"Unknown uint64 option outlineThreshold \(it is a double option\)",
    a_pipeline_longer_than_its_batch: r"must be >= the number of pipeline stages \(3\); it is 2",
    three_ipus: r"The model uses 3 IPUs but PopTorch must reserve a power of 2 \(4\)",
    an_option_set_too_late: "Can't modify frozen Options",
    another_shape: "Shape mismatch for features",
    no_hardware: "No IPU hardware available on this system",
}


@pytest.mark.parametrize("program", WRONG, ids=lambda program: program.__name__)
def test_a_wrong_program_is_refused(
    poptorch_layer: Any, monkeypatch: pytest.MonkeyPatch, program: Callable[[Any], None]
) -> None:
    import poptorch

    monkeypatch.setattr(poptorch_layer, "hardware_version", poptorch_layer.hardware_version)
    monkeypatch.setattr(poptorch, "poptorch_core", poptorch_layer, raising=False)

    with pytest.raises(Exception, match=WRONG[program]):
        program(poptorch)


def test_there_are_nine() -> None:
    assert len(WRONG) == 9
