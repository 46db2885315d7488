"""A model in this package's engine, as `LLM` makes it: pages, graphs on a GPU, sampling and text included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from sambay.benchmarking.busy import gpu_shares
from sambay.benchmarking.clients import serve_clients
from sambay.benchmarking.contender import Contender, DoesNotFitError, Values, at_marks, marks
from sambay.benchmarking.models import Subject
from sambay.benchmarking.settings import STEP_TOKENS, Grid, decode_room, longest_work, works_of_clients
from sambay.engine.cache_format import KeysValues
from sambay.engine.engine import Engine
from sambay.engine.llm import LLM
from sambay.engine.sampling_params import SamplingParams

_SETTLING_STEPS = 4  # once all prompts are read: the graph of the full batch, plans ahead
_BUSY_STEPS = 24  # that a profiler watches


class InEngine(Contender):
    """Each measurement has an engine of its own, whose pools have all memory that is free then."""

    def __init__(self, label: str, subject: Subject, seed: int, cache_dtype: str = "auto") -> None:
        super().__init__(label, subject, seed)
        self.cache_dtype, self.seed = cache_dtype, seed

    def prefill(self, context: int) -> Values:
        with self._engine(1, context + 4) as engine:
            self._finish(engine, min(context, self.warm_up_tokens), 2)
            self.clock.restart_memory()
            prompt, start = self.prompt(context), self.clock.now()
            engine.add("timed", prompt, _params(1))
            while not engine.step():
                pass
            ms = 1e3 * (self.clock.at_results() - start)
            values: Values = {"ms": ms, "state_bytes": _state_bytes(engine, context)}
            if (peak := self.clock.most_memory()) is not None:
                values["peak_bytes"] = peak
            return values

    def decode(self, batch: int, context: int, steps: int) -> Values:
        with self._decoding(batch, context, steps) as (engine, lengths):
            before = self.clock.restart_memory()
            start = self.clock.now()
            mean_context = sum(lengths.values()) / batch + steps / 2
            self._run(engine, lengths, steps, batch)
            values: Values = {"ms": 1e3 * (self.clock.now() - start) / steps, "mean_context": mean_context}
            if (peak := self.clock.most_memory()) is not None:
                values["growth_bytes"] = peak - before
            return values

    def busy(self, batch: int, context: int) -> Values:
        """`gpu_busy` and `gpu_waiting` of some decode steps, as `busy.gpu_shares` says; nothing on a CPU."""
        with self._decoding(batch, context, _BUSY_STEPS) as (engine, lengths):
            return {**gpu_shares(lambda: self._run(engine, lengths, _BUSY_STEPS, batch), self.device)}

    def latency(self, prompt_tokens: int, generation_tokens: int, most_s: float) -> Values:
        with self._engine(1, prompt_tokens + generation_tokens) as engine:
            self._finish(engine, min(prompt_tokens, self.warm_up_tokens), min(generation_tokens, 4))
            prompt, start = self.prompt(prompt_tokens), self.clock.now()
            engine.add("timed", prompt, _params(generation_tokens))
            seconds: list[float] = []
            while len(seconds) < generation_tokens and not (seconds and seconds[-1] > most_s):
                for delta in engine.step():
                    seconds += [self.clock.at_results() - start] * len(delta.token_ids)
            return at_marks(marks(generation_tokens), seconds)

    def serving(self, concurrency: int, grid: Grid) -> Values:
        """So many clients at a time, as `clients.serve_clients` says, with lengths drawn by the grid."""
        most = longest_work(grid, concurrency, self.seed)
        with self._engine(concurrency, most) as engine:
            works = works_of_clients(grid, concurrency, self.seed)
            self._warm_up(engine, [next(own).prompt_tokens for own in works])
            works = works_of_clients(grid, concurrency, self.seed)
            before = engine.scheduler.counters.num_preemptions
            served = serve_clients(engine, works, grid.requests, most, self.prompt, self.clock.at_results)
            return {**served.values(), "preemptions": engine.scheduler.counters.num_preemptions - before}

    # ------------------------------------------------------------------------------------------------ engines

    @contextmanager
    def _engine(self, max_sequences: int, max_length: int) -> Iterator[Engine]:
        """An engine as `LLM` sets it up, with nothing in its memory; all it holds is freed at the end."""
        try:
            llm = LLM(
                self.subject.network, tokenizer=self.subject.tokenizer, max_sequences=max_sequences,
                max_model_len=max_length, cache_dtype=self.cache_dtype,
                max_batch_tokens=STEP_TOKENS[self.device.type] + max_sequences - 1,
            )  # fmt: skip
        except ValueError as error:
            if "MiB" in str(error):
                raise DoesNotFitError(str(error)) from error
            raise
        yield llm.engine

    @contextmanager
    def _decoding(self, batch: int, context: int, steps: int) -> Iterator[tuple[Engine, dict[str, int]]]:
        """An engine in which `batch` sequences have read `context` tokens and are writing, and their lengths."""
        room = decode_room(self.device.type, batch, context, steps + _SETTLING_STEPS)
        self.check_memory(batch, context + room, self.cache_dtype)
        with self._engine(batch, context + room) as engine:
            limits = engine.limits
            if batch * limits.pages_for(context + room) > max(limits.num_pages - 1, 0):
                raise DoesNotFitError(f"{limits.num_pages - 1} pages of {limits.page_size} tokens")
            lengths = {str(index): context for index in range(batch)}
            for name in lengths:
                engine.add(name, self.prompt(context), _params(room))
            while min(lengths.values()) == context:
                for delta in engine.step():
                    lengths[delta.request_id] += len(delta.token_ids)
            self._run(engine, lengths, _SETTLING_STEPS, batch)
            yield engine, lengths

    def _run(self, engine: Engine, lengths: dict[str, int], steps: int, batch: int) -> None:
        """Decode steps of all sequences. Raises DoesNotFitError if one had to give its place to others."""
        for _ in range(steps):
            deltas = engine.step()
            if engine.scheduler.counters.num_preemptions:
                raise DoesNotFitError("sequences were preempted")
            assert len(deltas) == batch, "a step without a token of each sequence"
            assert all(delta.finish is None for delta in deltas), "a sequence had too little room"
            for delta in deltas:
                lengths[delta.request_id] += len(delta.token_ids)

    def _finish(self, engine: Engine, prompt_tokens: int, generation_tokens: int) -> None:
        """A request that nobody times."""
        engine.add("warm-up", self.prompt(prompt_tokens), _params(generation_tokens))
        while engine.has_work:
            engine.step()

    def _warm_up(self, engine: Engine, lengths: Sequence[int]) -> None:
        """For clients with prompts of these lengths. On a GPU those themselves, since kernels are compiled by whether
        lengths are even, and batches of every size down from all, each of which a graph may be captured for."""
        is_gpu = self.device.type == "cuda"
        for length in lengths if is_gpu else lengths[:1]:
            self._finish(engine, min(length, self.warm_up_tokens), 2)
        for index in range(len(lengths) if is_gpu else 0):
            engine.add(f"warm-up {index}", self.prompt(8), _params(2 + index))
        while engine.has_work:
            engine.step()


def _params(max_tokens: int) -> SamplingParams:
    return SamplingParams(temperature=0, max_tokens=max_tokens, ignore_eos=True)


def _state_bytes(engine: Engine, num_tokens: int) -> int:
    """What a sequence holds of the pools' tensors: a slot, and pages for its tokens."""
    pools, limits = engine.runner.pools, engine.limits
    of_slot = sum(_bytes(state.tails, state.states) for state in pools.mamba.values())
    of_slot += sum(_of_cache(ring) for ring in pools.rings.values())
    of_pages = sum(_of_cache(pages) for pages in pools.pages.values())
    return of_slot // limits.num_slots + limits.pages_for(num_tokens) * (of_pages // max(limits.num_pages, 1))


def _of_cache(cache: KeysValues) -> int:
    return _bytes(*cache.by_page)


def _bytes(*tensors: torch.Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
