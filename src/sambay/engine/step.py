"""A plan in the making, and what the bookkeeping remembers of it until its results are in."""

from __future__ import annotations

from dataclasses import dataclass, field

from .plan import Admission, PageCopy, Plan, Segment, SlotCopy, TableEntry
from .prefixes import Save
from .request import Sequence


@dataclass
class PendingSave:
    """A snapshot that a plan takes: of whom, whether the next one of the same sequence replaces it, and its key if
    others may wait for it."""

    save: Save
    sequence: Sequence
    is_turn: bool
    awaited: bytes | None


@dataclass
class Step:
    """Collects the parts of a plan. `owners[i]` is whose segment i is."""

    budget: int  # tokens still to be had
    table: list[TableEntry] = field(default_factory=list)
    copies: list[SlotCopy] = field(default_factory=list)
    page_copies: list[PageCopy] = field(default_factory=list)
    zeroed: list[int] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    saves: list[SlotCopy] = field(default_factory=list)
    admissions: list[Admission] = field(default_factory=list)
    num_decodes: int = 0
    owners: list[Sequence] = field(default_factory=list)
    pending_saves: list[PendingSave] = field(default_factory=list)

    def add_segment(self, sequence: Sequence, end: int, is_sampled: bool) -> None:
        """The known tokens of a sequence from where it stands to `end`."""
        start = sequence.num_computed
        tokens = tuple(sequence.tokens[start:end])
        name, sample = sequence.request.request_id, sequence.sample
        self.segments.append(Segment(name, sample, sequence.slot, start, tokens, 0, is_sampled))
        self.owners.append(sequence)
        self.budget -= end - start

    def admit(self, sequence: Sequence) -> None:
        """Tells the device of a sequence that has just got its slot and pages."""
        self.admissions.append(
            Admission(
                sequence.request.request_id,
                sequence.sample,
                sequence.slot,
                tuple(sequence.tokens),
                sequence.num_prompt,
                sequence.num_computed,
            )
        )
        self.table += [TableEntry(sequence.slot, index, page) for index, page in enumerate(sequence.pages)]

    def add_save(self, sequence: Sequence, save: Save | None, is_turn: bool, awaited: bytes | None) -> bool:
        """A snapshot of the sequence after the step. Returns whether there was a slot for it."""
        if save is None:
            return False
        self.saves.append(SlotCopy(sequence.slot, save.slot))
        self.pending_saves.append(PendingSave(save, sequence, is_turn, awaited))
        return True

    def freeze(self) -> Plan:
        return Plan(
            tuple(self.table),
            tuple(self.copies),
            tuple(self.page_copies),
            tuple(self.zeroed),
            tuple(self.segments),
            tuple(self.saves),
            tuple(self.admissions),
            self.num_decodes,
        )
