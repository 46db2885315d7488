"""Many conversations at once: batches of like length, padded on the left; whoever has finished leaves the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from sambay.chat import ChatTokenizer, Message

# Letters: B sequences, S positions of the longest prompt, T positions so far, V vocabulary.

# Bounds the activations of the prompts that are read at once.
MAX_PROMPT_TOKENS = 32_768
# Caches are copied when a batch is thinned out, so it waits until that pays.
_THIN_OUT_BELOW = 0.75


@dataclass(frozen=True)
class Reply:
    """One reply: its text without the token that ended it, its tokens, and whether it ended by itself."""

    text: str
    num_tokens: int
    is_finished: bool


@dataclass
class _Row:
    """One sequence under way. limit: the most tokens that it may write; uniforms: what decides each of its draws."""

    place: int
    prompt_ids: list[int]
    limit: int
    uniforms: np.ndarray | None
    ids: list[int] = field(default_factory=list)


class BatchCompleter:
    """Completes conversations with a model in this process.

    A reply ends after one of the tokenizer's stop ids, at `max_new_tokens`, or where the context is full. Its draws are
    those of its own seed, whatever shares its batch; beside which sequences it is computed can still change the last
    bit of a logit, and so a token, as everywhere.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: ChatTokenizer, context_tokens: int, batch_size: int = 64
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: allowed is 1 or more")
        self.model, self.tokenizer = model, tokenizer
        self.context_tokens, self.batch_size = context_tokens, batch_size

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

        Raises ValueError for a conversation that fills the context, and as the tokenizer does.
        """
        rows = []
        for place, conversation in enumerate(conversations):
            ids = self.tokenizer.encode_chat(conversation)
            room = self.context_tokens - len(ids)
            if room < 1:
                raise ValueError(f"conversation {place} has {len(ids)} tokens; the context holds {self.context_tokens},"
                                 " the reply included")  # fmt: skip
            limit = min(max_new_tokens, room)
            seed = None if seeds is None else seeds[place]
            uniforms = np.random.default_rng(seed).random(limit) if temperature > 0 else None
            rows.append(_Row(place, ids, limit, uniforms))
        for batch in self._batches(rows):
            self._complete(batch, temperature, top_p)
        return [self._reply(row) for row in rows]

    def _batches(self, rows: list[_Row]) -> Iterator[list[_Row]]:
        """Rows of like prompt length together, so that little is padded."""
        waiting = sorted(rows, key=lambda row: (len(row.prompt_ids), row.place))
        while waiting:
            size = min(self.batch_size, len(waiting))
            while size > 1 and size * len(waiting[size - 1].prompt_ids) > MAX_PROMPT_TOKENS:
                size -= 1
            yield waiting[:size]
            waiting = waiting[size:]

    @torch.inference_mode()
    def _complete(self, rows: list[_Row], temperature: float, top_p: float) -> None:
        """Fills the rows' ids."""
        cache = DynamicCache(config=self.model.config)
        ids_BS, mask_BT = _left_padded([row.prompt_ids for row in rows], self.tokenizer.stop_ids[0], self.model.device)
        while rows:
            positions_BS = (mask_BT.cumsum(1) - 1).clamp(min=0)[:, -ids_BS.shape[1] :]
            logits_BV = self.model(
                input_ids=ids_BS, attention_mask=mask_BT, position_ids=positions_BS, past_key_values=cache,
                use_cache=True, logits_to_keep=1,
            ).logits[:, -1].float()  # fmt: skip
            chosen_B = self._choose(logits_BV, rows, temperature, top_p)
            chosen = chosen_B.tolist()
            for row, token_id in zip(rows, chosen, strict=True):
                if not self._is_over(row):
                    row.ids.append(token_id)
            alive = [index for index, row in enumerate(rows) if not self._is_over(row)]
            ids_BS, mask_BT = chosen_B[:, None], torch.nn.functional.pad(mask_BT, (0, 1), value=1)
            if len(alive) < _THIN_OUT_BELOW * len(rows):
                rows = [rows[index] for index in alive]
                kept_B = torch.tensor(alive, dtype=torch.long, device=ids_BS.device)
                ids_BS, mask_BT = ids_BS[kept_B], mask_BT[kept_B]
                cache.reorder_cache(kept_B)  # type: ignore[arg-type] # a choice of rows is an order of fewer

    def _choose(self, logits_BV: Tensor, rows: list[_Row], temperature: float, top_p: float) -> Tensor:
        if temperature == 0:
            return logits_BV.argmax(-1)
        uniforms = [0.5 if row.uniforms is None or self._is_over(row) else row.uniforms[len(row.ids)] for row in rows]
        return draw(logits_BV, torch.tensor(uniforms, device=logits_BV.device), temperature, top_p)

    def _is_over(self, row: _Row) -> bool:
        return len(row.ids) >= row.limit or (bool(row.ids) and row.ids[-1] in self.tokenizer.stop_ids)

    def _reply(self, row: _Row) -> Reply:
        is_finished = row.ids[-1] in self.tokenizer.stop_ids
        text = self.tokenizer.decode(row.ids[:-1] if is_finished else row.ids)
        return Reply(text, len(row.ids), is_finished)


def draw(logits_BV: Tensor, uniforms_B: Tensor, temperature: float, top_p: float) -> Tensor:
    """One id a row: the uniform number picks from the cumulated softmax of logits / temperature, likeliest first, of
    the fewest ids that together hold `top_p`. A row's id depends on its own logits and number alone."""
    probabilities_BV, ids_BV = (logits_BV.double() / temperature).softmax(-1).sort(stable=True, dim=-1, descending=True)
    cumulated_BV = probabilities_BV.cumsum(-1)
    is_out_BV = cumulated_BV - probabilities_BV >= top_p
    cumulated_BV = probabilities_BV.masked_fill(is_out_BV, 0).cumsum(-1)
    wanted_B1 = uniforms_B.double()[:, None] * cumulated_BV[:, -1:]
    places_B1 = (cumulated_BV <= wanted_B1).sum(-1, keepdim=True)
    last_B1 = (~is_out_BV).sum(-1, keepdim=True) - 1
    return ids_BV.gather(1, torch.minimum(places_B1, last_B1))[:, 0]


def _left_padded(prompts: list[list[int]], padding_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids (B, S) and a mask (B, S) that is 0 at padding."""
    longest = max(map(len, prompts))
    ids = [[padding_id] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
