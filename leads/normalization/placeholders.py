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
            "empty|missing|no selection|select|choose|none selected|not selected|none given|none provided|none specified",
            "not assigned|unassigned|tbc|tba|to be confirmed|to be announced|not sure|not sure yet|unsure|no idea",
            "don't know yet|don’t know yet|i'm not sure|i’m not sure|not answered|no answer given|no info|not defined",
            "not yet defined|information not available|data not available|value not available",
            # German
            "keine angabe|keine angaben|ohne angabe|k.a.|k. a.|k.a|unbekannt|nicht angegeben|nicht bekannt",
            "nicht verfügbar|nicht vorhanden|nicht zutreffend|entfällt|leer|weiß nicht|weiss nicht|weiß ich nicht",
            "weiss ich nicht|keine ahnung|noch offen|noch unklar|keine auswahl|keine antwort",
            # French
            "non renseigné|non renseignée|non renseigne|non précisé|non précisée|non spécifié|non communiqué",
            "non disponible|non applicable|non défini|sans objet|sans réponse|inconnu|inconnue|aucun|aucune|je ne sais pas",
            # Spanish
            "no aplica|no aplicable|no disponible|no especificado|no especificada|no proporcionado|no definido|no informado",
            "no asignado|sin datos|sin especificar|sin información|sin respuesta|desconocido|desconocida|ninguno|ninguna",
            "no sé|no lo sé|no se sabe",
            # Italian
            "n.d.|n. d.|n.d|non disponibile|non applicabile|non specificato|non specificata|non fornito|non indicato",
            "non definito|sconosciuto|sconosciuta|nessuno|nessuna|non so|non lo so",
            # Portuguese
            "não aplicável|não se aplica|não informado|não disponível|não especificado|não fornecido|desconhecido",
            "desconhecida|sem informação|sem dados|nenhum|nenhuma|não sei",
            # Dutch
            "nvt|n.v.t.|n.v.t|niet van toepassing|niet bekend|niet opgegeven|niet beschikbaar|niet ingevuld|onbekend|geen",
            "weet niet|weet ik niet|geen idee",
            # Polish
            "brak|brak danych|nie dotyczy|nie podano|nieznany|nieznana|nieznane|nieokreślony|nie wiem",
            # Swedish
            "saknas|uppgift saknas|okänd|okänt|ej angivet|ej angiven|ej tillämpligt|ej känt",
            "vet ej|vet inte",
        )
    ).split("|")
)
_VALUE_WORDS: Final = _PROGRAM_WORDS | _NO_ANSWER | {"na"}
#: These are people's names as well (Brak, Leer, Nan, Nil, Null, None, Na, Select): as a name they stay unless bracketed.
_NAMES_AS_WELL: Final = frozenset(
    {
        "null",
        "nil",
        "none",
        "nan",
        "na",
        "nat",
        "brak",
        "leer",
        "blank",
        "select",
        "choose",
        "empty",
        "geen",
        "aucun",
        "tba",
    }
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
        "visitor",
        "guest user",
        "anonymous user",
        "no user",
        "unidentified",
        "logged out",
        "not logged in",
        "unauthenticated",
        "not authenticated",
        "undef",
        "uid",
        "default",
        "placeholder",
        "deleted",
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
_OPENING: Final = frozenset(_BRACKETS)
#: What a list shows before somebody chooses: "-- Select an option --", "Bitte auswählen…".
_CHOICE: Final = re.compile(
    r"(?:please )?(?:select|choose|pick)(?: (?:one|an?|your|the))?(?: (?:option|item|value|answer|one|country|industry|size))?"
    r"|bitte (?:aus)?wählen(?: sie)?|(?:veuillez )?(?:sélectionner|choisir)|sélectionnez|choisissez"
    r"|(?:por favor )?(?:seleccione|seleccionar|elija|elegir)(?: una opción)?|(?:si prega di )?(?:selezionare|selezionate|seleziona)"
    r"|(?:por favor )?(?:selecione|selecionar|escolha)|(?:maak een keuze|kies|selecteer)|(?:proszę )?(?:wybierz|wybrać)|välj"
)
#: Marks around a word that says nothing: "--None--", "Select...", "none.".
_AROUND: Final = " -–—−\u2010\u2011_.…*=~:;,!?"
#: A slash with space around it.
_LOOSE_SLASH: Final = re.compile(r"\s*[/\\]\s*")
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
#: As an id, program words again and again, or after the name of a key: undefined-undefined, user_null, $user_id, your_id;
#: or the beginning of Salesforce's ids with zeros alone behind it.
_NOBODY: Final = re.compile(
    r"(?:(?:undefined|null|none|nan|nil|unknown)[\s_.:;,|/-]*)+"
    r"|(?:user|contact|lead|customer|client|visitor|person|account|member|id|uid|usr)[\s_.:|-]*(?:undefined|null|nan|none)"
    r"|\$[a-z_][a-z0-9_.]*|your[_ -](?:[a-z]+[_ -])?(?:id|uid|guid)|(?:001|003|00q|006)0{12}(?:[a-z0-9]{3})?|x{3,}"
)
_ID_SEPARATORS: Final = re.compile(r"[\s_-]+")
_ADDRESS_MARKS: Final = re.compile(r"[._-]+")
#: Before the at sign these name nobody, whatever follows it.
_ADDRESSES_OF_NOBODY: Final = frozenset(
    [
        "undefined",
        "null",
        "none",
        "noemail",
        "nomail",
        "noaddress",
        "noemailaddress",
        "notprovided",
        "notavailable",
        "notapplicable",
        "emailnotprovided",
        "unknownemail",
        "nobody",
        "youremail",
        "yourname",
        "keineemail",
        "keinemail",
        "sinemail",
        "sincorreo",
        "pasdemail",
        "geenemail",
        "brakemaila",
    ]
)
#: These name nobody where the domain repeats them: none@none.com, test@test.de.
_FILLERS: Final = frozenset(
    [
        "aaa",
        "abc",
        "asdf",
        "email",
        "example",
        "fake",
        "mail",
        "me",
        "na",
        "nil",
        "no",
        "nobody",
        "nan",
        "nil",
        "none",
        "nope",
        "null",
        "test",
        "tester",
        "testing",
        "unknown",
        "user",
        "xx",
        "xxx",
        "xyz",
        "keine",
        "nein",
        "non",
        "sin",
        "geen",
        "brak",
        "saknas",
    ]
)
#: As an id: <id>, [Contact.Id] and :id.
_NAMED_FIELD: Final = re.compile(r"<[a-z][a-z0-9_ .-]*>|\[[a-z][a-z0-9_ .-]*\]|:[a-z][a-z0-9_]*")


def is_placeholder(text: str) -> bool:
    """Tell whether an id names nobody: `undefined`, `null`, `0`, a UUID of zeros, `{{id}}` and their like."""
    clean = _fold(text)
    if not clean or _MARKS_ONLY.fullmatch(clean) or _ZEROS.fullmatch(clean):
        return True
    if len(clean) <= _SHORT and _is_id_of_nobody(clean):
        return True
    if not _TEMPLATE_MARKS.search(clean):
        return False
    is_template = _HAS_TEMPLATE.search(clean) or _IS_TEMPLATE.fullmatch(clean) or _NAMED_FIELD.fullmatch(clean)
    return is_template is not None


def _is_id_of_nobody(clean: str) -> bool:
    inner = _strip_brackets(clean)
    if clean in _ID_WORDS or inner in _VALUE_WORDS or inner in _ID_WORDS or _NOBODY.fullmatch(inner):
        return True
    # In ids underscores and hyphens stand for spaces.
    spaced = _ID_SEPARATORS.sub(" ", inner)
    return spaced != inner and (spaced in _VALUE_WORDS or spaced in _ID_WORDS)


def is_placeholder_address(address: str) -> bool:
    """Tell whether an address in lower case is none of anybody: `undefined@acme.com`, `none@none.com`, `{{email}}@acme.com`."""
    local, _, host = address.rpartition("@")
    plain = _ADDRESS_MARKS.sub("", local)
    if plain in _ADDRESSES_OF_NOBODY or (plain in _FILLERS and plain == _ADDRESS_MARKS.sub("", host.partition(".")[0])):
        return True
    return _TEMPLATE_MARKS.search(address) is not None and _HAS_TEMPLATE.search(address) is not None


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
    if _says_nothing_inside(field, clean):
        return True
    if clean[0].isalnum():
        return False
    return _MARKS_ONLY.fullmatch(clean) is not None or (
        clean[0] in _TEMPLATE_STARTS and _IS_TEMPLATE.fullmatch(clean) is not None
    )


def _says_nothing_inside(field: str, clean: str) -> bool:
    """Tell whether a text says nothing without the marks around it: "--None--", "[not provided]", "Select …"."""
    if clean[0] in _OPENING and _strip_brackets(clean) in _VALUE_WORDS:
        return True
    inner = _strip_marks(clean)
    if inner != clean and inner in _VALUE_WORDS:
        # A point behind a name or a code is only a point.
        is_word = clean[0] == inner[0] and (inner in _NAMES_AS_WELL or inner == "na")
        return not (is_word and field in _NAME_FIELDS | _PLACE_FIELDS)
    # One word alone may be a name, as Pick.
    return _CHOICE.fullmatch(inner) is not None and (field not in _NAME_FIELDS or inner != clean or " " in inner)


def _strip_marks(clean: str) -> str:
    """Return a text without brackets, dashes and dots around it; with a slash of its own as in "n/a"."""
    inner = _strip_brackets(clean.strip(_AROUND)).strip(_AROUND)
    return _LOOSE_SLASH.sub("/", inner) if "/" in inner or "\\" in inner else inner


_is_cached_no_answer = lru_cache(maxsize=16_384)(_is_no_answer)


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split()) if " " in text or "\n" in text or "\t" in text else text.casefold()


def _strip_brackets(clean: str) -> str:
    while len(clean) > 1 and _BRACKETS.get(clean[0]) == clean[-1]:
        clean = clean[1:-1].strip()
    return clean
