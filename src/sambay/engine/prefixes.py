"""Prefixes that outlive their sequences: a tree of pages, with snapshots where a sequence can go on from.

A node stands for all tokens up to the end of one page and is found by the chained key of that page
(`request.extend_keys`). It holds one page (if the model has pages), and perhaps a slot with the state after exactly
these tokens: a snapshot. Recurrent state and rings cannot be cut, so a model that has them can only go on from a node
with a snapshot; the nodes above it are there for their pages. A model of full attention alone can go on from any node.

The nodes one can go on from are evicted least recently used first. Using one also counts as using those above it, so
that what many share goes last. A page goes when nothing below needs it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .memory import Pages, Slots


class Node:
    """The tokens up to the end of page number `depth`, counted from 1."""

    __slots__ = ("depth", "is_in_tree", "is_turn", "key", "num_below", "page", "parent", "pinned_in", "slot", "was_hit")

    def __init__(self, key: bytes, parent: Node | None, page: int) -> None:
        self.key = key
        self.parent = parent
        self.page = page  # 0: the model has no pages
        self.depth: int = parent.depth + 1 if parent else 1
        self.slot = 0  # 0: no snapshot
        self.num_below = 0  # children, and what else hangs on it: saves under way, sequences that run
        self.is_in_tree = True
        self.is_turn = False  # a snapshot of a sequence that goes on, to be replaced by its next one
        self.was_hit = False
        self.pinned_in = -1  # number of the plan in which the slot is copied from


@dataclass
class Save:
    """A prefix whose snapshot a plan takes, until that plan's results are in: `pages` are those below `base`."""

    base: Node | None
    depth: int
    pages: list[int]
    slot: int


class PrefixCache:
    """All kept prefixes. `needs_snapshots`: whether one can go on from nodes with a slot only."""

    def __init__(self, pages: Pages, slots: Slots, needs_snapshots: bool) -> None:
        self._pages, self._slots = pages, slots
        self._needs_snapshots = needs_snapshots
        self._nodes: dict[bytes, Node] = {}
        self._usable: OrderedDict[Node, None] = OrderedDict()  # least recently used first
        self._plan = 0

    def __len__(self) -> int:
        """Nodes that one can go on from."""
        return len(self._usable)

    def start_plan(self) -> None:
        """Slots that the last plan copies from may be evicted again."""
        self._plan += 1

    # ------------------------------------------------------------------------------------------------- finding

    def find(self, keys: Sequence[bytes]) -> Node | None:
        """The longest prefix that one can go on from, for a sequence whose pages have these keys."""
        for key in reversed(keys):
            node = self._nodes.get(key)
            if node is not None and node in self._usable:
                return node
        return None

    def known_depth(self, keys: Sequence[bytes]) -> int:
        """Pages of the longest prefix that the tree has at all: where this sequence branches off earlier ones."""
        return next((depth for depth in range(len(keys), 0, -1) if keys[depth - 1] in self._nodes), 0)

    def path_pages(self, node: Node) -> list[int]:
        """The pages of a prefix, in order."""
        pages = []
        step: Node | None = node
        while step is not None:
            pages.append(step.page)
            step = step.parent
        return pages[::-1]

    def pin(self, node: Node) -> None:
        """The plan being made copies from the slot before its step: until the next one, nobody else gets it."""
        node.pinned_in = self._plan

    def use(self, node: Node, is_own: bool) -> None:
        """A sequence goes on from here. `is_own`: the one that left it, which says nothing about its use to others."""
        node.was_hit = node.was_hit or not is_own
        self._touch(node)

    def _touch(self, node: Node) -> None:
        step: Node | None = node
        while step is not None:
            if step in self._usable:
                self._usable.move_to_end(step)
            step = step.parent

    def anchor(self, node: Node) -> None:
        """A running sequence is on its way from here: stays in the tree, though perhaps without its snapshot.

        Else the sequence would put a long path back node by node when it next leaves a snapshot.
        """
        node.num_below += 1

    def lift_anchor(self, node: Node) -> None:
        node.num_below -= 1
        self._prune(node)

    # ------------------------------------------------------------------------------------------------- keeping

    def keep(self, base: Node | None, keys: Sequence[bytes], pages: Sequence[int]) -> Node | None:
        """Keeps a prefix that needs no snapshot: `pages` are all of a sequence's, the first len(keys) are kept.

        `base`: a node known to lie on the way, or None. Returns the deepest node; None without keys.
        """
        base, tail = self._below(base, len(keys), pages)
        return self._insert(base, keys, tail)

    def start_save(self, base: Node | None, depth: int, pages: Sequence[int]) -> Save | None:
        """Makes room for a snapshot of the sequence that holds `pages`, after `depth` of them.

        Takes a free slot or that of the least recently used snapshot; None if there is none.
        """
        slot = self.take_slot()
        return self._start_save(slot, base, depth, pages) if slot else None

    def start_turn_save(
        self, base: Node | None, previous: Node | None, depth: int, pages: Sequence[int]
    ) -> Save | None:
        """The same for a sequence that goes on: a snapshot that may well be replaced before it is used.

        Takes the slot of its `previous` one, else a free one, else that of the least recently used snapshot that was
        never of use and is not such a one of another; None if there is none.
        """
        slot = self._take_turn_slot(previous)
        save = self._start_save(slot, base, depth, pages) if slot else None
        self._prune(previous)  # only now, since the new one usually starts there
        return save

    def finish_save(self, save: Save, keys: Sequence[bytes] | None, is_turn: bool = False) -> Node | None:
        """The snapshot is taken: keeps it under the keys of its pages, or lets it go if there are none."""
        node = None
        if keys is None:
            self._slots.give_back(save.slot)
        else:
            node = self._insert(save.base, keys, save.pages)
            assert node is not None
            if node.slot:
                self._slots.give_back(save.slot)  # another sequence was faster
            else:
                node.slot, node.is_turn, node.was_hit = save.slot, is_turn, False
                self._usable[node] = None
            self._usable.move_to_end(node)
        for page in save.pages:
            self._pages.release(page)
        if save.base is not None:
            self.lift_anchor(save.base)
        return node

    def _start_save(self, slot: int, base: Node | None, depth: int, pages: Sequence[int]) -> Save:
        base, tail = self._below(base, depth, pages)
        for page in tail:
            self._pages.hold(page)
        if base is not None:
            self.anchor(base)
        return Save(base, depth, tail, slot)

    @staticmethod
    def _below(base: Node | None, depth: int, pages: Sequence[int]) -> tuple[Node | None, list[int]]:
        if base is None or not base.is_in_tree or base.depth > depth:
            base = None
        return base, list(pages[base.depth if base else 0 : depth])

    def _insert(self, base: Node | None, keys: Sequence[bytes], tail: Sequence[int]) -> Node | None:
        """Adds the nodes below `base` that are missing, with the pages of `tail`."""
        node, first = base, base.depth if base else 0
        for depth in range(first, len(keys)):
            known = self._nodes.get(keys[depth])
            node = known or self._grow(keys[depth], node, tail[depth - first] if tail else 0)
            if not self._needs_snapshots:
                self._usable[node] = None
        if node is not None and not self._needs_snapshots:
            self._touch(node)
        return node

    def _grow(self, key: bytes, parent: Node | None, page: int) -> Node:
        node = self._nodes[key] = Node(key, parent, page)
        if parent is not None:
            parent.num_below += 1
        if page:
            self._pages.keep(page)
        return node

    # ------------------------------------------------------------------------------------------------ evicting

    def take_slot(self) -> int:
        """A slot, if need be that of the least recently used snapshot; 0 if there is none."""
        if not self._slots.num_free:
            victim = next((node for node in self._usable if node.slot and node.pinned_in != self._plan), None)
            if victim is None:
                return 0
            self._evict(victim)
        return self._slots.take()

    def _take_turn_slot(self, previous: Node | None) -> int:
        if previous is not None and previous.is_turn and not previous.was_hit:
            del self._usable[previous]
            return self._clear_slot(previous)
        if not self._slots.num_free:
            unused = (node for node in self._usable if not (node.was_hit or node.is_turn))
            victim = next(unused, None)
            if victim is None:
                return 0
            self._evict(victim)
        return self._slots.take()

    @staticmethod
    def _clear_slot(node: Node) -> int:
        slot, node.slot = node.slot, 0
        node.is_turn = node.was_hit = False
        return slot

    def reclaim_pages(self, num_wanted: int) -> bool:
        """Evicts until so many pages are free; first what frees a page at once, then anything.

        Nothing if even everything were not enough: prefixes whose pages running sequences hold cost only their slots.
        """
        pages = self._pages
        if pages.num_available < num_wanted:
            return False
        for is_choosy in (True, False):
            if pages.num_free >= num_wanted:
                break
            for node in list(self._usable):
                if pages.num_free >= num_wanted:
                    break
                is_useless = node.num_below > 0 or pages.count(node.page) > 1
                if node.pinned_in != self._plan and not (is_choosy and is_useless):
                    self._evict(node)
        return pages.num_free >= num_wanted

    def clear(self) -> None:
        """Forgets everything but what saves under way hold."""
        for node in list(self._usable):
            self._evict(node)

    def _evict(self, node: Node) -> None:
        del self._usable[node]
        if slot := self._clear_slot(node):
            self._slots.give_back(slot)
        self._prune(node)

    def _prune(self, node: Node | None) -> None:
        """Removes a node that nothing needs, and those above it that were there for its sake."""
        while node is not None and node.is_in_tree and not node.num_below and node not in self._usable:
            node.is_in_tree = False
            del self._nodes[node.key]
            if node.page:
                self._pages.drop(node.page)
            if node.parent is not None:
                node.parent.num_below -= 1
            node = node.parent

    # ------------------------------------------------------------------------------------------------ checking

    def owned_slots(self) -> Iterator[int]:
        return (node.slot for node in self._nodes.values() if node.slot)

    def turn_nodes(self) -> Iterator[Node]:
        return (node for node in self._nodes.values() if node.is_turn)

    def kept_pages(self) -> Iterator[int]:
        return (node.page for node in self._nodes.values() if node.page)

    def check_invariants(self, anchors: Sequence[Node | None]) -> None:
        """The tree is one, nothing in it is without use, and only what can be gone on from is offered.

        anchors: the nodes that saves under way and running sequences depend on.
        """
        num_below = dict.fromkeys(self._nodes.values(), 0)
        for above in [*(node.parent for node in self._nodes.values()), *anchors]:
            if above is not None:
                num_below[above] += 1  # a KeyError here: it hangs on a node that is not in the tree
        for key, node in self._nodes.items():
            is_usable = node in self._usable
            assert node.key == key, "a node is filed under another's key"
            assert node.is_in_tree, f"node of depth {node.depth} is in the tree and marked otherwise"
            assert node.num_below == num_below[node], f"{node.num_below} counted below, {num_below[node]} are"
            assert node.num_below or is_usable, f"nobody needs the node of depth {node.depth}"
            assert not self._needs_snapshots or bool(node.slot) == is_usable, "a snapshot and its use disagree"
        assert all(self._nodes.get(node.key) is node for node in self._usable), "an evicted node is still offered"
