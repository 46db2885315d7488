"""What a measurement depends on besides its settings: the machine, versions, and the code that is measured."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGE = Path(__file__).resolve().parents[1]
_MEASURED_CODE = ("config.py", "sizes.py", "model", "kernels", "engine", "benchmarking")
_PACKAGES = ("sambay", "torch", "transformers", "triton")


def machine(device: torch.device) -> dict[str, Any]:
    """The processor, and on a GPU that, too."""
    found: dict[str, Any] = {"cpu": _cpu_name(), "cpu_threads": torch.get_num_threads(), "system": platform.system()}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {"gpu": properties.name, "gpu_memory_bytes": properties.total_memory}
    return found


def versions() -> dict[str, str]:
    """Of Python, the packages that matter, and CUDA as torch was built for."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | ({"cuda": torch.version.cuda} if torch.version.cuda else {})


def code_hash() -> str:
    """Of the files that a measurement runs through: the same code at another commit is the same."""
    digest = hashlib.sha256()
    for name in _MEASURED_CODE:
        path = _PACKAGE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def commit() -> str | None:
    """The commit of the repository that the package lies in, with "+" if files of the package differ; None: no such."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head or _git("ls-files", "--", "cli.py") != "cli.py":  # an installed copy inside somebody's repository
        return None
    return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", ".") else "")


def load_average() -> float | None:
    """Processes that wanted to run in the last minute, our own included; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _git(*arguments: str) -> str:
    try:
        run = subprocess.run(["git", *arguments], cwd=_PACKAGE, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _cpu_name() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
