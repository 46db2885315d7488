"""What the bookkeeping was given: the sizes of the pools and the bounds of a step, checked once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes of the pools and bounds of a step. Raises ValueError for sizes with which nothing could run.

    page_size: tokens a page. Also the unit of prefix reuse for a model without pages.
    num_slots: fixed states on the device, counting slot 0, which is never handed out. A running sequence takes one
        and a snapshot takes one, so what exceeds `max_sequences` + 1 is room for prefixes.
    num_pages: pages on the device, counting page 0, which is never handed out. 0: the model has no layer whose
        keys and values grow, so memory bounds only the number of sequences.
    max_model_len: tokens of a sequence, prompt and generated together.
    max_sequences: sequences that run at a time.
    max_batch_tokens: tokens of one step.
    max_queued: sequences that may wait; None: any number.
    needs_snapshots: whether a slot holds state (recurrent layers, rings). Without any, pages alone bring a prefix
        back, and the plan names no copies of slots.
    has_prefix_cache: whether prefixes are kept.
    snapshot_every_pages: also keep snapshots at every so many pages of a prompt; 0: only at its last page boundary,
        and where it is known to branch off other prompts.
    turn_snapshot_pages: with snapshots, while a sequence generates, renew its snapshot at every so many pages, so that
        the next turn of a chat finds the end of this one; 0: never.
    max_drafted: tokens that may be drafted for one step of a sequence; 0: no speculation.
    """

    page_size: int
    num_slots: int
    num_pages: int
    max_model_len: int
    max_sequences: int
    max_batch_tokens: int
    max_queued: int | None = None
    needs_snapshots: bool = True
    has_prefix_cache: bool = True
    snapshot_every_pages: int = 0
    turn_snapshot_pages: int = 1
    max_drafted: int = 0

    def __post_init__(self) -> None:
        _check_at_least("page_size", self.page_size, 1)
        _check_at_least("max_sequences", self.max_sequences, 1)
        _check_at_least("max_drafted", self.max_drafted, 0)
        _check_at_least("max_model_len", self.max_model_len, 2)
        _check_at_least("snapshot_every_pages", self.snapshot_every_pages, 0)
        _check_at_least("turn_snapshot_pages", self.turn_snapshot_pages, 0)
        if self.max_queued is not None:
            _check_at_least("max_queued", self.max_queued, 1)
        _check_at_least("num_slots", self.num_slots, self.max_sequences + 1, "max_sequences and slot 0")
        _check_at_least(
            "max_batch_tokens",
            self.max_batch_tokens,
            self.max_sequences * (1 + self.max_drafted),
            "a token and its drafts for each of max_sequences, or running sequences would starve",
        )
        if self.snapshot_every_pages and not (self.needs_snapshots and self.has_prefix_cache):
            raise ValueError(
                f"snapshot_every_pages is {self.snapshot_every_pages}; allowed without snapshots or a prefix cache: 0"
            )
        if self.num_pages:
            _check_at_least("num_pages", self.num_pages, 2, "page 0 is never handed out; 0 for a model without pages")

    @property
    def has_pages(self) -> bool:
        return self.num_pages > 0

    @property
    def max_length(self) -> int:
        """Tokens that one sequence can reach. The last one is sampled and never written, so it needs no room."""
        if not self.has_pages:
            return self.max_model_len
        return min(self.max_model_len, (self.num_pages - 1) * self.page_size + 1)

    def pages_for(self, num_tokens: int) -> int:
        """Pages that hold the first `num_tokens` tokens of a sequence."""
        return -(-num_tokens // self.page_size) if self.num_pages else 0


def _check_at_least(name: str, value: int, least: int, reason: str = "") -> None:
    if value < least:
        raise ValueError(f"{name} is {value}; allowed: at least {least}" + (f" ({reason})" if reason else ""))
