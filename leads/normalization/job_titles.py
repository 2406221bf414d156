"""Seniority, ordered, and how a job title gives it. Rules 15.7, 15.9 to 15.11.

The words stand in `reference_data/job_titles.json`, by language and rank. A title is read in this order:

1. Fold case, accents, dots, apostrophes and the marks of gender ("Leiter:in", "Chargé(e)", "(m/w/d)").
2. Cut it into parts (at commas, brackets, spaced dashes) and each part into items ("and", "/").
3. In an item, find the known words: phrases first, then words, then endings of compound words. What follows a preposition
   is a department or somebody else.
4. Leave out what belongs to somebody else: possessives, what an assistant assists, what is past, names of departments.
5. The highest rank that is left is the lead's own. No known word: the seniority is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from leads.normalization import title_words
from leads.normalization.title_words import LADDER, TitleTerm, TitleWords, fold_title

__all__ = ["LADDER", "SHIPPED_TITLES", "TitleReader", "rank_of", "seniority_of"]

_INTERN, _CONTRIBUTOR, _MANAGER, _SENIOR_MANAGER, _DIRECTOR, _VP, _C_LEVEL = range(7)

# What other systems write into a seniority field.
_ALSO: Final = {
    "internship": "intern", "trainee": "intern", "student": "intern",
    "ic": "individual contributor", "contributor": "individual contributor", "entry": "individual contributor",
    "entry level": "individual contributor", "junior": "individual contributor", "senior": "individual contributor",
    "employee": "individual contributor", "staff": "individual contributor", "specialist": "individual contributor",
    "mid level": "individual contributor",
    "sr manager": "senior manager", "team lead": "manager",
    "head": "director", "vice president": "vp", "svp": "vp", "evp": "vp",
    "c level": "c-level", "clevel": "c-level", "c suite": "c-level", "cxo": "c-level", "executive": "c-level",
    "owner": "c-level", "founder": "c-level", "president": "c-level",
}  # fmt: skip


def rank_of(name: str) -> int | None:
    """Return the place of a stated seniority on the ladder, 0 the lowest; None for a word that is on no ladder."""
    clean = " ".join(re.split(r"[\s_\-]+", name.strip().casefold()))
    rung = _ALSO.get(clean, clean)
    return LADDER.index(rung) if rung in LADDER else None


class TitleReader:
    """A reader of titles by one table of words; it remembers what it read. Two readers are equal if they are one."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._words = title_words.load_words(table)
        self.seniority_of: Callable[[str | None], str | None] = lru_cache(maxsize=65_536)(self._read)

    def _read(self, title: str | None) -> str | None:
        if not title or not title.strip():
            return None
        # Columns of 200 characters are usual; whatever is longer is a text about somebody.
        rank = _read_title(self._words, _cut_parts(self._words, title[:400]))
        return None if rank is None else LADDER[rank]


#: Reads titles by the table that this release ships.
SHIPPED_TITLES: Final = TitleReader(title_words.read_shipped_table())


def seniority_of(title: str | None) -> str | None:
    """Return the rung of LADDER that a title gives to its holder; None without a title and for one with no known word."""
    return SHIPPED_TITLES.seniority_of(title)


_SHORTEST_ENDING: Final = 3


# Parts, items, words

_AND: Final = "&"
_POSSESSIVE: Final = "'"
_GENDER: Final = re.compile(
    r"\(?(?<!\w)(?:[mwfhdx]\s?[/|,*]\s?){1,3}[mwfhdxaiu](?!\w)\)?"  # (m/w/d), H/F
    r"|(?<=\w)\((?:e|ne|le|trice|rice|euse|ière|fe|in|innen|r|a|as|s|es)\)"  # Chargé(e)
    r"|(?<=[^\W\d_])(?:[*:_]|/-?|[·•]|\.(?=e\b|ne\b|rice\b|trice\b))-?(?:in|innen|e|ne|rice|trice|r|a|frau)\b",  # Leiter:in
    re.IGNORECASE,
)
_RETIRED: Final = re.compile(r"(?<!\w)(?:a\.\s?d\.?|i\.\s?r\.)(?!\w)", re.IGNORECASE)
_DOTTED: Final = re.compile(r"(?<!\w)\w(?:\.\w)+\b\.?")
_CHIEF_OFFICER: Final = re.compile(r"\bchief(?: (?!of\b|warrant\b|petty\b)[^\s,;|()]+){1,6} officer\b")
_SEPARATORS: Final = re.compile(r"[,;|()\[\]{}•·:\n\r\t\"“”„]|\s[-‐‑‒–—―]+\s|[–—―]")  # noqa: RUF001  # dashes as people type them
_TOKENS: Final = re.compile(r"[^\W_]+'s\b|[^\W_]+s'(?=\s|$)|[^\W_]+|[&+/@]")
_TOKEN_OF_SIGN: Final = {"&": _AND, "+": _AND, "/": _AND, "@": "at"}


def _cut_parts(word_lists: TitleWords, title: str) -> list[list[str]]:
    """Return the parts of a title as lists of folded words, `&` between items, `'` for a word in the possessive."""
    plain = re.sub("[’ʼ`´‘]", "'", title)  # noqa: RUF001  # apostrophes as people type them
    plain = _DOTTED.sub(lambda initials: initials[0].replace(".", ""), _RETIRED.sub(" Ruhestand ", plain))
    plain = _GENDER.sub("", plain)
    # The officer's department may have an "and" of its own: "Chief Marketing & Sales Officer".
    parts = ([*_tokens(word_lists, _CHIEF_OFFICER.sub("ceo", fold_title(part)))] for part in _SEPARATORS.split(plain))
    return [part for part in parts if part]


def _tokens(word_lists: TitleWords, part: str) -> Iterator[str]:
    for token in _TOKENS.findall(part):
        if _POSSESSIVE in token:
            yield _POSSESSIVE
        elif token in word_lists.coordinations:
            yield _AND
        else:
            yield _TOKEN_OF_SIGN.get(token, token)


@dataclass(frozen=True, slots=True)
class TitleMatch:
    """A known term in an item, at the words `[begin, end)`."""

    term: TitleTerm
    begin: int
    end: int


@dataclass(slots=True)
class TitleItem:
    """An item of a title up to its first preposition: its words and what is known of them."""

    words: TitleWords
    tokens: list[str] = field(default_factory=list)
    matches: list[TitleMatch] = field(default_factory=list)
    is_past: bool = False

    def add(self, tokens: Sequence[str], term: TitleTerm) -> None:
        """Append the words of a known term."""
        begin = len(self.tokens)
        self.tokens.extend(tokens)
        self.matches.append(TitleMatch(term, begin, len(self.tokens)))

    def with_unknown(self, token: str) -> TitleItem:
        """Return the item with one more word; what stands before a possessive is somebody else's."""
        if token == _POSSESSIVE:
            return TitleItem(self.words, [token], is_past=self.is_past)
        self.tokens.append(token)
        self.is_past |= token in self.words.past
        return self

    def rank(self) -> int | None:
        """Return the rank of its own that the item gives; None if no word is known."""
        if self.is_past:
            return _CONTRIBUTOR
        matches = [match for match in self.matches if self._counts(match)]
        if not matches:
            return None
        first, last = matches[0], matches[-1]
        if last.term.rank == _CONTRIBUTOR and last.term.is_english and self._ends_with(last):
            return self._chief_of_trade(last)
        if _INTERN in (first.term.rank, last.term.rank):
            return _INTERN
        return self._with_senior(max(match.term.rank or _INTERN for match in matches), matches)

    def _counts(self, match: TitleMatch) -> bool:
        """Tell whether a term counts here: not in the name of a department ("Owner Relations"), and in its place."""
        if match.term.rank is None:
            return False
        if match.end < len(self.tokens) and match.term.is_english and self.tokens[match.end] in self.words.attributes:
            return match.term.rank == _MANAGER or self.tokens[match.begin] in ("director", "head", "chief")
        return (match.term.place != "first" or match.begin == 0) and (
            match.term.place != "last" or match.end == len(self.tokens)
        )

    def _ends_with(self, match: TitleMatch) -> bool:
        """Tell whether nothing but a grade follows ("Engineer II")."""
        return all(len(token) < 4 or token in ("junior", "senior") for token in self.tokens[match.end :])  # noqa: PLR2004  # a grade is short

    def _chief_of_trade(self, trade: TitleMatch) -> int:
        """Return the rank of an occupation as the last word: a chief engineer directs, a head nurse manages."""
        before = self.tokens[: trade.begin]
        if "chief" in before:
            return _DIRECTOR
        return _MANAGER if before[-1:] == ["head"] else _CONTRIBUTOR

    def _with_senior(self, rank: int, matches: Sequence[TitleMatch]) -> int:
        manager = next((match for match in matches if self.tokens[match.end - 1] in ("manager", "mgr")), None)
        if rank != _MANAGER or manager is None:
            return rank
        before = self.tokens[: manager.begin]
        return _SENIOR_MANAGER if {"senior", "sr", "snr", "group"} & set(before) else rank


def _match_at(word_lists: TitleWords, tokens: Sequence[str], at: int) -> TitleMatch | None:
    """Return the longest known term that begins at a word."""
    token = tokens[at]
    if token in word_lists.past:
        return None
    for phrase, term in word_lists.phrases.get(token, ()):
        if tuple(tokens[at : at + len(phrase)]) == phrase:
            return TitleMatch(term, at, at + len(phrase))
    ending = _term_of_ending(token, word_lists.endings, word_lists.longest_ending)
    if ending is None and at == 0:
        ending = _term_of_ending(token, word_lists.first_endings, word_lists.longest_ending)
    return None if ending is None else TitleMatch(ending, at, at + 1)


def _term_of_ending(token: str, endings: Mapping[str, TitleTerm], longest: int) -> TitleTerm | None:
    # Two letters must stand before an ending: "ist" alone is no occupation.
    for length in range(min(len(token) - 2, longest), _SHORTEST_ENDING - 1, -1):
        if term := endings.get(token[-length:]):
            return term
    return None


@dataclass(slots=True)
class TitlePart:
    """The ranks that one part of a title gives, and whether it is about an assistant of somebody."""

    ranks: list[int] = field(default_factory=list)
    is_helper: bool = False
    is_strong_helper: bool = False
    is_past_only: bool = False


def _read_title(word_lists: TitleWords, parts: Sequence[Sequence[str]]) -> int | None:
    ranks: list[int] = []
    of_helper = is_past = False
    for index, tokens in enumerate(parts):
        part = _read_part(word_lists, tokens, is_first=index == 0)
        if part.is_past_only:
            # "CEO (former)", "Retired - Director".
            ranks = [_CONTRIBUTOR]
            is_past = index == 0
            continue
        if is_past or (of_helper and not part.is_helper):
            # "Executive Assistant (CEO & CFO)", "Personal Assistant - Managing Director".
            is_past = False
            continue
        ranks.extend(part.ranks)
        of_helper |= part.is_helper
        if part.is_strong_helper:
            return max((rank for rank in ranks if rank <= _MANAGER), default=_CONTRIBUTOR)
    return max(ranks, default=None)


def _read_part(word_lists: TitleWords, tokens: Sequence[str], *, is_first: bool) -> TitlePart:
    part = TitlePart(is_past_only=all(token in word_lists.past for token in tokens))
    if part.is_past_only:
        return part
    for item, is_governed in _items(word_lists, tokens):
        helper = next((match for match in item.matches if _is_helper(item, match)), None)
        if helper is not None:
            _add_helper(part, item, helper, is_governed=is_governed)
            continue
        rank = word_lists.alone.get(" ".join(item.tokens)) if is_first and not item.is_past else None
        rank = item.rank() if rank is None else rank
        # Beside an assistant only a rank that an office has is the same person's: "Executive Assistant & Office Manager".
        if rank is not None and not (part.is_helper and rank > _MANAGER):
            part.ranks.append(rank)
        if is_governed and (rank is None or rank <= _CONTRIBUTOR):
            # "Coach for CEOs and Founders", "Office of the CEO and President".
            break
    return part


def _add_helper(part: TitlePart, item: TitleItem, helper: TitleMatch, *, is_governed: bool) -> None:
    """Add an item with an assistant: ranks beside the assistant are somebody else's ("CEO & CFO Assistant")."""
    if any((match.term.rank or 0) > _CONTRIBUTOR for match in item.matches if match.end <= helper.begin):
        part.ranks.clear()
    part.ranks.append(_CONTRIBUTOR)
    part.is_helper = True
    part.is_strong_helper |= helper.term.is_strong_helper or is_governed


def _is_helper(item: TitleItem, match: TitleMatch) -> bool:
    """Tell whether a term is an assistant of somebody; an assistant director and an assistant professor are not."""
    if not match.term.is_helper:
        return False
    if match.term.is_strong_helper or item.tokens[match.begin] not in item.words.deputies:
        return True
    after = [later.term for later in item.matches if later.begin >= match.end]
    return not any(term.rank is not None and _INTERN < term.rank < _C_LEVEL for term in after)


def _items(word_lists: TitleWords, tokens: Sequence[str]) -> Iterator[tuple[TitleItem, bool]]:
    """Yield the items of a part, each with whether a preposition other than an employer's ("at Acme") follows."""
    item, preposition, at = TitleItem(word_lists), "", 0
    while at < len(tokens):
        match = None if preposition else _match_at(word_lists, tokens, at)
        if match is not None:
            item.add(tokens[match.begin : match.end], match.term)
            at = match.end
            continue
        token = tokens[at]
        if token == _AND:
            yield item, bool(preposition) and preposition not in word_lists.employer_prepositions
            item, preposition = TitleItem(word_lists), ""
        elif not preposition and token in word_lists.prepositions and item.tokens:
            preposition = token
        elif not preposition:
            item = item.with_unknown(token)
        at += 1
    yield item, bool(preposition) and preposition not in word_lists.employer_prepositions
