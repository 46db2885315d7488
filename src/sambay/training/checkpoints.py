"""Checkpoints: written in the background, complete or absent, readable by any number of ranks."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch import Tensor

from sambay.training.ranks import Ranks

logger = logging.getLogger(__name__)

MANIFEST = "complete.json"  # the last file of a checkpoint: sizes and checksums of all others, and the run's progress
_TEMPORARY = ".writing"


class Checkpoints:
    """The checkpoints of one run in `folder`, each a folder `step-00001000`.

    A checkpoint is written under a temporary name and renamed when every byte is on the disk, so that a process killed
    at any moment leaves whole checkpoints and, at worst, one temporary folder. Only the first rank renames and removes.
    """

    def __init__(self, folder: Path, ranks: Ranks, keep: int) -> None:
        self.folder, self.ranks, self.keep = folder, ranks, keep
        self._finisher = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None
        # One process needs no group; torch says so at every save and load.
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")

    def save(self, step: int, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Starts to write a checkpoint; the tensors may change once this returns.

        Waits for the one before, if that is still being written. Raises OSError or torch's CheckpointException if it
        failed.
        """
        self.wait()
        final = self.folder / f"step-{step:08d}"
        if self.ranks.broadcast(final.is_dir()):
            return
        writing = final.with_name(final.name + _TEMPORARY)
        upload = dcp.async_save(
            {"state": tensors}, checkpoint_id=writing, process_group=self.ranks.checkpoint_group,
            no_dist=self.ranks.count == 1,
        )  # fmt: skip
        assert isinstance(upload, Future), "another kind of staging than asked for"
        self._pending = self._finisher.submit(self._finish, upload, writing, final, progress)

    def wait(self) -> None:
        """Returns when nothing is being written any more; raises what the writing raised."""
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def close(self) -> None:
        self._finisher.shutdown()

    def newest(self) -> Path | None:
        """The newest whole checkpoint, on every rank the same. Broken ones are named in the log and passed over."""
        return self.ranks.broadcast(self._newest_whole() if self.ranks.is_first else None)

    def load(self, path: Path, tensors: dict[str, Tensor]) -> dict[str, Any]:
        """Copies the checkpoint into `tensors` and returns the progress that was saved with it.

        Raises CheckpointException or ValueError if the checkpoint holds other names or shapes.
        """
        dcp.load(
            {"state": tensors}, checkpoint_id=path, process_group=self.ranks.checkpoint_group,
            no_dist=self.ranks.count == 1,
        )  # fmt: skip
        return json.loads((path / MANIFEST).read_text(encoding="utf-8"))["progress"]

    def _finish(self, upload: Future, writing: Path, final: Path, progress: dict[str, Any]) -> None:
        upload.result()  # on the first rank: after all ranks have written
        if not self.ranks.is_first:
            return
        files = {path.name: _fingerprint(path) for path in sorted(writing.iterdir())}
        with (writing / MANIFEST).open("w", encoding="utf-8") as manifest:
            json.dump({"files": files, "progress": progress}, manifest, indent=1)
            manifest.flush()
            os.fsync(manifest.fileno())
        writing.rename(final)
        for old in self._all()[: -self.keep]:
            shutil.rmtree(old)

    def _all(self) -> list[Path]:
        """Oldest first, whole or not."""
        return sorted(path for path in self.folder.glob("step-*") if not path.name.endswith(_TEMPORARY))

    def _newest_whole(self) -> Path | None:
        for unfinished in self.folder.glob(f"step-*{_TEMPORARY}"):
            logger.warning("removed %s: its writing was cut off", unfinished)
            shutil.rmtree(unfinished)
        for path in reversed(self._all()):
            fault = find_fault(path)
            if fault is None:
                return path
            logger.warning("passed over checkpoint %s: %s; trying the one before", path, fault)
            path.rename(path.with_name("broken-" + path.name))  # its step will be written again
        return None


def find_fault(path: Path) -> str | None:
    """What is wrong with the files of the checkpoint in `path`, or None if every byte is as it was written."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except ValueError:
        return f"{MANIFEST} is not readable"
    for name, expected in manifest["files"].items():
        if not (path / name).is_file():
            return f"{name} is missing"
        found = _fingerprint(path / name)
        if found["bytes"] != expected["bytes"]:
            return f"{name} has {found['bytes']} of {expected['bytes']} bytes"
        if found != expected:
            return f"{name} is corrupt: its checksum is not the one that was written"
    return None


def _fingerprint(path: Path) -> dict[str, int]:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**24):
            checksum = zlib.crc32(block, checksum)
    return {"bytes": path.stat().st_size, "crc32": checksum}
