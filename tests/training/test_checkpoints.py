from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sambay.training import train
from sambay.training.checkpoints import MANIFEST, Checkpoints, find_fault

ALONE = SimpleNamespace(count=1, is_first=True, checkpoint_group=None, broadcast=lambda value: value)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path, ALONE, keep=2)  # type: ignore[arg-type]


def test_what_is_saved_is_loaded_and_the_last_two_are_kept(checkpoints: Checkpoints) -> None:
    for step in (1, 2, 3):
        checkpoints.save(step, {"weight": torch.full((5,), float(step)), "step": torch.tensor(step)}, {"step": step})
    checkpoints.wait()
    newest = checkpoints.newest()
    assert newest is not None
    assert [path.name for path in sorted(checkpoints.folder.iterdir())] == ["step-00000002", "step-00000003"]
    weight = torch.zeros(5)
    assert checkpoints.load(newest, {"weight": weight, "step": torch.tensor(0)}) == {"step": 3}
    assert (weight == 3).all()


def test_tensors_may_change_while_they_are_written(checkpoints: Checkpoints) -> None:
    weight = torch.ones(1 << 22)
    checkpoints.save(1, {"weight": weight}, {})
    weight.zero_()
    checkpoints.wait()
    checkpoints.load(checkpoints.folder / "step-00000001", {"weight": weight})
    assert (weight == 1).all()


def tear(path: Path) -> str:
    data = next(path.glob("*.distcp"))
    data.write_bytes(data.read_bytes()[:-10])
    return "bytes"


def flip(path: Path) -> str:
    data = next(path.glob("*.distcp"))
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    return "is corrupt"


def lose(path: Path) -> str:
    next(path.glob("*.distcp")).unlink()
    return "is missing"


def lose_metadata(path: Path) -> str:
    (path / ".metadata").unlink()
    return ".metadata is missing"


def lose_manifest(path: Path) -> str:
    (path / MANIFEST).unlink()
    return f"{MANIFEST} is missing"


def tear_manifest(path: Path) -> str:
    (path / MANIFEST).write_text('{"files": {')
    return f"{MANIFEST} is not readable"


FAULTS = [tear, flip, lose, lose_metadata, lose_manifest, tear_manifest]


@pytest.mark.parametrize("damage", FAULTS, ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(checkpoints, caplog, damage) -> None:
    for step in (1, 2):
        checkpoints.save(step, {"weight": torch.full((100,), float(step))}, {})
    checkpoints.wait()
    assert find_fault(checkpoints.folder / "step-00000002") is None
    message = damage(checkpoints.folder / "step-00000002")
    with caplog.at_level(logging.WARNING, logger="sambay"):
        assert checkpoints.newest() == checkpoints.folder / "step-00000001"
    assert message in caplog.text
    assert "step-00000002" in caplog.text


def test_no_whole_checkpoint_is_none(checkpoints: Checkpoints) -> None:
    assert checkpoints.newest() is None
    (checkpoints.folder / "step-00000001.writing").mkdir()
    assert checkpoints.newest() is None
    assert list(checkpoints.folder.iterdir()) == []


def test_a_run_goes_on_from_the_checkpoint_before_the_torn_one(small_run) -> None:
    whole = train(small_run("whole", total_tokens=128 * 8, schedule="constant"))
    torn = train(small_run("torn", total_tokens=128 * 6, schedule="constant"))
    tear(torn.output / "step-00000006")
    resumed = train(small_run("torn", total_tokens=128 * 8, schedule="constant"))
    assert resumed.losses == whole.losses[3:]
    assert find_fault(torn.output / "step-00000006") is None, "its step was not written again"


def test_a_failed_save_is_not_silent(checkpoints: Checkpoints, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("sambay.training.checkpoints._fingerprint", fail)
    checkpoints.save(1, {"weight": torch.ones(3)}, {})
    with pytest.raises(OSError, match="no space left"):
        checkpoints.wait()
