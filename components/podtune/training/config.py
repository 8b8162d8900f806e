"""The `training` section of a recipe: everything that changes the result of a training run."""

from dataclasses import dataclass
from typing import Iterator, Literal, Optional, Tuple

from podtune.errors import BadInput
from podtune.sections import Rules, out_of_range
from podtune.training.ipu import IpuConfig

_RANGES: Rules = (
    ("epochs batch_size device_iterations log_every keep_checkpoints", lambda x: x >= 1, "at least 1"),
    ("learning_rate epsilon", lambda x: x > 0, "above 0"),
    ("weight_decay max_gradient_norm seed", lambda x: x >= 0, "at least 0"),
    ("warmup_steps max_steps micro_batch_tokens", lambda x: x >= 0, "at least 0"),
    ("checkpoint_minutes checkpoint_every evaluate_every", lambda x: x >= 0, "at least 0"),
    ("warmup_ratio", lambda x: 0 <= x <= 1, "from 0 to 1"),
    ("dropout", lambda x: 0 <= x < 1, "from 0 to below 1"),
)


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is optimised; the same on every device."""

    epochs: int
    """Passes over the training rows."""

    batch_size: int
    """Rows in one optimizer step, over all devices."""

    learning_rate: float
    """Peak rate, reached at the end of the warm-up."""

    seed: int = 42
    """Of the data order, of new weights and of dropout."""

    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the rate falls after the warm-up: to zero, or not at all."""

    warmup_ratio: float = 0.0
    """Share of all steps over which the rate rises from zero."""

    warmup_steps: int = 0
    """The same as a number of steps; set only one of the two."""

    weight_decay: float = 0.0
    """Decoupled; biases and norms have none."""

    betas: Tuple[float, ...] = (0.9, 0.999)
    """Of Adam: how much of the mean and of the mean square of the gradients is kept at a step."""

    epsilon: float = 1e-8
    """Of Adam: what is added to the divisor."""

    max_gradient_norm: float = 1.0
    """Gradients are scaled down to this global norm; 0 leaves them alone."""

    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """Of the compute; weights and optimizer state are always float32. "auto" measures on a CPU which of the two is
    faster for this model, and is bfloat16 elsewhere; bfloat16 is float32 where the device does not multiply it. An IPU
    has float16 in place of bfloat16, also for its weights and first moments."""

    dropout: Optional[float] = None
    """Replaces every dropout probability of the model's configuration."""

    device_iterations: int = 1
    """Optimizer steps in one call to the device (PopTorch's term). The learning rate moves once a call, and
    the rows that do not fill a whole call are left out of an epoch. 1 unless an IPU run is reproduced."""

    last_batch: Literal["dropped", "kept"] = "dropped"
    """What becomes of the rows that do not fill an epoch's last batch: they are left out, other ones each epoch, or
    form a smaller batch."""

    max_steps: int = 0
    """Stop after so many optimizer steps, the schedule ending there; 0 means all epochs."""

    micro_batch_tokens: int = 0
    """Tokens that go through the model at once; 0 leaves it to the engine. Changes speed and memory only."""

    log_every: int = 10
    """Optimizer steps between two lines of the log."""

    checkpoint_minutes: float = 5.0
    """Minutes between two checkpoints, which are written while training goes on; 0 writes none by the clock."""

    checkpoint_every: int = 0
    """Optimizer steps between two checkpoints, beside those by the clock; 0 writes none by number."""

    keep_checkpoints: int = 2
    """How many of the newest checkpoints are kept."""

    evaluate_every: int = 0
    """Optimizer steps between two intermediate evaluations; 0 means none."""

    best_metric: str = ""
    """Keep the weights of the evaluation with the highest value of this metric; empty keeps the last weights."""

    ipu: Optional[IpuConfig] = None
    """Placement of the model on IPUs; other devices ignore it, and need not fit it."""

    def on_ipus(self) -> IpuConfig:
        """The placement on IPUs; BadInput where the recipe has none, or one for another batch_size."""
        if self.ipu is None:
            raise BadInput("the recipe has no section training.ipu, which places its model on IPUs; add one")
        mistake = self.ipu.mistake_in(self.batch_size)
        if mistake:
            raise BadInput(mistake)
        return self.ipu

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Combinations that cannot be trained, as (key, what is wrong)."""
        yield from out_of_range(self, _RANGES)
        if self.warmup_ratio and self.warmup_steps:
            yield "warmup_steps", "and warmup_ratio exclude each other; set one"
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            yield "betas", f"must be two numbers from 0 to below 1; got {list(self.betas)}"
        if self.best_metric and not self.evaluate_every:
            yield "best_metric", "needs intermediate evaluations; set evaluate_every"
        if self.best_metric == "loss":
            yield "best_metric", "must be a metric of which more is better, such as f1; got 'loss'"
        if self.last_batch == "kept" and self.device_iterations > 1:
            yield "last_batch", "must be dropped with device_iterations above 1: a call has whole batches"
        iterations = self.device_iterations
        if iterations > 0 and self.max_steps % iterations:
            yield "max_steps", f"must be a multiple of device_iterations {iterations}; got {self.max_steps}"
