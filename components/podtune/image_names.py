"""The image each step runs in; the only place that knows."""

from podtune import __version__

REGISTRY = "podtune"
CPU = f"{REGISTRY}/python-cpu:{__version__}"
"""Every step that needs no accelerator. KFP's local runner warns unless the name says python."""

GPU = f"{REGISTRY}/python-gpu:{__version__}"
"""Training and evaluation on NVIDIA GPUs."""

IPU = f"{REGISTRY}/python-ipu:{__version__}"
"""What IPUJobs run: training and evaluation on Graphcore IPUs."""
