"""Make the table of country names from the Unicode CLDR, as babel has it: `make country-names`."""  # noqa: INP001  # a script

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import sys
from collections import defaultdict

import babel
from babel.core import get_global

from leads.normalization.countries import GENERATED, fold_name

LANGUAGES = (
    *("en", "de", "fr", "es", "it", "pt", "pt_PT", "nl", "pl", "sv", "da", "nb", "fi", "is", "cs", "sk", "hu", "ro", "bg"),
    *("el", "tr", "ru", "uk", "hr", "sr", "sr_Latn", "sl", "et", "lv", "lt", "ca", "ga", "mt", "he", "ar", "fa", "hi"),
    *("ja", "ko", "zh", "zh_Hant", "th", "id", "ms", "fil", "af", "sw", "sq", "mk", "ka", "az", "kk", "de_CH", "en_GB"),
)  # fmt: skip
#: Two letters that CLDR uses for what is no country. Kosovo (XK) has no ISO code of its own, and XK is what all use.
NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
_BRACKETED = re.compile(r"\s*[(\uff08][^)\uff09]*[)\uff09]")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def collect_names() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return the English name of each country, and the countries of each folded name."""
    english = {
        code: name
        for code, name in babel.Locale("en").territories.items()
        if re.fullmatch("[A-Z]{2}", code) and code not in NO_COUNTRIES
    }
    countries: dict[str, set[str]] = defaultdict(set)
    shorter: dict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        territories = babel.Locale.parse(language).territories
        for code in english:
            name = territories.get(code, "")
            for spelling in {name, name.translate(_GERMAN)} if language.startswith("de") else {name}:
                countries[fold_name(spelling)].add(code)
                shorter[fold_name(_BRACKETED.sub("", spelling))].add(code)
    for name, codes in shorter.items():
        countries.setdefault(name, codes)
    countries.pop("", None)
    return english, countries


def main(made_on: dt.date) -> None:
    """Write the table, and print the names that two countries share: they are nobody's, or the one that has it in English."""
    english, countries = collect_names()
    in_english = {fold_name(name): code for code, name in english.items()}
    names = {}
    for name, codes in sorted(countries.items()):
        if len(codes) == 1 or name in in_english:
            names[name] = in_english.get(name) or min(codes)
        if len(codes) > 1:
            sys.stdout.write(f"{name}: {', '.join(sorted(codes))} -> {names.get(name, 'nobody')}\n")
    alpha_3 = {
        code: targets[0]
        for code, targets in get_global("territory_aliases").items()
        if re.fullmatch("[A-Z]{3}", code) and len(targets) == 1 and targets[0] in english
    }
    for code, country in [*((code, code) for code in english), *alpha_3.items()]:
        if names.get(code.casefold(), country) != country:
            sys.stdout.write(f"{code.casefold()}: {names.pop(code.casefold())} -> {country}, whose code it is\n")
    table = {"english": dict(sorted(english.items())), "alpha_3": dict(sorted(alpha_3.items())), "names": names}
    head = {
        "dated": made_on.isoformat(),
        "made_from": f"Unicode CLDR, as in babel {babel.__version__}, in {len(LANGUAGES)} languages",
        "digest": hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest(),
    }
    GENERATED.write_text(json.dumps(head | table, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(names):,} names of {len(english)} countries.\n")


if __name__ == "__main__":
    main(dt.date.fromisoformat(sys.argv[1]))
