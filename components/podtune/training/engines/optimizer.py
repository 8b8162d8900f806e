"""AdamW on flat float32 buffers; the model's own weights are views of one flat copy in its precision."""

from typing import Any, Callable, Dict, List, Set

import torch
from torch import nn

from podtune.training.config import TrainingConfig

_BLOCK = 1 << 16
"""Numbers of a gradient that are squared and added up at a time."""


class MasterWeights:
    """A model's weights, gradients and optimizer state in float32, each one flat tensor.

    A gradient is moved into `gradient` the moment backward has made it: so micro-batches are added up in
    float32 whatever the model's precision, and one call reduces all gradients over processes.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig, precision: torch.dtype) -> None:
        named = sorted(model.named_parameters(), key=lambda pair: not decays(pair[1]))  # the decayed ones first
        self.shapes = {name: parameter.shape for name, parameter in named}
        self._sizes = [parameter.numel() for _, parameter in named]
        self.weights = torch.cat([parameter.detach().flatten().float() for _, parameter in named])
        self.first_moment, self.second_moment = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.updates = [torch.zeros((), device=self.weights.device) for _ in range(2)]
        self.gradient_and_loss = self.weights.new_zeros(len(self.weights) + 1)
        self._gradients = torch.split(self.gradient, self._sizes)
        self._written: Set[int] = set()
        self._parameters = [parameter for _, parameter in named]
        self.compute_in(precision)
        for index, parameter in enumerate(self._parameters):
            # Takes each gradient away as soon as it is made; without the hook they would add up in bfloat16, in as many
            # tensors as there are parameters, and `gradient` would stay zero.
            parameter.register_post_accumulate_grad_hook(self._collector(index))  # type: ignore[no-untyped-call]  # torch's
        decayed = sum(parameter.numel() for _, parameter in named if decays(parameter))
        self._optimizer = self._adamw(config, decayed)

    @property
    def precision(self) -> torch.dtype:
        """Of the model's own weights."""
        return self._compute.dtype

    def compute_in(self, precision: torch.dtype) -> None:
        """Give the model weights of this precision, rounded from the float32 ones."""
        self._compute = self.weights if precision == torch.float32 else self.weights.to(precision)
        for parameter, own in zip(self._parameters, torch.split(self._compute, self._sizes)):
            # By `.data`, as models tie parameters by identity and torch has no public way to give one another storage.
            # Without it copy_to_model would reach no module.
            parameter.data = own.view(parameter.shape)

    @property
    def gradient(self) -> torch.Tensor:
        """Of all weights, in their order."""
        return self.gradient_and_loss[:-1]

    def named(self) -> Dict[str, torch.Tensor]:
        """The float32 weights by name, as views."""
        parts = zip(self.shapes.items(), torch.split(self.weights, self._sizes))
        return {name: part.view(shape) for (name, shape), part in parts}

    def state(self) -> Dict[str, torch.Tensor]:
        """All that a run continues from, as the tensors themselves."""
        return {
            "weights": self.weights,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "updates_decayed": self.updates[0],
            "updates_plain": self.updates[1],
        }

    def layout(self) -> List[List[Any]]:
        """Every parameter's name and shape, in the order of the flat tensors."""
        return [[name, list(shape)] for name, shape in self.shapes.items()]

    def continue_from(self, state: Dict[str, torch.Tensor]) -> None:
        """Take over what `state` once returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self.copy_to_model()

    def start_sum(self) -> None:
        """Forget the gradient and the loss; what backward makes from now on is added up."""
        self._written.clear()
        self.gradient_and_loss[-1] = 0.0

    def finish_sum(self) -> torch.Tensor:
        """Return the sum, gradient and loss in one tensor, to be reduced over processes in place."""
        for index in set(range(len(self._sizes))) - self._written:
            self._gradients[index].zero_()
        return self.gradient_and_loss

    def update(self, learning_rate: float, max_gradient_norm: float) -> torch.Tensor:
        """Take one AdamW step with the gradient clipped; return its norm before that."""
        norm = norm_of(self.gradient)
        if max_gradient_norm:
            self.gradient.mul_((max_gradient_norm / (norm + 1e-6)).clamp(max=1.0))
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        self.copy_to_model()
        return norm

    def copy_to_model(self) -> None:
        """Round the float32 weights into the model's."""
        if self._compute is not self.weights:
            self._compute.copy_(self.weights)

    def _collector(self, index: int) -> Callable[[torch.Tensor], None]:
        """Make the hook that moves a parameter's gradient to its part of the flat one."""
        total = self._gradients[index]

        def collect(parameter: torch.Tensor) -> None:
            gradient = parameter.grad.flatten()  # type: ignore[union-attr]  # the hook runs when there is one
            if index in self._written:
                total.add_(gradient)
            else:
                total.copy_(gradient)
                self._written.add(index)
            parameter.grad = None

        return collect

    def _adamw(self, config: TrainingConfig, decayed: int) -> torch.optim.AdamW:
        groups: List[Dict[str, object]] = []
        state: Dict[torch.Tensor, Dict[str, torch.Tensor]] = {}
        parts = (slice(0, decayed), config.weight_decay), (slice(decayed, None), 0.0)
        for (part, decay), updates in zip(parts, self.updates):
            parameter = nn.Parameter(self.weights[part])
            parameter.grad = self.gradient[part]
            groups.append({"params": [parameter], "weight_decay": decay})
            moments = {"exp_avg": self.first_moment[part], "exp_avg_sq": self.second_moment[part]}
            state[parameter] = {"step": updates, **moments}
        betas = (config.betas[0], config.betas[1])
        optimizer = torch.optim.AdamW(groups, config.learning_rate, betas, config.epsilon, fused=True)
        # Under torch's own keys, which it takes over as if it had made them: the moments are then views of our flat
        # tensors, which a checkpoint holds. Under other keys it would begin with moments of its own, at every resume.
        optimizer.state.update(state)
        return optimizer


def norm_of(vector: torch.Tensor) -> torch.Tensor:
    """The norm of a vector, from the norms of its blocks: one float32 sum over a whole model falls short."""
    whole, rest = torch.split(vector, [len(vector) // _BLOCK * _BLOCK, len(vector) % _BLOCK])
    norms = torch.linalg.vector_norm(whole.view(-1, _BLOCK), dim=1)  # by one kernel, where a loop would start thousands
    norm: torch.Tensor = torch.linalg.vector_norm(torch.cat([norms, torch.linalg.vector_norm(rest)[None]]))
    return norm


def decays(parameter: torch.Tensor) -> bool:
    """Whether weight decay applies: to matrices and embeddings, not to biases and norms."""
    return parameter.ndim > 1
