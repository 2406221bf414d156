"""Seniority, ordered, and as a job title tells it (rules 15.7)."""

from __future__ import annotations

import re
from functools import lru_cache

LADDER = ("intern", "individual contributor", "manager", "senior manager", "director", "vp", "c-level")

# What other systems write into a seniority field.
_ALSO = {
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

_C_LEVEL = (
    "ceo|cto|cfo|coo|cmo|cio|ciso|cro|cpo|chro|cdo|cso|cco|cxo",
    r"c level|c suite|chief executive|chief (?:\w+ ){1,4}officer|president|managing (?:director|partner)",
    r"(?:co )?founder|^owner|(?:business|company|co) owner|geschäftsführer(?:in)?",
)
# Highest first: the first of which a whole word is in the title wins.
_SIGNS = tuple(
    (rank, re.compile(rf"(?<!\w)(?:{names})(?!\w)"))
    for rank, names in (
        ("c-level", "|".join(_C_LEVEL)),
        ("vp", r"[sea]?vp"),
        ("director", r"director|head|chief|directeur|directrice|direktor(?:in)?"),
        ("senior manager", r"(?:senior|sr|group) (?:\w+ ){0,3}(?:manager|mgr)"),
        ("manager", r"manager|mgr|supervisor|team (?:lead|leader)"),
    )
)
_INTERN = r"intern|internship|trainee|student|apprentice|werkstudent(?:in)?|praktikant(?:in)?|stagiaire"
_IS_INTERN = re.compile(rf"(?<!\w)(?:{_INTERN})(?!\w)")
_ENDS_INTERN = re.compile(rf"(?<!\w)(?:{_INTERN})$")
# "Assistant to the CEO", "Analyst, Office of the CFO": what follows is somebody else's rank.
_SOMEONE_ELSE = re.compile(r"(?<!\w)(?:to|office of)(?!\w).*")
_DOTTED = re.compile(r"(?<=\b\w)\.")


@lru_cache(maxsize=65_536)
def seniority_of(title: str | None) -> str | None:
    """Return the rung of LADDER that a title gives to its holder; None without a title and for one with no known word."""
    if not title or not title.strip():
        return None
    plain = " ".join(re.findall(r"\w+", _DOTTED.sub("", title.casefold())))
    own = _SOMEONE_ELSE.sub("", plain).strip().replace("vice president", "vp")
    if _ENDS_INTERN.search(own):
        return "intern"
    for rank, sign in _SIGNS:
        if sign.search(own):
            return rank
    return "intern" if _IS_INTERN.search(own) else None


def rank_of(name: str) -> int | None:
    """Return the place of a stated seniority on the ladder, 0 the lowest; None for a word that is on no ladder."""
    clean = " ".join(re.split(r"[\s_\-]+", name.strip().casefold()))
    rung = _ALSO.get(clean, clean)
    return LADDER.index(rung) if rung in LADDER else None
