"""The engine's loop: plan, run, commit, and the text of every reply as its tokens arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sambay.chat import ChatTokenizer
from sambay.engine.cache_format import check_cache_dtype
from sambay.engine.calibration import calibrate
from sambay.engine.guidance import AllowedTokens, Guidance, GuidedState
from sambay.engine.limits import Limits
from sambay.engine.lookup import NgramDrafter
from sambay.engine.plan import Event, Plan, Segment
from sambay.engine.pools import Pools
from sambay.engine.request import Request
from sambay.engine.runner import Pending, Results, Runner, first_rows
from sambay.engine.sampler import Sampler
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.scheduler import Scheduler
from sambay.engine.stopping import Finish, Stopper
from sambay.model.sambay import SambaYForCausalLM

_CANCELLED = "cancelled"


@dataclass(frozen=True)
class TokenLogprob:
    """A token's log-probability in the model's own distribution, and the likeliest tokens with theirs."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Delta:
    """What one step added to one sample of a request. finish: of its last one.

    num_cached_tokens: of its prompt, whose state was kept from others instead of computed when it first ran; the same
    in each of its deltas. A sample that forked off the request's first one has that one's prompt among them.
    """

    request_id: str
    sample: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...] | None
    finish: Finish | None
    num_cached_tokens: int = 0


@dataclass
class _Reply:
    """One sample under way."""

    params: SamplingParams
    seed: int
    stopper: Stopper
    num_prompt: int
    guided: GuidedState | None = None
    is_in_sampler: bool = field(default=False)
    num_cached: int | None = None  # of the prompt, at its first admission


class Engine:
    """Requests in, deltas out; one step a call. Not for several threads at once: see `AsyncLLM` for that.

    num_plans_ahead: plans that may be under way while the host takes in the results of the one before. One hides the
    host's work behind a GPU's; 0 does one thing after the other, as fits a CPU.
    drafter: guesses up to limits.max_drafted tokens a step of a sequence, which the step judges. It needs the results
    of the step before, so it goes with num_plans_ahead=0 alone.
    cache_dtype: of the growing keys and values, one of CACHE_DTYPES.

    Raises ValueError for a combination that cannot be.
    """

    def __init__(
        self, model: SambaYForCausalLM, tokenizer: ChatTokenizer, limits: Limits, num_plans_ahead: int,
        has_graphs: bool, drafter: NgramDrafter | None = None, cache_dtype: str = "auto",
    ) -> None:  # fmt: skip
        self.tokenizer, self.limits = tokenizer, limits
        weight = model.model.embed_tokens.weight
        if drafter is not None and num_plans_ahead:
            raise ValueError(f"num_plans_ahead={num_plans_ahead}: allowed with a drafter is 0, since it needs results")
        self._drafter = drafter
        self.scheduler = Scheduler(limits, drafter)
        self.sampler = Sampler(model.config.vocab_size, weight.device, tokenizer.stop_ids)
        check_cache_dtype(cache_dtype, model.config, weight.device)
        pools = Pools(model.config, limits, weight.dtype, weight.device, cache_dtype)
        if cache_dtype == "fp8":
            calibrate(model, pools)
        self.runner = Runner(model, pools, self.sampler, has_graphs, limits.max_sequences)
        self.num_plans_ahead = num_plans_ahead
        self._vocab_size = model.config.vocab_size
        self._guidance: Guidance | None = None
        self._replies: dict[tuple[str, int], _Reply] = {}
        self._out: deque[tuple[Plan, Pending]] = deque()

    # ------------------------------------------------------------------------------------------------ requests

    def add(self, request_id: str, token_ids: Sequence[int], params: SamplingParams) -> None:
        """Puts a request in the queue.

        Raises ValueError for a prompt or params that can never run, QueueFullError where as many wait as may.
        """
        if token_ids and max(token_ids) >= self._vocab_size:
            raise ValueError(f"the prompt has token {max(token_ids)}; allowed: below {self._vocab_size}")
        params.check_vocabulary(self._vocab_size)
        own_stops = () if params.ignore_eos else self.tokenizer.stop_ids
        stop_ids = {*own_stops, *params.stop_token_ids}
        room = self.limits.max_length - len(token_ids)
        most = room if params.max_tokens is None else min(params.max_tokens, room)
        request = Request(request_id, token_ids, max(most, 1), params.n, stop_ids, params.min_tokens)
        guided = [self._start_guided(params) for _ in range(params.n)]
        self.scheduler.add(request)
        for sample in range(params.n):
            decoder = self.tokenizer.decoder(not params.skip_special_tokens)
            stopper = Stopper(params, decoder, self.tokenizer.stop_ids, room)
            reply = _Reply(params, params.seed_of_sample(sample), stopper, len(token_ids), guided[sample])
            self._replies[request_id, sample] = reply
            if self._drafter is not None and params.can_speculate:
                self._drafter.start(request_id, sample)

    def cancel(self, request_id: str) -> bool:
        """Ends a request at once and frees all it holds; returns whether there was anything left to end."""
        was_there = self.scheduler.finish(request_id, _CANCELLED)
        for key in [key for key in self._replies if key[0] == request_id]:
            self._forget(key)
        return was_there

    def clear_prefixes(self) -> None:
        """Forgets what prompts had in common, as a change of the weights demands. RuntimeError while requests run."""
        while self._out and not self.scheduler.has_requests:
            self.step()  # what was planned ahead of a request's end
        self.scheduler.clear_prefixes()

    @property
    def has_work(self) -> bool:
        """Whether a further step can bring anything."""
        return self.scheduler.has_requests or bool(self._out)

    # ------------------------------------------------------------------------------------------------ steps

    def step(self) -> list[Delta]:
        """Plans and starts a step where there is one, and takes in the oldest that is due.

        Where it raises, Ctrl-C included, every request has ended and the engine is as new.
        """
        try:
            return self._step()
        except BaseException:
            self._start_anew()
            raise

    def _start_anew(self) -> None:
        """Forgets all requests and prefixes. What was cut short may be half done, so none of it is asked to clean up;
        the device needs nothing: whoever is given a slot or page writes it before reading it."""
        counters = self.scheduler.counters
        counters.num_finished += len(self._replies)
        if self._drafter is not None:
            for key in self._replies:
                self._drafter.forget(*key)
        self.scheduler = Scheduler(self.limits, self._drafter)
        vars(self.scheduler.counters).update(vars(counters))
        self.sampler = Sampler(self._vocab_size, self.runner.device, self.tokenizer.stop_ids)
        self.runner.sampler = self.sampler
        self._replies.clear()
        self._out.clear()

    def _step(self) -> list[Delta]:
        ahead = 0 if any(reply.guided for reply in self._replies.values()) else self.num_plans_ahead
        while self.scheduler.has_requests and len(self._out) <= ahead:
            plan = self.scheduler.plan()
            self._out.append((plan, self._start(plan)))
            if not plan.segments:
                break
        if not self._out:
            return []
        plan, pending = self._out.popleft()
        results = pending.wait()
        events = self.scheduler.commit(plan, results.token_ids)
        return [self._take(event, results) for event in events if (event.request_id, event.sample) in self._replies]

    def _start(self, plan: Plan) -> Pending:
        for admission in plan.admissions:
            key = (admission.request_id, admission.sample)
            reply = self._replies[key]
            if reply.is_in_sampler:
                self.sampler.remove(key)
            prompt, generated = (
                admission.token_ids[: admission.num_prompt_tokens], admission.token_ids[admission.num_prompt_tokens :],
            )  # fmt: skip
            self.sampler.add(key, reply.params, reply.seed, prompt, generated)
            reply.is_in_sampler = True
            if reply.num_cached is None:  # later ones find what it has left itself
                reply.num_cached = admission.num_cached_tokens
        sampled = [segment for segment in plan.segments if segment.is_sampled]
        num_generated = [self._num_generated(segment) for segment in sampled]
        return self.runner.run(plan, num_generated, self._allowed(sampled))

    def _num_generated(self, segment: Segment) -> int:
        reply = self._replies[segment.request_id, segment.sample]
        return segment.start + len(segment.token_ids) - reply.num_prompt

    def _allowed(self, sampled: Sequence[Segment]) -> AllowedTokens | None:
        states, rows = [], []
        for row, segment in zip(first_rows(sampled), sampled, strict=True):
            state = self._replies[segment.request_id, segment.sample].guided
            if state is not None:
                states.append(state)
                rows.append(row)
        if not states or self._guidance is None:
            return None
        return self._guidance.allowed(states, rows, self.runner.device)

    def _take(self, event: Event, results: Results) -> Delta:
        key = (event.request_id, event.sample)
        reply = self._replies[key]
        text, taken = self._read(reply, event)
        finish = reply.stopper.finish
        if finish is not None:
            if event.finish_reason is None:
                self.scheduler.finish(event.request_id, finish.reason, event.sample)
            self._forget(key)
        num_top = reply.params.logprobs
        logprobs = None if num_top is None else _logprobs_of(results, event.result, taken, num_top)
        cached = reply.num_cached or 0
        return Delta(event.request_id, event.sample, text, tuple(taken), logprobs, finish, cached)

    def _read(self, reply: _Reply, event: Event) -> tuple[str, list[int]]:
        """The text of new tokens, and those of them that are the reply's; its stopper knows whether it ends here."""
        text = ""
        taken: list[int] = []
        for token_id in event.token_ids:
            if reply.guided is not None and token_id not in self.tokenizer.stop_ids:
                reply.guided.advance(token_id)
            if reply.guided is not None and reply.guided.error is not None:
                return text + reply.stopper.close(Finish("error", reply.guided.error)), taken
            is_grammar_finished = reply.guided is not None and reply.guided.is_finished
            text += reply.stopper.feed(token_id, is_grammar_finished)
            taken.append(token_id)
            if reply.stopper.finish is not None:
                break
        if event.finish_reason is not None and reply.stopper.finish is None:
            text += reply.stopper.close(Finish("length"))
        return text, taken

    def _forget(self, key: tuple[str, int]) -> None:
        reply = self._replies.pop(key)
        if self._drafter is not None:
            self._drafter.forget(*key)
        if reply.is_in_sampler:
            self.sampler.remove(key)

    def _start_guided(self, params: SamplingParams) -> GuidedState | None:
        if params.guided is None:
            return None
        self._guidance = self._guidance or Guidance(self.tokenizer, self._vocab_size)
        return self._guidance.start(params.guided)


def _logprobs_of(results: Results, result: int, taken: Sequence[int], num_top: int) -> tuple[TokenLogprob, ...]:
    found = results.logprobs
    assert found is not None, "log-probabilities that were asked for are missing"
    logprobs = []
    for place, token_id in enumerate(taken):
        row = found.rows.index(results.first_rows[result] + place)
        # the columns are as many as the row that asked for most
        top = zip(found.top_ids_RC[row, :num_top].tolist(), found.top_RC[row, :num_top].tolist(), strict=True)
        logprobs.append(TokenLogprob(token_id, float(found.chosen_R[row]), tuple(top)))
    return tuple(logprobs)
