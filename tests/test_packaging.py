"""What a stranger installs: modules import without extras, no GPU wakes, the pins fit the requirements."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from test_import_direction import EXTRA_MAY_BE_IMPORTED_IN, SRC, extras_on_import, read_package

ROOT = SRC.parent.parent

# Imports the modules named on standard input while the blocked packages seem not to be installed: the finders
# find nothing, so that both `import` and `importlib.util.find_spec` answer as in a plain install.
IMPORT_ALL = """
import importlib, json, sys

class Without:
    def __init__(self, finder, blocked):
        self.finder, self.blocked = finder, blocked
    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in self.blocked else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

asked = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, set(asked["blocked"])) for finder in sys.meta_path]
failed = {}
for name in asked["modules"]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = repr(error)
import torch
print(json.dumps({
    "failed": failed,
    "loaded": sorted(sys.modules),
    "is_cuda_initialized": torch.cuda.is_initialized(),
}))
"""


def import_in_subprocess(modules: list[str], blocked: list[str]) -> dict:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL],
        input=json.dumps({"modules": modules, "blocked": blocked}),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_plain_install_imports_every_module_that_needs_no_extra() -> None:
    needs = extras_on_import(read_package(SRC))
    plain = [module for module, extras in needs.items() if not extras]
    assert {"sambay", "sambay.config", "sambay.kernels.reference"} <= set(plain)
    result = import_in_subprocess(plain, sorted(EXTRA_MAY_BE_IMPORTED_IN))
    assert result["failed"] == {}
    assert not set(result["loaded"]) & EXTRA_MAY_BE_IMPORTED_IN.keys()


def test_importing_the_package_loads_no_triton_kernel_and_wakes_no_gpu() -> None:
    """Where Triton is installed, transformers imports it by itself; what is ours to leave alone are the kernels."""
    needs = extras_on_import(read_package(SRC))
    result = import_in_subprocess(["sambay"], blocked=[])
    assert "sambay.model" in result["loaded"]
    assert not [module for module in result["loaded"] if module.startswith("sambay.engine")], "LLM comes when asked for"
    assert [module for module in result["loaded"] if needs.get(module)] == []
    assert not result["is_cuda_initialized"]


def test_a_blocked_package_counts_as_absent() -> None:
    result = import_in_subprocess(["pytest", "json"], blocked=["pytest"])
    assert set(result["failed"]) == {"pytest"}
    assert "ModuleNotFoundError" in result["failed"]["pytest"]


def test_the_command_is_installed() -> None:
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="sambay")
    assert command.value == "sambay.cli:main"
    assert callable(command.load())


def read_pins() -> dict[str, Version]:
    """name: version, of every line of constraints.txt that is no comment."""
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if requirement := line.partition("#")[0].strip():
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", requirement)
            assert match, f"constraints.txt has {requirement!r}; allowed: name==version"
            pins[canonicalize_name(match[1])] = Version(match[2])
    return pins


def requirements() -> list[Requirement]:
    """What the package and its extras ask for, but for vllm, which brings a torch of its own."""
    texts = importlib.metadata.requires("sambay") or []
    found = [Requirement(text) for text in texts if 'extra == "vllm"' not in text.replace("'", '"')]
    return [requirement for requirement in found if requirement.name != "sambay"]


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_tested_version_meets_the_requirement(requirement: Requirement) -> None:
    pins = read_pins()
    name = canonicalize_name(requirement.name)
    assert name in pins, f"constraints.txt does not pin {name}"
    assert requirement.specifier.contains(pins[name])


def test_nothing_is_installed_untested() -> None:
    """What is installed here is what is pinned; otherwise the suite says nothing about constraints.txt."""
    if importlib.metadata.version("torch").partition("+")[0] != str(read_pins()["torch"]):
        pytest.skip("this environment was not installed with constraints.txt")
    wrong = {}
    for name, version in read_pins().items():
        try:
            installed = Version(importlib.metadata.version(name).partition("+")[0])
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        if installed != version:
            wrong[name] = (str(installed), str(version))
    assert wrong == {}
