"""The layer that the tests stand on is unlike a CPU where an IPU is: weights, rate, operators, depth and number."""

from typing import Any, Callable, Optional

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

IDS, LABELS = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 0]] * 2), torch.tensor([0, 1, 2, 0] * 2)


class Classifier(nn.Module):
    """Three layers of a kind, so that there is something to place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.hidden, self.head = nn.Embedding(8, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, ids: torch.Tensor, labels: Optional[torch.Tensor] = None) -> Any:
        logits = self.head(torch.tanh(self.hidden(self.embedding(ids).mean(1))))
        return logits if labels is None else self.loss(logits, labels)

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits, labels)


class NoLoss(Classifier):
    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return logits.sum()


class Factorizing(Classifier):
    def forward(self, ids: torch.Tensor) -> Any:
        return torch.linalg.qr(super().forward(ids))[1]


@pytest.fixture
def poptorch(poptorch_layer: Any) -> Any:
    import poptorch

    return poptorch


@pytest.fixture
def options(poptorch: Any) -> Any:
    """Every output is returned."""
    options = poptorch.Options()
    options.outputMode(poptorch.OutputMode.All)
    return options


@pytest.fixture
def train(poptorch: Any, options: Any) -> Callable[..., Any]:
    """Take one step with a model; return the program."""

    def trained(model: nn.Module, optimizer: Any = None) -> Any:
        options.Training.gradientAccumulation(4)
        optimizer = optimizer or poptorch.optim.AdamW(model.parameters(), lr=0.1, bias_correction=True)
        program = poptorch.trainingModel(model.train(), options, optimizer)
        program(IDS, LABELS)
        return program

    return trained


@pytest.fixture
def predict(poptorch: Any, options: Any) -> Callable[..., Any]:
    return lambda model, *inputs: poptorch.inferenceModel(model.eval(), options)(*inputs)


def place(poptorch: Any, model: Classifier, *ipus: int) -> Classifier:
    """Start a block at the embedding, the hidden layer and the head, as far as there are IPUs."""
    for layer, ipu in zip((model.embedding, model.hidden, model.head), ipus):
        poptorch.BeginBlock(layer, ipu_id=ipu)
    return model


def test_a_right_program_trains(train: Callable[..., Any]) -> None:
    program = train(Classifier())

    before, after = program(IDS, LABELS).mean(), program(IDS, LABELS).mean()
    assert after < before


def test_what_trains_has_a_loss(poptorch: Any, train: Callable[..., Any]) -> None:
    with pytest.raises(poptorch.Error, match="Couldn't find a loss in graph"):
        train(NoLoss())


def test_a_pipeline_that_predicts_needs_an_iteration_for_each_stage(poptorch: Any, predict: Callable[..., Any]) -> None:
    model = place(poptorch, Classifier(), 0, 1)

    with pytest.raises(poptorch.Error, match=r"device_iterations must be >= .* stages \(2\); it is 1"):
        predict(model, IDS)


def test_stages_follow_each_other(poptorch: Any, train: Callable[..., Any]) -> None:
    model = place(poptorch, Classifier(), 0, 1, 0)

    with pytest.raises(poptorch.Error, match=r"pipeline stages must ascend; they are \[0, 1, 0\]"):
        train(model)


def test_what_predicts_does_not_accumulate(poptorch: Any, predict: Callable[..., Any], options: Any) -> None:
    options.Training.gradientAccumulation(4)

    with pytest.raises(poptorch.Error, match="gradientAccumulation to 1"):
        predict(Classifier(), IDS)


def test_there_are_64_ipus_at_most(poptorch: Any, predict: Callable[..., Any], options: Any) -> None:
    options.deviceIterations(2).replicationFactor(64)
    model = place(poptorch, Classifier(), 0, 1)

    with pytest.raises(poptorch.Error, match=r"Too many IPUs requested \(128\)"):
        predict(model, IDS.repeat(32, 1))


def test_an_operator_that_no_ipu_has_is_reported(predict: Callable[..., Any], poptorch_layer: Any) -> None:
    predict(Factorizing(), IDS)

    assert poptorch_layer.report()["unsupported"] == {"linalg_qr": 1}


def test_a_rate_counts_once_the_program_is_sent_it(poptorch: Any, train: Callable[..., Any]) -> None:
    model = Classifier()
    optimizer = poptorch.optim.AdamW(model.parameters(), lr=0.0, bias_correction=True)
    program = train(model, optimizer)
    optimizer.param_groups[0]["lr"] = 0.1
    unsent = [float(program(IDS, LABELS).mean()) for _ in range(2)]

    program.setOptimizer(optimizer)
    sent = [float(program(IDS, LABELS).mean()) for _ in range(2)]

    assert unsent[0] == unsent[1] == sent[0]
    assert sent[1] < sent[0]


def test_weights_of_the_host_are_old_until_they_are_copied(train: Callable[..., Any]) -> None:
    model = Classifier()
    host, before = model.head.bias.data, model.head.bias.detach().clone()
    program = train(model)
    stale = torch.equal(host, before)

    program.copyWeightsToHost()

    assert stale
    assert not torch.equal(host, before)
