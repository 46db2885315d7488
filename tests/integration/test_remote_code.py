"""A folder that carries its own class files: read in a process that has not imported sambay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from sambay import SambaYConfig, SambaYForCausalLM

READ = """
import sys, torch
from transformers import AutoModelForCausalLM
assert "sambay" not in sys.modules
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True).eval()
ids = torch.load(sys.argv[2])
with torch.no_grad():
    torch.save(model(ids).logits, sys.argv[3])
"""


@pytest.fixture
def registered(monkeypatch):
    """`register_for_auto_class` sets an attribute of the class; the other tests must not see it."""
    for cls in (SambaYConfig, SambaYForCausalLM):
        monkeypatch.setattr(cls, "_auto_class", cls.__dict__.get("_auto_class"), raising=False)
    SambaYConfig.register_for_auto_class()
    SambaYForCausalLM.register_for_auto_class("AutoModelForCausalLM")


def test_a_folder_with_code_loads_without_importing_sambay_first(registered, make_model, prompts, tmp_path):
    model = make_model()
    folder, ids = tmp_path / "model", prompts[0][None]
    model.save_pretrained(folder)
    assert [path.name for path in folder.glob("*.py")] == ["modeling_sambay.py"]
    torch.save(ids, tmp_path / "ids.pt")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    paths = [str(folder), str(tmp_path / "ids.pt"), str(tmp_path / "logits.pt")]
    done = subprocess.run([sys.executable, "-c", READ, *paths], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "logits.pt"), model(ids).logits)


def test_without_registration_no_code_is_copied(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.py"))
