"""The guards of definitions and versions in the database: what no path to it can change."""

from __future__ import annotations

from typing import Final

import pgtrigger

#: A trigger, so that whoever renames a definition keeps its earlier links. The unique key of the slugs makes two
#: definitions that ask for one slug wait for each other; the second one is refused.
TAKES_SLUG: Final = """
    INSERT INTO definitions_definitionslug (slug, definition_id) VALUES (NEW.slug, NEW.id) ON CONFLICT (slug) DO NOTHING;
    IF NOT EXISTS (SELECT FROM definitions_definitionslug s WHERE s.slug = NEW.slug AND s.definition_id = NEW.id) THEN
        RAISE unique_violation USING MESSAGE = 'pgtrigger: another definition has or had this slug';
    END IF;
    RETURN NULL;
"""

#: A trigger, so that no path to the database can approve a version without both signatures (rules 9.10).
APPROVED_BY_BOTH: Final = """
    IF (SELECT count(*) FROM definitions_signoff s
        WHERE s.version_id = NEW.id AND s.decision = 'approved' AND s.side IN ('marketing', 'sales')) < 2 THEN
        RAISE EXCEPTION 'pgtrigger: a version is approved when both leaders have signed it';
    END IF;
    RETURN NEW;
"""

#: A trigger, so that nobody activates what was signed beside another version than the one in force (rules 9.45).
NOT_OVERTAKEN: Final = """
    IF EXISTS (
        SELECT FROM definitions_versionchange other JOIN definitions_version v ON v.id = other.version_id
        WHERE v.definition_id = NEW.definition_id AND v.id <> NEW.id AND other.to_state = 'active'
        AND other.id > (SELECT max(own.id) FROM definitions_versionchange own
                        WHERE own.version_id = NEW.id AND own.to_state = 'proposed')
    ) THEN
        RAISE EXCEPTION 'pgtrigger: another version came into force since this one was proposed';
    END IF;
    RETURN NEW;
"""

#: A trigger, because digests in JSON have no foreign keys.
BASIS_IS_KEPT: Final = """
    IF EXISTS (
        SELECT FROM jsonb_path_query(NEW.basis, 'strict $.**') AS part(value)
        WHERE jsonb_typeof(part.value) = 'string'
        AND NOT EXISTS (SELECT FROM definitions_keptcontent kept WHERE kept.digest = part.value #>> '{}')
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a basis refers to contents that are not kept';
    END IF;
    RETURN NEW;
"""
#: Whoever else objects is heard; only a leader's refusal ends a version (rules 9.10).
REFUSED_BY_A_LEADER: Final = """
    IF NOT EXISTS (SELECT FROM definitions_signoff s
                   WHERE s.version_id = NEW.id AND s.decision = 'refused' AND s.side IN ('marketing', 'sales')) THEN
        RAISE EXCEPTION 'pgtrigger: a version is refused by the marketing leader or the sales leader';
    END IF;
    RETURN NEW;
"""


def draft_only_trigger(name: str, version: str = "NEW.version_id", old: str = "OLD.version_id") -> pgtrigger.Trigger:
    """Return a trigger that lets rows of a version be added, changed and deleted only while it is a draft."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        declare=[("state", "text")],
        # FOR SHARE waits for a running step of the version, and keeps its state until this transaction ends.
        func=f"""
            IF TG_OP IN ('UPDATE', 'DELETE') THEN
                SELECT v.state INTO state FROM definitions_version v WHERE v.id = {old} FOR SHARE;
                IF state <> 'draft' THEN
                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;
                END IF;
            END IF;
            IF TG_OP IN ('INSERT', 'UPDATE') THEN
                SELECT v.state INTO state FROM definitions_version v WHERE v.id = {version} FOR SHARE;
                IF state <> 'draft' THEN
                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;
                END IF;
                RETURN NEW;
            END IF;
            RETURN OLD;
        """,  # noqa: S608 (the inserted names come from this module)
    )
