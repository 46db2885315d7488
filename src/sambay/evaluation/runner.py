"""Runs tasks on a model, chunk by chunk, each chunk on the disk before the next one begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from sambay.evaluation.completer import Completer
from sambay.evaluation.questions import Question, Task
from sambay.evaluation.samples import RunSettings, Sample, SampleFile

CHUNK_SAMPLES = 256  # a killed run loses at most this many; within a chunk a completer may batch as it likes


@dataclass(frozen=True)
class _Pending:
    task: Task
    question: Question
    index: int

    @property
    def key(self) -> tuple[str, str, int]:
        return self.task.name, self.question.name, self.index


def run_tasks(
    completer: Completer,
    model: str,
    tasks: list[Task],
    settings: RunSettings,
    output: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Sample]:
    """All samples of the run, those that `output` holds from an earlier start included.

    A chunk is asked for as a whole or not at all, so that a resumed run asks for the same batches as an uninterrupted
    one and gives the same replies, to the bit, from a completer that is a function of its arguments.
    `progress(done, total)` is called after each chunk. Raises ValueError if `output` holds another run.
    """
    file = SampleFile(output, model, settings)
    wanted = [
        _Pending(task, question, index)
        for task in tasks
        for question in task.questions
        for index in range(settings.num_samples)
    ]
    there = {sample.key for sample in file.samples}
    for start in range(0, len(wanted), CHUNK_SAMPLES):
        chunk = wanted[start : start + CHUNK_SAMPLES]
        if not {pending.key for pending in chunk} <= there:
            made = _complete(completer, chunk, settings)
            file.append([sample for sample in made if sample.key not in there])
        if progress is not None:
            progress(start + len(chunk), len(wanted))
    return file.samples


def _complete(completer: Completer, chunk: list[_Pending], settings: RunSettings) -> list[Sample]:
    """Turn by turn: a conversation goes on with the model's own reply."""
    talks: list[list[dict[str, str]]] = [[] for _ in chunk]
    lasts: list[tuple[int, bool]] = [(0, False)] * len(chunk)
    for turn in range(max(len(pending.question.turns) for pending in chunk)):
        here = [row for row, pending in enumerate(chunk) if turn < len(pending.question.turns)]
        for row in here:
            talks[row].append({"role": "user", "content": chunk[row].question.turns[turn]})
        replies = completer.complete(
            [talks[row] for row in here], max_new_tokens=settings.max_new_tokens, temperature=settings.temperature,
            top_p=settings.top_p, seeds=[_seed(settings.seed, chunk[row], turn) for row in here],
        )  # fmt: skip
        for row, reply in zip(here, replies, strict=True):
            talks[row].append({"role": "assistant", "content": reply.text})
            lasts[row] = (reply.num_tokens, reply.is_finished)
    return [
        Sample(*pending.key, tuple(message["content"] for message in talk[1::2]), *last)
        for pending, talk, last in zip(chunk, talks, lasts, strict=True)
    ]


def _seed(seed: int, pending: _Pending, turn: int) -> int:
    """Of one reply, whatever else is asked for beside it."""
    digest = blake2b("|".join(map(str, (seed, *pending.key, turn))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
