"""What evaluation needs of a model: anything that completes conversations, here or behind a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sambay.chat import Message


class Completion(Protocol):
    """One reply."""

    @property
    def text(self) -> str:
        """The reply without the token that ended it."""
        ...

    @property
    def num_tokens(self) -> int:
        """Tokens written, the one that ended it included."""
        ...

    @property
    def is_finished(self) -> bool:
        """False where the limit cut it off."""
        ...


class Completer(Protocol):
    """Completes conversations. The replies depend on the conversations, the options and the seeds alone."""

    def complete(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        temperature: float,
        top_p: float,
        seeds: Sequence[int],
    ) -> Sequence[Completion]:
        """One reply to each conversation, in their order; `seeds` (one each) fix the draws at a temperature above 0."""
        ...
