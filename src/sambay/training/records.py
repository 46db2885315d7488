"""What a run writes about itself: JSONL, CSV, a picture of the curves, and trackers on request."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sambay.training.config import TrainConfig

FIELDS = (
    *("step", "tokens", "loss", "grad_norm", "learning_rate", "batch_tokens"),
    *("tokens_per_second", "mfu", "skipped_steps", "seconds"),
)
Record = dict[str, Any]


class Records:
    """One record a logged step, in `metrics.jsonl` and `metrics.csv`; a resumed run goes on in the same files."""

    def __init__(self, folder: Path, config: TrainConfig, last_step: int) -> None:
        self.folder = folder
        self.jsonl, self.csv = folder / "metrics.jsonl", folder / "metrics.csv"
        self._keep_up_to(last_step)
        self.trackers = [_TRACKERS[name](folder, config) for name in config.trackers]

    def write(self, record: Record) -> None:
        with self.jsonl.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        with self.csv.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(record)
        for tracker in self.trackers:
            tracker.write(record)

    def close(self) -> None:
        """Draws the curves of all records, also of those before a resumption."""
        records = read(self.jsonl)
        if records:
            draw(records, self.folder / "curves.png")
        for tracker in self.trackers:
            tracker.close()

    def _keep_up_to(self, last_step: int) -> None:
        """Drops what a killed run wrote after its last checkpoint: those steps come again."""
        kept = [record for record in read(self.jsonl) if record["step"] <= last_step]
        self.jsonl.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        with self.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(kept)


def read(path: Path) -> list[Record]:
    """The records of a `metrics.jsonl`; a last line that was cut off by a kill is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def draw(records: Iterable[Record], path: Path) -> None:
    """A PNG of loss, gradient norm and learning rate over tokens."""
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    records = list(records)
    tokens = [record["tokens"] for record in records]
    figure = Figure(figsize=(8, 8), layout="constrained")
    for axes, name in zip(
        figure.subplots(3, 1, sharex=True), ("loss", "grad_norm", "learning_rate"), strict=True
    ):  # fmt: skip
        axes.plot(tokens, [float("nan") if record[name] is None else record[name] for record in records], linewidth=1)
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
    axes.set_xlabel("tokens")
    figure.savefig(path, dpi=120)


class _TensorBoard:
    def __init__(self, folder: Path, config: TrainConfig) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(folder / "tensorboard")
        self.writer.add_text("config", json.dumps(config.to_dict(), indent=1))

    def write(self, record: Record) -> None:
        for key, value in record.items():
            if value is not None and key != "step":
                self.writer.add_scalar(key, value, record["step"])

    def close(self) -> None:
        self.writer.close()


class _Trackio:
    def __init__(self, folder: Path, config: TrainConfig) -> None:
        import trackio  # type: ignore[import-not-found]

        self.run = trackio.init(project="sambay", name=folder.resolve().name, config=config.to_dict())

    def write(self, record: Record) -> None:
        self.run.log({key: value for key, value in record.items() if value is not None}, step=record["step"])

    def close(self) -> None:
        self.run.finish()


_TRACKERS: dict[str, Any] = {"tensorboard": _TensorBoard, "trackio": _Trackio}
