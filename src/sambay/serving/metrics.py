"""What the server counts, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from sambay.engine.async_llm import AsyncLLM

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Histogram:
    """Cumulative counts of seconds up to each bound."""

    def __init__(self, bounds: Sequence[float] = _SECONDS) -> None:
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self._counts[bisect_left(self.bounds, value)] += times
        self._sum += value * times

    def lines(self, name: str) -> Iterator[str]:
        total = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum:.9g}"
        yield f"{name}_count {total}"


class Metrics:
    """For one event loop. The engine's own counters are read when somebody asks."""

    def __init__(self, llm: AsyncLLM) -> None:
        self._llm = llm
        self.responses: Counter[tuple[str, int]] = Counter()  # route and status
        self.first_token_s, self.inter_token_s, self.request_s = Histogram(), Histogram(), Histogram()

    def text(self) -> str:
        """One page for a scrape."""
        lines: list[str] = []
        for name, kind, explained, value in self._values():
            lines += [f"# HELP {name} {explained}", f"# TYPE {name} {kind}", f"{name} {value}"]
        name = "sambay_http_responses_total"
        lines += [f"# HELP {name} Responses by route and status; 499: the client hung up.", f"# TYPE {name} counter"]
        for (route, status), count in sorted(self.responses.items()):
            lines.append(f'{name}{{route="{route}",status="{status}"}} {count}')
        for name, explained, histogram in (
            ("sambay_time_to_first_token_seconds", "From the request to its first token.", self.first_token_s),
            ("sambay_inter_token_seconds", "Between tokens of a choice.", self.inter_token_s),
            ("sambay_request_seconds", "From a request's first byte to its reply's last.", self.request_s),
        ):
            lines += [f"# HELP {name} {explained}", f"# TYPE {name} histogram", *histogram.lines(name)]
        return "\n".join(lines) + "\n"

    def _values(self) -> Iterator[tuple[str, str, str, int]]:
        llm, scheduler = self._llm, self._llm.engine.scheduler
        counters, limits = scheduler.counters, scheduler.limits
        yield "sambay_requests_running", "gauge", "Samples on the device.", scheduler.num_running
        num_waiting = max(llm.num_unfinished - scheduler.num_running, 0)
        yield "sambay_requests_waiting", "gauge", "Samples that wait.", num_waiting
        yield "sambay_sequences_max", "gauge", "Samples that may run at a time.", limits.max_sequences
        yield "sambay_cache_pages", "gauge", "Pages of the cache.", max(limits.num_pages - 1, 0)
        yield "sambay_cache_pages_free", "gauge", "Pages that no running sample holds.", scheduler.num_free_pages
        yield "sambay_requests_refused_total", "counter", "Requests that found the queue full.", llm.num_refused
        yield "sambay_requests_cancelled_total", "counter", "Requests ended before their time.", llm.num_cancelled
        yield "sambay_engine_failures_total", "counter", "Steps of the engine that failed.", llm.num_failures
        for name, explained in _COUNTERS.items():
            yield f"sambay_{name}_total", "counter", explained, getattr(counters, f"num_{name}")


_COUNTERS = {
    "prompt_tokens": "Tokens of prompts, for each sample.",
    "generated_tokens": "Tokens sampled.",
    "prefill_tokens": "Tokens of prompts that were computed.",
    "prefix_hit_tokens": "Tokens of prompts whose state was kept from others.",
    "forked_tokens": "Tokens of prompts whose state was another sample's.",
    "preemptions": "Samples put back for want of memory.",
    "snapshots": "States kept for later prompts.",
    "drafted_tokens": "Tokens guessed ahead.",
    "accepted_tokens": "Guesses that were right.",
}
