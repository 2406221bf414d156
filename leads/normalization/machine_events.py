"""Opens and clicks by machines: what mail services say of scanners, bots and mail clients that fetch ahead. Rules 13.4.

Every service names its flag in its own way, and files and connectors change spelling and type on the way. So names are
compared without case and separators, also inside of nested objects ("client-info": {"bot": "apple"}) and as the last part
of a path ("client-info.bot"), and values are read as what they say, whether as true, 1 or "yes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from leads.normalization.placeholders import is_placeholder_value

#: The signals whose events a machine can cause.
OPENED_BY_MACHINES: Final = frozenset({"email_open", "email_click", "newsletter_open"})
MACHINE_OPEN: Final = "machine_open"

# Folded: SendGrid sg_machine_open, Mailgun client-info.bot, Klaviyo Machine Open and Bot Click, HubSpot filteredEvent,
# Customer.io machine and prefetched, SparkPost is_prefetched, Iterable proxySource, Marketo Is Bot Activity.
_FLAGS: Final = frozenset(
    {
        "sgmachineopen", "ismachine", "machineopen", "ismachineopen", "openedbymachine", "machineclick",
        "ismachineclick", "machinegenerated", "bot", "isbot", "botopen", "isbotopen", "botclick", "isbotclick", "botdetected",
        "isbotactivity", "botactivity", "botactivitypattern", "clientinfobot", "isscanner", "scanner", "scannerclick", "prefetch",
        "prefetched", "isprefetch", "isprefetched", "filteredevent", "applemailprivacy", "applemailprivacyopen",
        "applemailprivacyprotection", "appleprivacyopen", "appleprivacy", "mpp", "ismpp", "mppopen", "ismppopen", "proxyopen",
        "isproxyopen", "openedbyproxy", "loadedbyproxy", "proxysource", "automatedopen", "isautomated", "nonhuman", "isnonhuman",
        "nhi", "isnhi", "isautomatedopen", "automatedclick", "isautomatedclick", "nonhumaninteraction", "isnonhumaninteraction",
        "nonhumanopen", "nonhumanclick", "applemppopen", "applempp", "isapplempp", "isappleprivacy", "isappleprivacyopen",
        "openedbybot", "clickedbybot", "suspectedbot", "issuspectedbot", "possiblebot", "botlike", "openedbyscanner",
        "clickedbyscanner", "securityscanner", "prefetchedopen", "iscrawler", "crawler",
    }
)  # fmt: skip
#: Other names of flags, folded: what is said of (a machine), with words before and behind that only place it.
_FLAG_NAME: Final = re.compile(
    r"(?:hs|sg|is|was|has|by|the|apple|gmail|unique|email|mail|event|open|opens|opened|click|clicks|clicked|by|suspected|possible"
    r"|likely|probable|known|security|link|url|auto)*"
    r"(?:bot|bots|robot|spider|crawler|machine(?=open|click|generated|event|interaction)|scanner|securityscan|prefetch|prefetched"
    r"|preload|preloaded|nonhuman|automated(?=open|click|interaction)|autoopen|autoopened|autoclick|filteredevent|privacyopen|mailprivacy|mpp|nhi)"
    r"(?:open|opens|opened|click|clicks|clicked|generated|detected|flag|flagged|event|filtered|interaction|activity|protection)*"
)
#: A flag with a name that other things have, too ("machine": "MacBook"): only a clear yes counts.
_AMBIGUOUS_FLAGS: Final = frozenset({"machine"})
#: Flags that say the opposite: only a clear no makes the event a machine's.
_HUMAN_FLAGS: Final = frozenset(
    {
        "human",
        "ishuman",
        "humanopen",
        "ishumanopen",
        "humanclick",
        "ishumanclick",
        "realopen",
        "isrealopen",
        "genuineopen",
    }
)
#: Names whose value may be the kind of event, as Brevo's "event": "unique_proxy_open".
_KINDS: Final = frozenset(
    {
        "event", "eventtype", "type", "opentype", "clicktype", "openedby", "clickedby", "actor", "source", "clienttype", "devicetype",
        "agenttype", "useragenttype", "traffictype", "opensource", "clicksource", "client", "agent",
    }
)  # fmt: skip
_MACHINE_KINDS: Final = frozenset(
    {
        "proxyopen", "uniqueproxyopen", "machineopen", "machineclick", "botopen", "botclick", "machine", "bot", "scanner",
        "prefetch", "prefetched", "nonhuman", "automated", "robot", "crawler", "spider", "proxy", "botevent", "applemailprivacy",
        "applemailprivacyprotection", "applempp", "mpp", "privacyopen", "appleprivacy", "securityscanner",
    }
)  # fmt: skip
_NO: Final = frozenset(
    {
        "", "false", "f", "no", "n", "0", "00", "off", "none", "null", "nil", "undefined", "nan", "na", "unknown", "human",
        "person", "user", "notbot", "notabot", "notmachine", "nobot", "nein", "non", "nee", "nie", "nej", "nao", "não", "falsch",
        "faux", "falso", "onwaar", "fałsz", "falskt",
    }
)  # fmt: skip
_CLEAR_YES: Final = frozenset({"true", "t", "yes", "y", "1", "on", "machine", "bot"})
_CLEAR_NO: Final = frozenset({"false", "f", "no", "n", "0", "00", "off"})
#: Objects in objects are searched this deep: a service's event is at most wrapped as event-data.client-info.bot.
_DEEPEST: Final = 4


def is_flag(name: str) -> bool:
    """Tell whether a property of this name says whether a machine or a person made the event."""
    return _meaning_of(name) in ("flag", "human flag")


def is_by_machine(properties: Mapping[str, Any]) -> bool:
    """Tell whether the properties of an open or click say that a machine made it."""
    return _says_machine(properties, depth=1)


def _says_machine(properties: Mapping[str, Any], *, depth: int) -> bool:
    for name, value in properties.items():
        meaning = _meaning_of(name)
        if meaning is not None and _MEANINGS[meaning](value):
            return True
        # Some services send a list of objects, one for each recipient or event.
        parts = value if isinstance(value, list) else (value,)
        if depth < _DEEPEST and any(isinstance(part, dict) and _says_machine(part, depth=depth + 1) for part in parts):
            return True
    return False


@lru_cache(maxsize=4_096)
def _meaning_of(name: str) -> str | None:
    """Return what a property tells: `flag`, `ambiguous flag`, `human flag` or `kind`; None for all others, which are nearly all."""
    # The last part of a path, or all of it where dots only separate words.
    for folded in (_fold(name.rpartition(".")[2]), _fold(name)):
        if folded in _FLAGS or _FLAG_NAME.fullmatch(folded):
            return "flag"
        if folded in _AMBIGUOUS_FLAGS:
            return "ambiguous flag"
        if folded in _HUMAN_FLAGS:
            return "human flag"
        if folded in _KINDS:
            return "kind"
    return None


def _fold(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _is_yes(value: object) -> bool:
    """Tell whether a flag is set. Any text but a no sets it: Mailgun names the machine, as "apple"."""
    if isinstance(value, str):
        return _fold(value) not in _NO and not is_placeholder_value("bot", value)
    if isinstance(value, dict | list):
        # The properties in it are searched instead; a list of texts is a yes if one of them is.
        return isinstance(value, list) and any(not isinstance(part, dict | list) and _is_yes(part) for part in value)
    return bool(value)


def _is_clear_no(value: object) -> bool:
    return (
        value is False
        or (value == 0 and isinstance(value, int | float))
        or (isinstance(value, str) and _fold(value) in _CLEAR_NO)
    )


def _is_machine_kind(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 32 and _fold(value) in _MACHINE_KINDS  # noqa: PLR2004  # longer ones are no kinds


def _is_clear_yes(value: object) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and _fold(value) in _CLEAR_YES)


_MEANINGS: Final = {
    "flag": _is_yes,
    "ambiguous flag": _is_clear_yes,
    "human flag": _is_clear_no,
    "kind": _is_machine_kind,
}
