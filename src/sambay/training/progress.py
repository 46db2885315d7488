"""The progress bar: tokens done, loss, tokens a second, MFU, time left."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sambay.training.records import Record


class ProgressBar:
    """Shown on the first rank alone; a disabled one does nothing."""

    def __init__(self, total_tokens: int, tokens: int, is_shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, disable=not is_shown)
        self.task = self.bar.add_task("training", total=total_tokens, completed=tokens)
        self.bar.start()

    def show(self, record: Record) -> None:
        loss = "not finite" if record["loss"] is None else f"{record['loss']:.4f}"
        mfu = "" if record["mfu"] is None else f" · MFU {record['mfu']:.1%}"
        skipped = f" · {record['skipped_steps']} skipped" if record["skipped_steps"] else ""
        text = f"step {record['step']} · loss {loss} · {record['tokens_per_second']:,.0f} tokens/s{mfu}{skipped}"
        self.bar.update(self.task, completed=record["tokens"], description=text)

    def close(self) -> None:
        self.bar.stop()
