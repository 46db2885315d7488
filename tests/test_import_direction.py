"""The architecture as a test: who may import whom, and when, and how files are named and sized.

Reads syntax trees only, so it sees imports inside functions and needs nothing installed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src" / "sambay"

# part of the package: what of ours it may import. A part is a folder or file right under the package; "" is
# its __init__, which registers the model with transformers. A dotted name admits that module alone.
MAY_IMPORT: dict[str, set[str]] = {
    "": {"config", "model", "sizes", "engine"},
    "__main__": {"cli"},
    "config": set(),
    "sizes": {"config"},
    "chat": set(),
    "kernels": set(),
    "model": {"config", "sizes", "kernels"},
    "info": {"config", "sizes", "model"},
    "generation": {"chat"},
    "loading": {"assets", "chat", "model"},
    "terminal": {"chat"},
    "engine": {"config", "model", "kernels", "chat", "loading"},  # loading: a model by name, when it is asked for
    # the tutor's exercises, and whether an answer to one is right
    "serving": {"engine", "chat", "data.curriculum", "evaluation.grading"},
    "serving_commands": {"engine", "loading", "serving"},
    "data": {"config", "chat"},
    "training": {"config", "sizes", "model", "data"},
    "posttraining": {"model", "data", "engine", "evaluation"},
    "evaluation": {"chat", "data"},  # data: the curriculum's held-out problems are tasks
    "benchmarking": {"config", "sizes", "model", "chat", "loading", "engine"},
    "benchmark_commands": {"benchmarking", "loading"},
    "packing_commands": {"loading", "model"},
    "evaluation_commands": {"engine", "evaluation"},
    "export": {"model", "kernels.reference"},
    "vllm_plugin": {"config", "kernels", "model.weights"},
    "assets": set(),
    "pretraining_commands": {"chat", "data", "training"},
    "curriculum_commands": {"data"},
    "cli": {
        *("curriculum_commands", "serving_commands", "benchmark_commands", "benchmarking"),
        *("pretraining_commands", "evaluation_commands", "packing_commands", "loading"),
        *("config", "sizes", "chat", "kernels", "model", "info", "generation", "terminal", "engine", "serving", "data"),
        *("training", "posttraining", "evaluation", "export", "vllm_plugin", "assets"),
    },
}

# Installed with the package; any file may import them, but for the parts that name fewer below.
PLAIN = {
    "torch",
    "transformers",
    "safetensors",
    "tokenizers",
    "huggingface_hub",
    "numpy",
    "typer",
    "rich",
    "jinja2",
    "yaml",  # transformers and huggingface_hub need it
}

# file or folder: the only packages from outside that it may import.
ONLY_THIRD_PARTY: dict[str, set[str]] = {
    "kernels/*": {"torch", "triton", "mamba_ssm", "causal_conv1d"},
    "engine/limits.py": set(),  # bookkeeping, tested without torch
    "engine/request.py": set(),
    "engine/memory.py": set(),
    "engine/prefixes.py": set(),
    "engine/plan.py": set(),
    "engine/step.py": set(),
    "engine/waiting.py": set(),
    "engine/residents.py": set(),
    "engine/planning.py": set(),
    "engine/scheduler.py": set(),
    "engine/invariants.py": set(),
    "engine/sampling_params.py": set(),
    "engine/lookup.py": set(),
    "engine/stopping.py": set(),
}

# package that an extra, or a GPU, brings: the files that may import it.
EXTRA_MAY_BE_IMPORTED_IN: dict[str, tuple[str, ...]] = {
    "triton": ("kernels/*",),
    "mamba_ssm": (),
    "causal_conv1d": (),
    "fastapi": ("serving/*",),
    "starlette": ("serving/*",),
    "uvicorn": ("serving/*",),
    "pydantic": ("serving/*",),
    "lightning": ("training/*",),
    "matplotlib": ("training/*", "evaluation/*", "benchmarking/plots.py"),
    "trackio": ("training/records.py",),
    "trl": ("posttraining/*",),
    "peft": ("posttraining/*",),
    "datasets": ("posttraining/*", "data/*"),
    "accelerate": ("posttraining/*",),
    "math_verify": ("evaluation/grading.py",),
    "lm_eval": ("evaluation/*",),
    "reasoning_gym": ("data/*", "evaluation/*"),
    "torchao": ("export/*",),
    "executorch": ("export/*",),
    "vllm": ("vllm_plugin/*",),
    "llguidance": ("engine/guidance.py",),
}

# What a plain install must be able to import: these reach no extra, at any depth, while being imported.
PLAIN_MODULES = (
    *("sambay", "sambay.__main__", "sambay.cli", "sambay.config", "sambay.sizes", "sambay.chat", "sambay.chat.*"),
    *("sambay.info", "sambay.generation", "sambay.terminal", "sambay.loading"),
    *("sambay.assets", "sambay.evaluation", "sambay.evaluation.*", "sambay.benchmarking", "sambay.benchmarking.*"),
    *(
        "sambay.model",
        "sambay.model.*",
        "sambay.kernels",
        "sambay.kernels.reference",
        "sambay.engine",
        "sambay.engine.*",
    ),
)

FORBIDDEN_NAMES = {"utils", "common", "core", "base", "misc", "helpers", "manager", "factory"}
MAX_LINES = 400


@dataclass(frozen=True)
class Import:
    """One imported name, in full: `from sambay.kernels import reference` is sambay.kernels.reference."""

    target: str
    line: int
    is_eager: bool  # runs while the file is being imported


@dataclass(frozen=True)
class Source:
    """One file of the package, read."""

    path: Path
    relative: str  # to the package, with slashes
    module: str  # dotted
    tree: ast.Module
    num_lines: int
    imports: tuple[Import, ...]

    @property
    def part(self) -> str:
        first = self.relative.split("/")[0].removesuffix(".py")
        return "" if first == "__init__" else first


def read_package(root: Path) -> list[Source]:
    """All files of the package in the folder `root`."""
    sources = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        module = ".".join((root.name, *relative.removesuffix(".py").split("/"))).removesuffix(".__init__")
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        imports = tuple(_imports(tree.body, package, is_eager=True))
        sources.append(Source(path, relative, module, tree, len(text.splitlines()), imports))
    return sources


def _imports(nodes: list[ast.stmt] | list[ast.AST], package: str, is_eager: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from (Import(f"{prefix}.{alias.name}", node.lineno, is_eager) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _imports(node.body, package, is_eager=False)
            yield from _imports(node.orelse, package, is_eager)
        else:
            is_deferred = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(list(ast.iter_child_nodes(node)), package, is_eager and not is_deferred)


def _is_within(target: str, name: str) -> bool:
    return target == name or target.startswith(name + ".")


def find_wrong_directions(sources: list[Source]) -> list[str]:
    """Imports of ours that the table MAY_IMPORT does not allow."""
    package = sources[0].module.split(".")[0]
    wrong = []
    for source in sources:
        if source.part not in MAY_IMPORT:
            wrong.append(f"{source.relative}: {source.part!r} is no part of the design; allowed: {sorted(MAY_IMPORT)}")
            continue
        allowed = MAY_IMPORT[source.part]
        for found in source.imports:
            if not _is_within(found.target, package):
                continue
            inside = found.target[len(package) + 1 :]
            is_own = bool(source.part) and _is_within(inside, source.part)
            if is_own or any(_is_within(inside, name) for name in allowed):
                continue
            if inside == "__version__":  # the one name that the package itself gives
                continue
            wrong.append(f"{source.relative}:{found.line} imports {found.target}; allowed: {sorted(allowed)}")
    return wrong


def find_wrong_third_parties(sources: list[Source]) -> list[str]:
    """Packages from outside that are undeclared, or imported in a file that should not know them."""
    package = sources[0].module.split(".")[0]
    wrong = []
    for source in sources:
        only = next((names for glob, names in ONLY_THIRD_PARTY.items() if fnmatch(source.relative, glob)), None)
        for found in source.imports:
            name = found.target.split(".")[0]
            if name == package or name in sys.stdlib_module_names:
                continue
            place = f"{source.relative}:{found.line} imports {name}"
            if only is not None and name not in only:
                wrong.append(f"{place}; allowed here: {sorted(only)}")
            elif name in EXTRA_MAY_BE_IMPORTED_IN:
                globs = EXTRA_MAY_BE_IMPORTED_IN[name]
                if not any(fnmatch(source.relative, glob) for glob in globs):
                    wrong.append(f"{place}; allowed in: {globs}")
            elif name not in PLAIN:
                wrong.append(f"{place}, which no table of this test knows")
    return wrong


def extras_on_import(sources: list[Source]) -> dict[str, set[str]]:
    """For each module, the extras' packages that importing it imports, directly or through others of ours."""
    by_module = {source.module: source for source in sources}

    def parents_and_self(target: str) -> Iterator[str]:
        names = target.split(".")
        yield from (".".join(names[:end]) for end in range(1, len(names) + 1))

    def reached(module: str, seen: set[str]) -> set[str]:
        extras: set[str] = set()
        for name in parents_and_self(module):  # importing a.b.c runs a and a.b first
            if name in seen or name not in by_module:
                continue
            seen.add(name)
            for found in by_module[name].imports:
                if not found.is_eager:
                    continue
                outside = found.target.split(".")[0]
                extras |= {outside} & EXTRA_MAY_BE_IMPORTED_IN.keys()
                extras |= reached(found.target, seen)
        return extras

    return {module: reached(module, set()) for module in by_module}


def find_eager_extras(sources: list[Source]) -> list[str]:
    """Modules of a plain install whose import needs an extra."""
    return [
        f"{module} needs {sorted(extras)} when it is imported"
        for module, extras in extras_on_import(sources).items()
        if extras and any(fnmatch(module, glob) for glob in PLAIN_MODULES)
    ]


def find_bad_files(sources: list[Source]) -> list[str]:
    """Files with a name that says nothing, no docstring, or more than one idea's worth of lines."""
    wrong = []
    for source in sources:
        names = {name.removesuffix(".py") for name in source.relative.split("/")}
        if vague := names & FORBIDDEN_NAMES:
            wrong.append(f"{source.relative}: {sorted(vague)} names no thing the user knows")
        docstring = ast.get_docstring(source.tree)
        if not docstring or not docstring.splitlines()[0].strip():
            wrong.append(f"{source.relative}: the first docstring line must say which idea the file owns")
        if source.num_lines >= MAX_LINES:
            wrong.append(f"{source.relative}: {source.num_lines} lines; allowed: fewer than {MAX_LINES}")
    return wrong


CHECKS = (find_wrong_directions, find_wrong_third_parties, find_eager_extras, find_bad_files)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_keeps_to_the_design(check) -> None:
    sources = read_package(SRC)
    assert len(sources) > 3, "the package was not found"
    assert check(sources) == []


def test_every_part_but_the_command_line_is_below_it() -> None:
    assert all("cli" not in allowed for part, allowed in MAY_IMPORT.items() if part != "__main__")
    assert MAY_IMPORT["cli"] == MAY_IMPORT.keys() - {"", "cli", "__main__"}


# -------------------------------------------------------------------- the checks can fail: made-up packages

GOOD = {
    "__init__.py": '"""The package."""\nfrom sambay.config import Config\nfrom .model import block\n',
    "config.py": '"""The architecture as data."""\nimport dataclasses\nimport transformers\n',
    "cli.py": '"""Commands."""\ndef serve():\n    from sambay.serving import app\n',
    "model/__init__.py": '"""The architecture."""\nfrom ..kernels import reference\n',
    "model/block.py": '"""A layer."""\nfrom ..config import Config\nfrom . import attention\n',
    "kernels/__init__.py": '"""Operations."""\nimport torch\ndef pick():\n    from . import fused\n',
    "kernels/reference.py": '"""The oracle."""\nimport torch\n',
    "kernels/fused.py": '"""Triton."""\nimport triton.language as tl\n',
    "serving/__init__.py": '"""The server."""\n',
    "serving/app.py": '"""Routes."""\nimport fastapi\nfrom sambay.chat import render\n',
}

BROKEN = [
    # check, file, its text, what the message must name
    (find_wrong_directions, "kernels/fused.py", "from sambay.config import Config", "sambay.config.Config"),
    (find_wrong_directions, "config.py", "from . import chat", "sambay.chat"),
    (find_wrong_directions, "config.py", "def f():\n    import sambay.model.block", "sambay.model.block"),
    (find_wrong_directions, "model/block.py", "from ..engine.llm import LLM", "sambay.engine.llm.LLM"),
    (find_wrong_directions, "model/block.py", "from ..cli import main", "sambay.cli.main"),
    (find_wrong_directions, "model/block.py", "import sambay", "imports sambay;"),
    (find_wrong_directions, "export/onnx.py", "from sambay.kernels import fused", "sambay.kernels.fused"),
    (
        find_wrong_directions,
        "vllm_plugin/mamba.py",
        "from sambay.model.block import x",
        "sambay.model.block.x",
    ),
    (find_wrong_directions, "evaluation/runner.py", "from sambay.engine import llm", "sambay.engine.llm"),
    (find_wrong_directions, "tools/x.py", "", "'tools' is no part of the design"),
    (
        find_wrong_third_parties,
        "kernels/fused.py",
        "import transformers",
        "imports transformers; allowed here",
    ),
    (find_wrong_third_parties, "engine/scheduler.py", "import torch", "imports torch; allowed here"),
    (find_wrong_third_parties, "model/block.py", "def f():\n    import triton", "imports triton; allowed in"),
    (find_wrong_third_parties, "chat.py", "import tiktoken", "imports tiktoken, which no table"),
    (find_eager_extras, "kernels/__init__.py", "from . import fused", "sambay.kernels needs ['triton']"),
    (
        find_eager_extras,
        "cli.py",
        "try:\n    import sambay.serving.app\nexcept ImportError:\n    pass",
        "['fastapi']",
    ),
    (
        find_eager_extras,
        "model/block.py",
        "class X:\n    import triton",
        "sambay.model.block needs ['triton']",
    ),
    (find_bad_files, "model/utils.py", "", "['utils'] names no thing"),
    (find_bad_files, "helpers/x.py", "", "['helpers'] names no thing"),
    (find_bad_files, "chat.py", None, "first docstring line"),
    (find_bad_files, "chat.py", "x = 1\n" * 400, "402 lines; allowed"),
]


def _write(root: Path, files: dict[str, str]) -> list[Source]:
    for name, text in files.items():
        path = root / "sambay" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_package(root / "sambay")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_package_that_keeps_to_the_design_passes(check, tmp_path: Path) -> None:
    assert check(_write(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("check", "name", "text", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", None)
)
def test_one_wrong_file_is_found(check, name: str, text: str | None, message: str, tmp_path: Path) -> None:
    broken = "x = 1\n" if text is None else f'"""An idea."""\n{text}\n'
    found = check(_write(tmp_path, {**GOOD, name: broken}))
    assert any(message in line for line in found), found


def test_type_checking_imports_count_for_direction_but_not_as_eager(tmp_path: Path) -> None:
    head = '"""An idea."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n'
    text = head + "    import triton\n    from ..engine import llm\n"
    sources = _write(tmp_path, {**GOOD, "model/block.py": text})
    assert find_eager_extras(sources) == []
    assert len(find_wrong_directions(sources)) == 1
    assert len(find_wrong_third_parties(sources)) == 1
