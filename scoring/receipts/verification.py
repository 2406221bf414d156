"""The check of a receipt: signature, digests, and the verdict judged again. Reads no database (rules 16.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config import canonical_json, strict_json
from scoring.engine.engine_version import ENGINE_VERSION, RECOMPUTED
from scoring.receipts import issuing, judging_inputs, signatures
from scoring.receipts.signatures import PublicKey

_PARTS: Final = frozenset({"statement", "signature", "facts", "rules"})
#: What judging facts and rules of a wrong shape may raise.
_WRONG_SHAPE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class NotAReceipt(Exception):
    """The file is no receipt of a format that this product knows; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """The result of one check. `holds` is None for what could not be checked; the sentence says why."""

    subject: str
    holds: bool | None
    sentence: str


def verify(file: bytes, keys: Sequence[PublicKey]) -> list[ReceiptCheck]:
    """Check a receipt against the published keys of the installation that issued it. Raises NotAReceipt.

    1. The file is spelled as it was issued, byte by byte.
    2. The statement is signed by a key that signed at the time of issue.
    3. Facts and rules have the digests, and the rules the fingerprint, that the statement names.
    4. The facts judged again by the rules give the verdict of the statement.
    """
    receipt = _parse(file)
    statement = receipt["statement"]
    return [
        _check_spelling(file, receipt),
        _check_signature(statement, receipt["signature"], keys),
        _check_part("Facts", receipt.get("facts"), statement.get("facts_digest")),
        _check_part("Rules", receipt.get("rules"), statement.get("rules_digest")),
        _check_fingerprint(receipt.get("rules"), statement),
        _check_verdict(statement, receipt.get("facts"), receipt.get("rules")),
    ]


def _parse(file: bytes) -> Mapping[str, Any]:
    try:
        receipt = strict_json.loads(file.decode())
    except UnicodeDecodeError:
        raise NotAReceipt("The file is no receipt: it is not UTF-8.") from None
    except strict_json.BadPayload as error:
        raise NotAReceipt(f"The file is no receipt. {error}") from None
    statement = receipt.get("statement") if isinstance(receipt, dict) else None
    if not isinstance(statement, dict) or not isinstance(receipt.get("signature"), str):
        raise NotAReceipt("The file is no receipt: it has no signed statement.")
    if statement.get("format") != issuing.FORMAT:
        raise NotAReceipt(f"The file is no receipt in the format {issuing.FORMAT}.")
    if not _PARTS.issuperset(receipt):
        raise NotAReceipt("The file is no receipt: it has parts that nobody signed.")
    return dict(receipt)


def _check_spelling(file: bytes, receipt: Mapping[str, Any]) -> ReceiptCheck:
    try:
        is_original = issuing.Receipt(receipt).file == file
    except ValueError:
        is_original = False
    if is_original:
        return ReceiptCheck("Spelling", True, "The file is spelled as it was issued.")
    return ReceiptCheck(
        "Spelling", False, "The file is not spelled as Accord issues it: it was changed, or a program wrote it anew."
    )


def _check_signature(statement: Mapping[str, Any], signature: str, keys: Sequence[PublicKey]) -> ReceiptCheck:
    key = next((key for key in keys if key.code == statement.get("key")), None)
    if key is None:
        return ReceiptCheck(
            "Signature", False, f"It names the key {statement.get('key')}, which is none of the known ones."
        )
    try:
        issued_at = dt.datetime.fromisoformat(str(statement["issued_at"]))
        is_signed = signatures.is_signed(key.public_key, signature, canonical_json.write(statement).encode())
        in_time = key.signed_at(issued_at)
    except _WRONG_SHAPE:
        is_signed = in_time = False
    if not is_signed:
        return ReceiptCheck("Signature", False, f"It is not that of this statement by the key {key.code}.")
    if not in_time:
        return ReceiptCheck("Signature", False, f"The key {key.code} did not sign at the time of issue.")
    return ReceiptCheck(
        "Signature", True, f"The key {key.code} signed the statement on {issued_at:%Y-%m-%d %H:%M} UTC."
    )


def _check_part(subject: str, part: object, digest: object) -> ReceiptCheck:
    if part is None:
        return ReceiptCheck(subject, None, "Not included; the statement names their digest alone.")
    try:
        is_same = canonical_json.compute_digest(part) == digest
    except ValueError:
        is_same = False
    sentence = "They have the digest" if is_same else "They do not have the digest"
    return ReceiptCheck(subject, is_same, f"{sentence} that the statement names.")


def _check_fingerprint(rules: Any, statement: Mapping[str, Any]) -> ReceiptCheck:
    if rules is None:
        return ReceiptCheck("Fingerprint", None, "Not checked: the rules are not included.")
    try:
        version = statement["version"]
        name = f"{version['definition']} {version['number']}"
        is_same = judging_inputs.fingerprint_of(rules) == version["fingerprint"]
    except _WRONG_SHAPE:
        return ReceiptCheck("Fingerprint", False, "The rules, or the version that they should be of, cannot be read.")
    verb = "have" if is_same else "do not have"
    return ReceiptCheck("Fingerprint", is_same, f"The rules {verb} the fingerprint of {name}.")


def _check_verdict(statement: Mapping[str, Any], facts: Any, rules: Any) -> ReceiptCheck:
    engine = statement.get("engine")
    if facts is None or rules is None:
        return ReceiptCheck("Verdict", None, "Not recomputed: the facts and rules are not included.")
    if engine not in RECOMPUTED:
        return ReceiptCheck(
            "Verdict", None, f"Not recomputed: issued by engine {engine}, and this is engine {ENGINE_VERSION}."
        )
    try:
        explanation = issuing.judge_written(
            judging_inputs.read_written(rules).compile(),
            facts,
            lead_id=statement["lead"]["judged_as"],
            at=statement["at_microseconds"],
        )
        is_same = issuing.summarize(explanation) == statement["verdict"]
        reads_otherwise = judging_inputs.may_read_titles_otherwise(rules)
    except _WRONG_SHAPE:
        return ReceiptCheck("Verdict", False, "The facts cannot be judged by the rules.")
    if is_same:
        return ReceiptCheck("Verdict", True, f"Recomputed by engine {ENGINE_VERSION}: the same, to six decimals.")
    if reads_otherwise:
        return ReceiptCheck(
            "Verdict", None, "Not recomputed: this product reads job titles by another table than the receipt."
        )
    return ReceiptCheck(
        "Verdict", False, f"Recomputed by engine {ENGINE_VERSION}: another one than the statement says."
    )
