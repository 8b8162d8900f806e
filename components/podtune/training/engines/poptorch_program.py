"""What a program for IPUs is compiled from and continues from, as PopTorch 3.3 and 3.4 take it.

Options and optimizer, the model's blocks, the state on disk; and PopTorch's errors as ours.
"""

import contextlib
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple

import poptorch
import torch

from podtune.errors import PodtuneError, TryAgainLater
from podtune.training.config import TrainingConfig
from podtune.training.engines.optimizer import decays
from podtune.training.engines.placement import Placement
from podtune.training.ipu import IpuConfig

_OVERLAP_MEMORY_OPTIMIZED = 3
"""popart.AccumulateOuterFragmentSchedule"""

_JUST_IN_TIME = 1
"""popart.SubgraphCopyingStrategy"""

_PATTERNS = ("TiedGather", "TiedGatherAccumulate", "UpdateInplacePrioritiesForIpu")

_WEIGHTS, _GENERATOR = "weights/", "generator"
_IPU_STATE = ("ipu_state", "ipu_param")
"""Of a PopTorch optimizer's state: moments by name, and what counts its updates."""


class SavedState(NamedTuple):
    """What a run continues from."""

    weights: Dict[str, torch.Tensor]
    optimizer: Dict[str, Any]
    """For the optimizer's load_state_dict; empty where it had no state yet."""

    generator: List[int]
    """Seed and state of the IPUs' random generator; empty before the first step."""


def training_options(config: TrainingConfig, ipu: IpuConfig, iterations: int) -> Any:
    """Options of a program that takes `iterations` optimizer steps in one call and returns each micro-batch's loss."""
    options = inference_options(config, ipu, iterations)
    options.Training.gradientAccumulation(ipu.gradient_accumulation)
    options.Training.accumulationAndReplicationReductionType(poptorch.ReductionType.Mean)
    options.Precision.enableStochasticRounding(ipu.stochastic_rounding and config.precision != "float32")
    options.TensorLocations.setOptimizerLocation(
        poptorch.TensorLocationSettings()
        .useOnChipStorage(not ipu.optimizer_state_offchip)
        .useReplicatedTensorSharding(ipu.replicated_tensor_sharding and ipu.replication_factor > 1)
    )
    for name, value in _session_options(config).items():
        options._Popart.set(name, value)
    options._Popart.setPatterns(dict.fromkeys(_PATTERNS, True))
    return options


def inference_options(config: TrainingConfig, ipu: IpuConfig, iterations: int) -> Any:
    """Options of a program that predicts `iterations` micro-batches a replica in one call and returns them all."""
    pipelined = ipu.execution == "pipelined"
    strategy = poptorch.PipelinedExecution if pipelined else poptorch.ShardedExecution
    half = ipu.half_partials and config.precision != "float32"
    options = poptorch.Options()
    options.deviceIterations(iterations)
    options.replicationFactor(ipu.replication_factor)
    options.randomSeed(config.seed)
    options.setExecutionStrategy(strategy(poptorch.AutoStage.AutoIncrement))  # a new stage where the IPU changes
    options.setAvailableMemoryProportion({f"IPU{ipu}": share for ipu, share in enumerate(ipu.proportions())})
    options.showCompilationProgressBar(False)
    options.Precision.setPartialsType(torch.half if half else torch.float)
    options.outputMode(poptorch.OutputMode.All)
    return options


def adamw(model: Any, config: TrainingConfig, ipu: IpuConfig) -> Any:
    """Bias-corrected AdamW, as in the published runs; gradients and first moments in the precision of the weights."""
    parameters = list(model.parameters())
    groups = [
        {"params": [one for one in parameters if decays(one)], "weight_decay": config.weight_decay},
        {"params": [one for one in parameters if not decays(one)], "weight_decay": 0.0},
    ]
    half = torch.float32 if config.precision == "float32" else torch.float16
    clipping = {"max_grad_norm": config.max_gradient_norm} if config.max_gradient_norm else {}
    return poptorch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(config.betas[0], config.betas[1]),
        eps=config.epsilon,
        loss_scaling=1.0 if config.precision == "float32" else ipu.loss_scaling,
        accum_type=half,
        first_order_momentum_accum_type=half,
        second_order_momentum_accum_type=torch.float32,
        **clipping,
    )


def _session_options(config: TrainingConfig) -> Dict[str, Any]:
    """PopART's, as in the published runs. It looks at a value's type: 10 is another kind of number than 10.0."""
    options: Dict[str, Any] = {
        "disableGradAccumulationTensorStreams": True,
        "outlineThreshold": 10.0,
        "subgraphCopyingStrategy": _JUST_IN_TIME,
        "scheduleNonWeightUpdateGradientConsumersEarly": True,
        "engineOptions": {"opt.useAutoloader": "true", "target.syncReplicasIndependently": "true"},
    }
    if not config.max_gradient_norm:  # clipping needs PopTorch's own schedule
        options["accumulateOuterFragmentSettings.schedule"] = _OVERLAP_MEMORY_OPTIMIZED
        options["accumulateOuterFragmentSettings.excludedVirtualGraphs"] = ["0"]
    return options


def mark_blocks(placement: Placement, *, keep_every_layer: bool) -> None:
    """Begin a block at each part of the model, on its IPU; keep the parts' outputs for the backward pass if wanted."""
    graph = placement.graph
    for program in (graph.training, graph.predicting):
        poptorch.BeginBlock(program, ipu_id=0)
    graph.training.register_forward_hook(_mark_loss)
    for part, ipu in placement.parts:
        poptorch.BeginBlock(part, ipu_id=ipu)
    if keep_every_layer:
        for part, _ in placement.parts[:-1]:
            part.register_forward_hook(_keep_output)


def _mark_loss(module: Any, arguments: Any, loss: torch.Tensor) -> Any:  # noqa: ARG001  # the signature of a hook
    # PopART takes one loss only. It would see each cross-entropy as one, so this names their weighted sum.
    return poptorch.identity_loss(loss, reduction="none")


def _keep_output(module: Any, arguments: Any, output: Any) -> Any:  # noqa: ARG001  # the signature of a hook
    if not module.training or not poptorch.isRunningOnIpu():
        return output
    if isinstance(output, tuple):  # as the layers of transformers 4 do
        return (poptorch.recomputationCheckpoint(output[0]), *output[1:])
    return poptorch.recomputationCheckpoint(output)


def flatten_state(
    weights: Mapping[str, torch.Tensor], optimizer: Mapping[str, Any], generator: List[int]
) -> Dict[str, torch.Tensor]:
    """Merge weights, optimizer state and generator into one flat mapping of tensors, as safetensors holds it."""
    flat = {_WEIGHTS + name: tensor.contiguous() for name, tensor in weights.items()}
    for part in _IPU_STATE:
        for name, tensor in (optimizer.get(part) or {}).items():
            flat[f"{part}/{name}"] = torch.as_tensor(tensor).detach().clone().contiguous()
    flat[_GENERATOR] = torch.tensor(generator, dtype=torch.int64)
    return flat


def restore_state(flat: Mapping[str, torch.Tensor], optimizer: Mapping[str, Any]) -> SavedState:
    """Split what `flatten_state` merged; `optimizer` is the new run's state, whose settings are kept."""
    parts: Dict[str, Dict[str, torch.Tensor]] = {part: {} for part in _IPU_STATE}
    for key, tensor in flat.items():
        part, _, name = key.partition("/")
        if part in parts:
            parts[part][name] = tensor
    weights = {key[len(_WEIGHTS) :]: tensor for key, tensor in flat.items() if key.startswith(_WEIGHTS)}
    state = {**optimizer, **parts} if all(parts.values()) else {}
    return SavedState(weights, state, flat[_GENERATOR].tolist())


@contextlib.contextmanager
def raising_our_errors() -> Iterator[None]:
    """Turn PopTorch's errors into one line of ours, with its words.

    TryAgainLater where IPUs have to be reset first, PodtuneError where the same call fails again.
    """
    try:
        yield
    except poptorch.RecoverableError as error:
        raise TryAgainLater(f"the IPUs failed and need a {error.recovery_action}: {_words(error)}") from error
    except poptorch.UnrecoverableError as error:
        raise TryAgainLater(f"the IPUs failed; somebody has to look at the machine: {_words(error)}") from error
    except poptorch.Error as error:
        advice = ""
        if "Out of memory" in str(error):
            advice = "; lower training.ipu.micro_batch_size or matmul_proportion, or move layers by layers_per_ipu"
        raise PodtuneError(f"PopTorch cannot run the model: {_words(error)}{advice}") from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
