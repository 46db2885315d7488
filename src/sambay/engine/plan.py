"""What crosses between the bookkeeping and the device: one plan a step, and what became of it, as plain data.

The device carries out the plans in the order in which they were made, and each plan in this order:

    table, copies, page_copies, zeroed   before the step
    segments                             the step
    saves                                after the step

Three things differ from a plan that is made only after the last one's results are known, so that the host's work hides
behind the device's:

- Plans may be made ahead of results. The input token of a decode may then be one that an earlier plan samples; it reads
  PENDING here and the device takes the token that it sampled last for that slot. A plan made ahead may hold segments
  of sequences that have ended meanwhile; their results are dropped. What such a segment writes does no harm: its slot
  and pages are handed out again only by a later plan, which the device carries out later.
- Page tables stay on the device, one row a slot; a plan names only the entries that are new. Naming all pages in each
  step would cost the host time in proportion to the context.
- Log-probabilities do not pass through the bookkeeping. An event says which result it came from and how many of its
  tokens count.

Named tuples, because they are frozen and cost a fourth of a frozen dataclass to make; there is one a sequence and step.
"""

from __future__ import annotations

from typing import NamedTuple

PENDING = -1  # stands for the token that the device sampled last for the slot


class SlotCopy(NamedTuple):
    """All of slot `source` (recurrent states, rings) to slot `target`. No target of a list is a source of it."""

    source: int
    target: int


class PageCopy(NamedTuple):
    """All of page `source` to page `target`, in each layer that has pages. No target of a list is a source of it."""

    source: int
    target: int


class TableEntry(NamedTuple):
    """The device's page table holds `page` at row `slot`, column `column`: its tokens from column*S on."""

    slot: int
    column: int
    page: int


class Admission(NamedTuple):
    """A sequence that has just been given `slot`: new, forked off another sample, or back after preemption.

    Whatever the device keeps a slot for sampling (temperature, seed, counts of tokens) is to be filled in here.
    token_ids: prompt and what was generated so far, num_prompt_tokens of them the prompt.
    num_cached_tokens: the first ones, whose state is copied into the slot and pages instead of being computed.
    """

    request_id: str
    sample: int
    slot: int
    token_ids: tuple[int, ...]
    num_prompt_tokens: int
    num_cached_tokens: int


class Segment(NamedTuple):
    """A run of tokens of one sequence to be computed: position `start` and on, in slot `slot`.

    is_sampled: whether the token after the last one is wanted; false for all but the last chunk of a prompt.
    num_drafted: how many of the last token_ids are guesses. The device samples after the token before them and after
        each of them, and accepts guesses as long as they are what it sampled; afterwards the slot must hold the state
        after the last accepted guess, so it keeps the states in between. Rows that rejected guesses wrote in pages are
        written again before anything reads them; in a ring they took the place of tokens still within the window, so
        a ring needs as many rows more as there may be guesses, or these put back.
    """

    request_id: str
    sample: int
    slot: int
    start: int
    token_ids: tuple[int, ...]
    num_drafted: int
    is_sampled: bool


class Plan(NamedTuple):
    """One step. Segments are ordered: decodes (one token, or one and its drafts) first, then chunks of prompts."""

    table: tuple[TableEntry, ...]
    copies: tuple[SlotCopy, ...]
    page_copies: tuple[PageCopy, ...]
    zeroed: tuple[int, ...]
    segments: tuple[Segment, ...]
    saves: tuple[SlotCopy, ...]
    admissions: tuple[Admission, ...]
    num_decodes: int


class Event(NamedTuple):
    """New tokens of a sequence.

    token_ids: including the stop token, if one ended it.
    result: index into the results given to `commit`; the first len(token_ids) tokens of that result count.
    finish_reason: None while it goes on, else "stop" or "length".
    """

    request_id: str
    sample: int
    token_ids: tuple[int, ...]
    result: int
    finish_reason: str | None
