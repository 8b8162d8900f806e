"""Every private or unstable name of a library that podtune uses, and the shape that it relies on.

Fails first, and in one place, when a pin moves; each entry names the modules to look at then. What a release may change
without a name changing (log lines, error texts) is tested where it is parsed.
"""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, List, Mapping, Optional

import podtune
import podtune_pipelines
import pytest
import torch
import transformers
from podtune.training.engines.attention import NAME

ROOTS = [Path(str(package.__file__)).parent for package in (podtune, podtune_pipelines)]

NAMES = [
    # The library's name, the parameters that are passed to it (None: any, or no function), and who uses it
    ("torch.cpu._is_amx_tile_supported", [], "training/engines/cpu.py"),
    ("torch.cpu._is_avx512_bf16_supported", [], "training/engines/cpu.py"),
    ("torch.ops.mkldnn._is_mkldnn_bf16_supported", None, "training/engines/cpu.py"),
    ("torch._softmax_backward_data", None, "training/engines/attention.py"),
    (
        "torch.nn.attention.varlen.varlen_attn",
        ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"],
        "training/engines/attention.py",
    ),
    ("transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS.register", ["key", "value"], "training/engines/attention.py"),
    (
        "torch.segment_reduce",
        None,
        "tasks/question_answering/objective.py, tasks/image_captioning/objective.py",
    ),
    (
        "transformers.PreTrainedModel.set_attn_implementation",
        ["attn_implementation"],
        "training/engines/attention.py, tasks/image_captioning/generation.py",
    ),
    (
        "transformers.core_model_loading.revert_weight_conversion",
        ["model", "state_dict"],
        "training/engines/states.py",
    ),
    ("transformers.DynamicCache.reorder_cache", ["beam_idx"], "tasks/image_captioning/generation.py"),
    ("transformers.EncoderDecoderCache", None, "tasks/image_captioning/generation.py"),
    ("kfp.local.cache.get_local_cache", [], "reuse.py"),
    ("kfp.local.cache.LocalCache.get", ["key"], "reuse.py"),
    ("kfp.local.cache.LocalCache.put", ["key", "outputs"], "reuse.py"),
    ("kfp.client.ServiceAccountTokenVolumeCredentials", ["path"], "cluster/client.py"),
    ("kfp.client.Client.get_kfp_healthz", ["sleep_duration"], "cluster/client.py"),
    ("kfp.client.Client._load_config", None, "cluster/client.py"),
    ("kfp.client.Client._load_context_setting_or_default", [], "cluster/client.py"),
    (
        "kubernetes.client.ApiClient.update_params_for_auth",
        ["headers", "querys", "auth_settings"],
        "jobs/cluster.py",
    ),
    ("huggingface_hub.errors.HTTPError", None, "sources/hub.py, doctor/servers.py"),
    ("huggingface_hub.utils.build_hf_headers", None, "sources/hub.py"),
    ("huggingface_hub.utils.get_session", [], "doctor/servers.py"),
    ("tensorboard.compat.proto.event_pb2.Event", None, "training/log.py"),
    ("tensorboard.summary.writer.record_writer.RecordWriter", ["writer"], "training/log.py"),
]


def resolved(name: str) -> Any:
    """The object of a dotted name, of which any number of parts are modules."""
    parts = name.split(".")
    found, at = import_module(parts[0]), 1
    for at, part in enumerate(parts[1:], 1):
        if not hasattr(found, part):
            import_module(".".join(parts[: at + 1]))
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(("name", "parameters", "users"), NAMES, ids=[name for name, _, _ in NAMES])
def test_a_name_that_may_go_is_there_and_takes_what_it_is_given(
    name: str, parameters: Optional[List[str]], users: str
) -> None:
    try:
        found = resolved(name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{name} is gone ({error}); it is used by {users}")

    if parameters is not None:
        taken = [one for one in inspect.signature(found).parameters if one != "self"]
        assert taken[: len(parameters)] == parameters, f"{name} takes {taken}; {users}"


@pytest.mark.parametrize(("name", "parameters", "users"), NAMES, ids=[name for name, _, _ in NAMES])
def test_the_modules_named_use_it(name: str, parameters: Optional[List[str]], users: str) -> None:
    for user in users.split(", "):
        (path,) = [path for root in ROOTS for path in (root / user,) if path.is_file()]
        assert name.rpartition(".")[2] in path.read_text(encoding="utf-8")


def test_kfps_client_has_the_parts_that_are_replaced() -> None:
    """cluster/client.py limits the time of requests, and sets the namespace without a file."""
    source = inspect.getsource(resolved("kfp.client.Client"))
    rest = resolved("kfp_server_api.ApiClient")().rest_client

    assert all(f"self.{name}" in source for name in ("_healthz_api", "_run_api", "_context_setting"))
    assert isinstance(rest.pool_manager.connection_pool_kw, dict)
    assert {"_request_timeout", "_preload_content"} <= set(inspect.signature(rest.request).parameters)


def test_what_compiles_needs_no_client() -> None:
    """kfp_compiler.py."""
    script = "import podtune_pipelines.graphs, sys; print('kubernetes.client' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"


def test_transformers_makes_no_mask_for_an_attention_of_ours() -> None:
    """training/engines/attention.py: a mask would be of tokens × tokens, and looking at positions waits for a GPU."""
    config = transformers.GPT2Config(attn_implementation=NAME)
    positions = torch.zeros(1, 4, dtype=torch.int64, device="meta")

    mask = resolved("transformers.masking_utils.create_causal_mask")(
        config=config,
        inputs_embeds=torch.zeros(1, 4, 8, device="meta"),
        attention_mask=None,
        past_key_values=None,
        position_ids=positions,
    )

    assert mask is None


def test_kfps_api_client_calls_any_route_and_leaves_the_answer_unread() -> None:
    """cluster/logs.py."""
    call = resolved("kfp_server_api.ApiClient.call_api")

    assert {"_preload_content", "_return_http_data_only"} <= set(inspect.signature(call).parameters)


def test_kubernetes_client_has_the_pool_that_requests_go_through() -> None:
    """jobs/cluster.py, which needs sinceTime."""
    assert callable(resolved("kubernetes.client.ApiClient")().rest_client.pool_manager.request)


def test_fused_adamw_keeps_its_state_under_the_keys_that_are_filled_in() -> None:
    """training/engines/optimizer.py: other keys would begin with moments of their own, at every resume."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    optimizer = torch.optim.AdamW([parameter], fused=True)
    optimizer.step()

    state: Mapping[str, torch.Tensor] = optimizer.state[parameter]
    assert {name: (value.shape, value.dtype) for name, value in state.items()} == {
        "step": (torch.Size([]), torch.float32),
        "exp_avg": (torch.Size([2]), torch.float32),
        "exp_avg_sq": (torch.Size([2]), torch.float32),
    }


def test_softmax_goes_backwards_from_its_result() -> None:
    """training/engines/attention.py."""
    scores = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    weights, gradient = scores.softmax(-1), torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64)
    (expected,) = torch.autograd.grad(weights, scores, gradient)

    found = torch._softmax_backward_data(gradient, weights.detach(), -1, torch.float64)

    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["BertConfig", "RobertaConfig", "ViTConfig", "GPT2Config"])
def test_a_models_way_to_attend_stands_in_its_configuration(name: str) -> None:
    """tasks/question_answering/objective.py, tasks/image_captioning/objective.py and generation.py."""
    config = resolved(f"transformers.{name}")()

    config._attn_implementation = "eager"

    assert config._attn_implementation == "eager"


def test_a_parameters_gradient_is_taken_from_a_hook_and_its_data_replaced() -> None:
    """training/engines/optimizer.py, which keeps all weights in one tensor."""
    parameter, taken, flat = torch.nn.Parameter(torch.zeros(2)), [], torch.ones(2)
    parameter.data = flat
    parameter.register_post_accumulate_grad_hook(lambda one: taken.append(one.grad))

    (3 * parameter).sum().backward()

    assert parameter.data_ptr() == flat.data_ptr()
    assert [gradient.tolist() for gradient in taken] == [[3.0, 3.0]]


def test_the_local_runner_asks_for_the_cache_by_the_replaced_name() -> None:
    """reuse.py replaces kfp.local.cache.get_local_cache by one whose key is made of these."""
    source = inspect.getsource(import_module("kfp.local.orchestrator.task_executor"))
    taken = inspect.signature(resolved("kfp.local.cache.LocalCache.compute_key")).parameters

    assert "cache_module.get_local_cache()" in source
    assert {"arguments", "custom_cache_key"} <= set(taken)
