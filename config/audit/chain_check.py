"""The check of the chain: every link gives its hash and continues the one before it, and the anchors hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from config.audit.anchors import Anchor
from config.audit.stored_entries import ChainLink
from config.audit.vocabulary import FIRST_PREVIOUS

#: So many broken links are compared with each other, to tell swapped ones from edited ones; the others are named singly.
_COMPARED: Final = 200


@dataclass(frozen=True)
class _Break:
    """A link that does not give its hash (`is_edited`), or does not continue the hash `before` it (`is_apart`)."""

    link: ChainLink
    # The link that stands before it, None at the beginning and after a gap.
    preceding: ChainLink | None
    before: str
    is_edited: bool
    is_apart: bool


class ChainCheck:
    """A walk along the chain. Afterwards `count`, `position` and `hash` say where it ended."""

    def __init__(self, anchors: Sequence[Anchor] = ()) -> None:
        self.count = 0
        self.position = 0
        self.hash = FIRST_PREVIOUS
        self._anchors = anchors
        self._hashes = {0: FIRST_PREVIOUS}

    def find_faults(self, links: Iterable[ChainLink]) -> Iterator[str]:
        """Yield a sentence for each gap, then for each broken link, then for each anchor that does not hold."""
        breaks: list[_Break] = []
        preceding: ChainLink | None = None
        anchored = {anchor.position for anchor in self._anchors}
        for link in links:
            has_gap = link.position != self.position + 1
            if has_gap:
                yield _describe_gap(self.position + 1, link.position - 1)
            is_edited = link.compute_hash() != link.hash
            is_apart = not has_gap and link.previous != self.hash
            if is_edited or is_apart:
                breaks.append(_Break(link, None if has_gap else preceding, self.hash, is_edited, is_apart))
            if len(breaks) >= _COMPARED:
                yield from _describe_breaks(breaks)
                breaks.clear()
            if link.position in anchored:
                self._hashes[link.position] = link.hash
            preceding = link
            self.count, self.position, self.hash = self.count + 1, link.position, link.hash
        yield from _describe_breaks(breaks)
        yield from self._check_anchors()

    def _check_anchors(self) -> Iterator[str]:
        for anchor in self._anchors:
            stored = self._hashes.get(anchor.position)
            if stored is None and anchor.position <= self.position:
                yield f"The chain has no entry at position {anchor.position}, unlike by the anchor of {anchor.at}."
            elif stored is None:
                yield (
                    f"The chain ends at position {self.position}, but stood at {anchor.position} by the anchor of"
                    f" {anchor.at}: its tail was cut."
                )
            elif stored != anchor.hash:
                yield (
                    f"The chain has another hash at position {anchor.position} than by the anchor of {anchor.at}:"
                    " it was computed anew from this position or an earlier one on."
                )


def _describe_gap(first: int, last: int) -> str:
    if first >= last:
        return f"Position {first} of the chain is missing: its entry was deleted."
    return f"The positions {first} to {last} of the chain are missing: their entries were deleted."


def _describe_breaks(breaks: list[_Break]) -> Iterator[str]:
    """Yield a sentence for each cause of these breaks, which may be several breaks."""
    remaining = {one.link.position: one for one in breaks}
    for one, other in combinations(breaks, 2):
        if {one.link.position, other.link.position} <= remaining.keys() and _are_swapped(one, other):
            yield f"The entries at {one.link} and {other.link} were swapped."
            # The links after them are broken by that alone.
            broken_with_them = {one.link.position, other.link.position, one.link.position + 1, other.link.position + 1}
            for position in broken_with_them & remaining.keys():
                if position in (one.link.position, other.link.position) or not remaining[position].is_edited:
                    del remaining[position]
    for position, broken in remaining.items():
        if not _follows_from(broken, remaining.get(position - 1)):
            yield _describe_break(broken, remaining.get(position + 1))


def _are_swapped(one: _Break, other: _Break) -> bool:
    """Return whether both are whole after an exchange of their entries, of the contents, or of the positions."""
    first, second = one.link, other.link
    if one.is_edited and other.is_edited:
        return _whole(first, second) and _whole(second, first)
    if one.is_apart and other.is_apart and not (one.is_edited or other.is_edited):
        # Next to each other, the earlier of the two has to continue the later one.
        behind = second.hash if second.position == first.position + 1 else other.before
        return second.previous == one.before and first.previous == behind
    return False


def _whole(link: ChainLink, entry: ChainLink) -> bool:
    """Return whether a link gives its hash with the entry, or only the content, of another one."""
    placed = replace(entry, position=link.position, previous=link.previous, hash=link.hash)
    return link.hash in (placed.compute_hash(), replace(link, content=entry.content).compute_hash())


def _follows_from(broken: _Break, preceding: _Break | None) -> bool:
    """Return whether a link is broken only because the one before it is: it continues what stood or should stand there."""
    return (
        preceding is not None
        and not broken.is_edited
        and broken.link.previous in (preceding.before, preceding.link.compute_hash())
    )


def _describe_break(broken: _Break, following: _Break | None) -> str:
    link, preceding = broken.link, broken.preceding
    if following is not None and following.link.previous == broken.before:
        return f"The entry at {link} was inserted: the next entry continues the one before it."
    if broken.is_edited:
        if broken.is_apart and replace(link, previous=broken.before).compute_hash() != link.hash:
            return f"The entry at {link} was inserted: it continues no entry of the chain."
        return f"The entry at {link} was edited: it does not give its hash."
    if preceding is not None and link.previous == preceding.previous:
        return f"The entry at {preceding} was inserted: the next entry continues the one before it."
    return f"An entry before {link} was deleted: what it continues does not stand before it."
