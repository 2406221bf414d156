"""The words that senders write where they have nothing: no id, no answer, a template that was not filled in.

`is_placeholder` is for ids: an id that stands for nobody makes one person of many. `is_placeholder_value` is for
attributes, where fewer words are clear: 0 is a number, NA a country, and Null a family name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

#: What programs and spreadsheets write for "no value", in lower case.
_PROGRAM_WORDS: Final = frozenset(
    [
        "undefined",
        "null",
        "nil",
        "none",
        "nan",
        "n/a",
        "n/a.",
        "n.a.",
        "n.a",
        "na/",
        "#n/a",
        "#na",
        "#null!",
        "#ref!",
        "#value!",
        "#name?",
        "#div/0!",
        "#num!",
        "\\n",
        "<na>",
        "none/null",
        "null/none",
        "nat",
    ]
)
#: No answer in words, in lower case and without brackets.
_NO_ANSWER: Final = frozenset(
    "|".join(
        (
            # English
            "not provided|not set|not available|not applicable|not specified|not given|not known|not stated|not yet known",
            "not disclosed|no value|no data|no answer|no response|no information|unknown|unspecified|undisclosed|n/k|tbd",
            "to be determined|prefer not to say|prefer not to answer|i don't know|i don’t know|don't know|don’t know|blank",
            "empty|missing|no selection|please select|select|choose|none selected|not selected|none given|none provided",
            "not assigned|unassigned",
            # German
            "keine angabe|keine angaben|ohne angabe|k.a.|k. a.|k.a|unbekannt|nicht angegeben|nicht bekannt",
            "nicht verfügbar|nicht vorhanden|nicht zutreffend|entfällt|leer|bitte wählen|bitte auswählen",
            # French
            "non renseigné|non renseignée|non renseigne|non précisé|non précisée|non spécifié|non communiqué",
            "non disponible|non applicable|non défini|sans objet|sans réponse|inconnu|inconnue|aucun|aucune",
            # Spanish
            "no aplica|no aplicable|no disponible|no especificado|no especificada|no proporcionado|no definido|no informado",
            "no asignado|sin datos|sin especificar|sin información|sin respuesta|desconocido|desconocida|ninguno|ninguna",
            # Italian
            "n.d.|n. d.|n.d|non disponibile|non applicabile|non specificato|non specificata|non fornito|non indicato",
            "non definito|sconosciuto|sconosciuta|nessuno|nessuna",
            # Portuguese
            "não aplicável|não se aplica|não informado|não disponível|não especificado|não fornecido|desconhecido",
            "desconhecida|sem informação|sem dados|nenhum|nenhuma",
            # Dutch
            "nvt|n.v.t.|n.v.t|niet van toepassing|niet bekend|niet opgegeven|niet beschikbaar|niet ingevuld|onbekend|geen",
            # Polish
            "brak|brak danych|nie dotyczy|nie podano|nieznany|nieznana|nieznane|nieokreślony",
            # Swedish
            "saknas|uppgift saknas|okänd|okänt|ej angivet|ej angiven|ej tillämpligt|ej känt",
        )
    ).split("|")
)
_VALUE_WORDS: Final = _PROGRAM_WORDS | _NO_ANSWER | {"na"}
#: These are people's names as well (Brak, Leer, Nan, Nil, Null, None, Na, Select): as a name they stay unless bracketed.
_NAMES_AS_WELL: Final = frozenset(
    {"null", "nil", "none", "nan", "na", "nat", "brak", "leer", "blank", "select", "choose", "empty", "geen", "aucun"}
)
_NAME_FIELDS: Final = frozenset({"first_name", "last_name", "name"})
#: Namibia's code, and the region North America.
_PLACE_FIELDS: Final = frozenset({"country", "region"})
#: Further words that name nobody as an id.
_ID_WORDS: Final = frozenset(
    [
        "na",
        "-1",
        "true",
        "false",
        "anonymous",
        "anon",
        "guest",
        "nobody",
        "no-id",
        "noid",
        "no_id",
        "no-user",
        "infinity",
        "-infinity",
        "nullptr",
        "void",
        "object",
        "{}",
        "[]",
        "()",
        "[null]",
        "[none]",
        "function",
        "id",
        "your_id",
        "your-id",
        "user_id",
        "userid",
        "external_id",
    ]
)
_SHORT: Final = 40
_LONGEST_CACHED: Final = 100

_BRACKETS: Final = {"(": ")", "[": "]", "<": ">", "{": "}", '"': '"', "'": "'", "“": "”", "«": "»", "„": "“"}
_MARKS_ONLY: Final = re.compile(r"""[-–—−\u2010\u2011_.…?¿!/\\*#~=:;,|'"`\u00b4()\[\]{}<>\s]+""")
_TEMPLATE: Final = (
    r"\{\{.*?\}\}|\$\{.*?\}|#\{.*?\}|@\{.*?\}|\{!.*?\}|\{%.*?%\}|<%.*?%>|\*\|.*?\|\*|\[\[.*?\]\]|<<.*?>>|%7b%7b.*?%7d%7d"
    r"|\[object [a-z]+\]"
)
#: A merge field between percent signs or in braces, as a whole: %ID%, %%emailaddr%%, {contact_id}.
_WHOLE_FIELD: Final = r"%%?[a-z_][a-z0-9_. -]*%%?|\{[a-z_][a-z0-9_. :|-]*\}"
_HAS_TEMPLATE: Final = re.compile(_TEMPLATE, re.DOTALL)
_IS_TEMPLATE: Final = re.compile(f"(?:{_TEMPLATE}|{_WHOLE_FIELD}|«.*?»)", re.DOTALL)
_TEMPLATE_STARTS: Final = frozenset("{$#@<*[%«")
#: A text without any of these marks is no template; most ids and addresses have none.
_TEMPLATE_MARKS: Final = re.compile(r"[{<\[%*«:]")
#: The nil UUID, and ids of zeros alone, also with the checksum that Salesforce adds; the UUID of ones.
_ZEROS: Final = re.compile(r"[0-]*0[0-]*(?:\.0+)?|0{15}aaa|f{8}-f{4}-f{4}-f{4}-f{12}|\{[0-]+\}")
#: As an id: <id>, [Contact.Id] and :id.
_NAMED_FIELD: Final = re.compile(r"<[a-z][a-z0-9_ .-]*>|\[[a-z][a-z0-9_ .-]*\]|:[a-z][a-z0-9_]*")


def is_placeholder(text: str) -> bool:
    """Tell whether an id names nobody: `undefined`, `null`, `0`, a UUID of zeros, `{{id}}` and their like."""
    clean = _fold(text)
    if not clean or _MARKS_ONLY.fullmatch(clean) or _ZEROS.fullmatch(clean):
        return True
    if len(clean) <= _SHORT:
        inner = _strip_brackets(clean)
        if clean in _ID_WORDS or inner in _VALUE_WORDS or inner in _ID_WORDS:
            return True
    if not _TEMPLATE_MARKS.search(clean):
        return False
    is_template = _HAS_TEMPLATE.search(clean) or _IS_TEMPLATE.fullmatch(clean) or _NAMED_FIELD.fullmatch(clean)
    return is_template is not None


def is_placeholder_value(field: str, text: str) -> bool:
    """Tell whether the text of an attribute stands for no answer. An empty text does not count as one.

    `field` is the name of the attribute: some words are no answer in general, but a name or a place in their fields.
    """
    # Texts recur, row by row; a long one must not stay in memory.
    return (_is_no_answer if len(text) > _LONGEST_CACHED else _is_cached_no_answer)(field, text)


def _is_no_answer(field: str, text: str) -> bool:
    clean = _fold(text)
    if not clean:
        return False
    if len(clean) > _SHORT:
        return clean[0] in _TEMPLATE_STARTS and _IS_TEMPLATE.fullmatch(clean) is not None
    if clean in _VALUE_WORDS:
        return not ((field in _NAME_FIELDS and clean in _NAMES_AS_WELL) or (field in _PLACE_FIELDS and clean == "na"))
    if clean[0].isalnum():
        return False
    if _MARKS_ONLY.fullmatch(clean) or _strip_brackets(clean) in _VALUE_WORDS:
        return True
    return clean[0] in _TEMPLATE_STARTS and _IS_TEMPLATE.fullmatch(clean) is not None


_is_cached_no_answer = lru_cache(maxsize=16_384)(_is_no_answer)


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split()) if " " in text or "\n" in text or "\t" in text else text.casefold()


def _strip_brackets(clean: str) -> str:
    while len(clean) > 1 and _BRACKETS.get(clean[0]) == clean[-1]:
        clean = clean[1:-1].strip()
    return clean
