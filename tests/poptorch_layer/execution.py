"""Runs micro-batches of a compiled program on the CPU in float32, with AdamW as PopART takes it.

Not modelled: float16's rounding and overflow, rounding by chance, loss scaling, memory and speed.
"""

from typing import Any, Dict, List

import torch

from poptorch_layer.tensors import tensors_in, with_tensors

ADAMW = 3
ALL, FINAL = 2, 0
Gradients = Dict[str, torch.Tensor]


def execute(program: Any, inputs: List[torch.Tensor]) -> List[torch.Tensor]:
    """Run a call: all its device iterations, each over replicas and gradient accumulation."""
    options = program.options
    iterations, replicas = options["device_iterations"], options["replication_factor"]
    accumulation = options["gradient_accumulation"] if program.training else 1
    parts = iterations * replicas * accumulation
    sliced = [list(_wide(tensor).reshape(parts, -1, *tensor.shape[1:]).unbind(0)) for tensor in inputs]
    outputs: List[List[torch.Tensor]] = []
    for iteration in range(iterations):
        first = iteration * replicas * accumulation
        outputs += _iteration(program, [part[first : first + replicas * accumulation] for part in sliced])
    return _collected(program, outputs)


def _iteration(program: Any, inputs: List[List[torch.Tensor]]) -> List[List[torch.Tensor]]:
    """Run the micro-batches of one device iteration, and take the optimizer's step in training."""
    executor, count = program.executor, len(inputs[0])
    weights = {name: _wide(tensor).clone() for name, tensor in program.weights.items()}
    trained = [name for names in program.trace.groups.values() for name in names] if program.training else []
    for name in trained:
        weights[name].requires_grad_(True)
    structure = (executor._executable_inputs.args, executor._executable_inputs.kwargs)
    total: Gradients = {}
    outputs = []
    for number in range(count):
        _draw_anew(program)
        arguments, named = with_tensors(structure, [part[number] for part in inputs])
        with torch.set_grad_enabled(program.training):
            result = torch.func.functional_call(executor._model, weights, tuple(arguments), dict(named))
            flat = tensors_in(result)
            if program.training:
                _add(total, flat, {name: weights[name] for name in trained}, count)
        outputs.append([tensor.detach() for tensor in flat])
    if program.training:
        program.steps += 1
        _step(program, weights, total)
    return outputs


def _draw_anew(program: Any) -> None:
    """Draw what the program's own generator would give next."""
    seed, drawn = program.generator[:2]
    torch.manual_seed(seed * 1_000_003 + drawn)
    program.generator = [seed, drawn + 1]


def _add(total: Gradients, outputs: List[torch.Tensor], weights: Gradients, count: int) -> None:
    loss = next(tensor for tensor in outputs if tensor.dim() == 0 and tensor.requires_grad)
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    for name, gradient in zip(weights, gradients):
        if gradient is not None:
            total[name] = total.get(name, 0) + gradient / count


def _step(program: Any, weights: Gradients, gradients: Gradients) -> None:
    """Take one step of bias-corrected AdamW."""
    optimizer = program.optimizer
    assert int(optimizer["optimizer_type"]) == ADAMW, "this layer runs AdamW only"
    gradients = _clipped(gradients, optimizer.get("maxGradNorm", float("inf")))
    with torch.no_grad():
        for group, names in program.trace.groups.items():
            values = {**optimizer["defaults"], **optimizer["groups"][group]}
            for name in names:
                if name in gradients:
                    moments = program.state.setdefault(name, {})
                    new = _updated(weights[name].detach(), gradients[name], moments, values, program.steps)
                    program.weights[name] = new.to(program.weights[name].dtype)


def _updated(
    weight: torch.Tensor, gradient: torch.Tensor, moments: Gradients, values: Dict[str, Any], steps: int
) -> torch.Tensor:
    names = ("learningRate", "beta1", "beta2", "eps", "weightDecay")
    rate, beta1, beta2, epsilon, decay = (values[name][0] for name in names)
    zeros = torch.zeros_like(weight)
    moments["first"] = moments.get("first", zeros) * beta1 + (1 - beta1) * gradient
    moments["second"] = moments.get("second", zeros) * beta2 + (1 - beta2) * gradient * gradient
    first, second = moments["first"] / (1 - beta1**steps), moments["second"] / (1 - beta2**steps)
    return weight - rate * (first / (second.sqrt() + epsilon) + decay * weight)


def _clipped(gradients: Gradients, longest: float) -> Gradients:
    norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    if float(norm) <= longest:
        return gradients
    return {name: gradient * (longest / norm) for name, gradient in gradients.items()}


def _collected(program: Any, outputs: List[List[torch.Tensor]]) -> List[torch.Tensor]:
    """Put the micro-batches' outputs together, as OutputMode.All does."""
    assert program.options["output_mode"] == ALL, "this layer returns every output"
    described = tensors_in(program.executor._outputs_structure)
    collected = []
    for number, like in enumerate(described):
        column = [output[number] for output in outputs]
        joined = torch.stack(column) if column[0].dim() == 0 else torch.cat(column)
        collected.append(joined.to(torch.int32 if like.dtype == torch.int64 else like.dtype))
    return collected


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
