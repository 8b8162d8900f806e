"""Stands where the SDK's PopTorch would: a process that imports it gets the one of poptorch_layer/loading.py."""

import sys

from poptorch_layer.loading import install

del sys.modules["poptorch"]
install()
