"""Many conversations completed at once, as evaluation asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sambay.chat import Message
from sambay.engine.llm import LLM
from sambay.engine.sampling_params import NUM_SEEDS, SamplingParams


@dataclass(frozen=True)
class Reply:
    """One reply: its text without the token that ended it, its tokens, and whether it ended by itself."""

    text: str
    num_tokens: int
    is_finished: bool


class EngineCompleter:
    """Completes conversations with an engine in this process.

    A reply ends after one of the tokenizer's stop ids, at `max_new_tokens`, or where the context is full. Its draws are
    those of its own seed, whatever shares its batch; beside which sequences it is computed can still change the last
    bit of a logit, and so a token, as everywhere. Calls share no prefixes, so what one says does not depend on those
    before it, to the bit.
    """

    def __init__(self, llm: LLM) -> None:
        self.llm = llm

    def complete(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seeds: Sequence[int] | None = None,
    ) -> list[Reply]:
        """One reply to each conversation, in their order. Temperature 0 is greedy and takes no seeds.

        Raises ValueError for a conversation that fills the context, for seeds and conversations of different number,
        and as the tokenizer does.
        """
        each = [None] * len(conversations) if seeds is None else [seed % NUM_SEEDS for seed in seeds]
        if len(each) != len(conversations):
            raise ValueError(f"{len(each)} seeds for {len(conversations)} conversations: allowed is one each")
        params = [
            SamplingParams(temperature=temperature, top_p=top_p, max_tokens=max_new_tokens, seed=seed) for seed in each
        ]
        if not self.llm.engine.scheduler.has_requests:
            self.llm.engine.clear_prefixes()
        outputs = self.llm.chat(conversations, params) if conversations else []
        return [Reply(one.text, len(one.token_ids), one.finish_reason == "stop") for one in outputs]
