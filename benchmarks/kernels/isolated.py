"""Loads sambay.kernels.* without sambay itself, so that the kernels can be measured where transformers is another
version."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "sambay"


def kernel_module(name: str) -> types.ModuleType:
    """The module sambay.kernels.`name`, its parents replaced by empty packages unless they are loaded already."""
    for parent, folder in (("sambay", SOURCE), ("sambay.kernels", SOURCE / "kernels")):
        if parent not in sys.modules:
            package = types.ModuleType(parent)
            package.__path__ = [str(folder)]
            sys.modules[parent] = package
    return importlib.import_module(f"sambay.kernels.{name}")
