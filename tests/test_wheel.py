from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_carries_the_model_that_ships(tmp_path: Path) -> None:
    """Built from a copy with a stand-in for the model: its files are no Python and must be taken along all the same."""
    pytest.importorskip("hatchling")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy2(ROOT / name, source / name)
    model = source / "src" / "sambay" / "assets" / "default_model"
    model.mkdir(exist_ok=True)
    names = ("config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json")
    for name in names:
        (model / name).write_text(name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True, capture_output=True
    )
    (wheel,) = (source / "dist").glob("sambay-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in names:
            assert archive.read(f"sambay/assets/default_model/{name}") == name.encode()
