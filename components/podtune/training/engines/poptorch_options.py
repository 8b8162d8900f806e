"""PopTorch's options and optimizer for a recipe, which are compiled into a program; for PopTorch 3.3 and 3.4."""

from typing import Any, Dict

import poptorch
import torch

from podtune.training.config import TrainingConfig
from podtune.training.engines.optimizer import decays
from podtune.training.ipu import IpuConfig

_OVERLAP_MEMORY_OPTIMIZED = 3
"""popart.AccumulateOuterFragmentSchedule"""

_JUST_IN_TIME = 1
"""popart.SubgraphCopyingStrategy"""

_PATTERNS = ("TiedGather", "TiedGatherAccumulate", "UpdateInplacePrioritiesForIpu")


def training_options(config: TrainingConfig, ipu: IpuConfig, iterations: int) -> Any:
    """Of the program that takes so many optimizer steps in one call; it returns the loss of every micro-batch."""
    options = _options(config, ipu, iterations)
    options.outputMode(poptorch.OutputMode.All)
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
    """Of the program that predicts so many micro-batches a replica in one call, and returns them all."""
    options = _options(config, ipu, iterations)
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


def _options(config: TrainingConfig, ipu: IpuConfig, iterations: int) -> Any:
    options = poptorch.Options()
    options.deviceIterations(iterations)
    options.replicationFactor(ipu.replication_factor)
    options.randomSeed(config.seed)
    options.setExecutionStrategy(_strategy(ipu))
    options.setAvailableMemoryProportion({f"IPU{ipu}": share for ipu, share in enumerate(ipu.proportions())})
    options.showCompilationProgressBar(False)
    half = ipu.half_partials and config.precision != "float32"
    options.Precision.setPartialsType(torch.half if half else torch.float)
    return options


def _strategy(ipu: IpuConfig) -> Any:
    """A new stage begins where the IPU changes."""
    kind = poptorch.PipelinedExecution if ipu.execution == "pipelined" else poptorch.ShardedExecution
    return kind(poptorch.AutoStage.AutoIncrement)


def _session_options(config: TrainingConfig) -> Dict[str, Any]:
    """PopART's, as in the published runs; it looks at the type of a value: 10 is another kind of number than 10.0."""
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
