"""A conversation as turns, and as the ids and losses that the released chat template and the label rule give it.

    <|user|>question<|end|><|assistant|><think>\\nsteps\\n</think>\\n\\nanswer<|end|> ... <|endoftext|>

A reply that works something out opens with a thought and puts its result in a box; one that only talks has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from sambay.chat import ROLES

from .spelling import encoder_of


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. has_loss: False for what must not be learnt, such as a reply with a planted slip."""

    role: str
    text: str
    has_loss: bool = True

    def __post_init__(self) -> None:
        assert self.role in ROLES, self.role
        assert self.text == self.text.lstrip(), "a role's token swallows the white space after it"

    @property
    def message(self) -> dict[str, str]:
        """As `ChatTokenizer.encode_chat` takes it."""
        return {"role": self.role, "content": self.text}


Conversation = tuple[Turn, ...]


class ConversationEncoder:
    """Ids of conversations by the released template, without rendering it, and which of them have a loss.

    is_loss_on_replies_only: losses on what the assistant writes, its `<|end|>` included, as in fine-tuning; else on
    every token, as in pre-training. Turns without has_loss have none in either case.
    Raises ValueError for a tokenizer that lacks one of the chat tokens.
    """

    def __init__(self, tokenizer: Tokenizer, is_loss_on_replies_only: bool = False) -> None:
        names = (*(f"<|{role}|>" for role in ROLES), "<|end|>", "<|endoftext|>")
        found = {name: tokenizer.token_to_id(name) for name in names}
        ids = {name: index for name, index in found.items() if index is not None}
        missing = [name for name in names if name not in ids]
        if missing:
            raise ValueError(f"the tokenizer has no {', '.join(missing)}: a conversation needs {', '.join(names)}")
        self._roles = {role: ids[f"<|{role}|>"] for role in ROLES}
        self._end, self._text_end = ids["<|end|>"], ids["<|endoftext|>"]
        self._is_loss_on_replies_only = is_loss_on_replies_only
        self._encode: Callable[[str], list[int]] = encoder_of(tokenizer)

    def __call__(self, turns: Sequence[Turn]) -> tuple[list[int], list[bool]]:
        """The ids of a finished conversation, and for each whether its prediction counts."""
        ids: list[int] = []
        has_loss: list[bool] = []
        is_everywhere = not self._is_loss_on_replies_only
        for turn in turns:
            said = self._encode(turn.text)
            ids.append(self._roles[turn.role])
            ids += said
            ids.append(self._end)
            is_counted = turn.has_loss and (is_everywhere or turn.role == "assistant")
            has_loss.append(is_everywhere)
            has_loss += [is_counted] * (len(said) + 1)
        ids.append(self._text_end)
        has_loss.append(is_everywhere)
        return ids, has_loss
