"""Cleaning of a whole event before the contract is held against it: what a client can choose never refuses an event."""

from __future__ import annotations

from typing import cast

from ingest.strict_json import Json
from schemas.cleaning import CLIENT_TEXT, clean_flags, clean_ip, clean_text, clean_user_hint, clean_user_id
from schemas.drill import DrillKey
from schemas.event import SessionEvent
from schemas.limits import MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTES, MAX_REASON
from schemas.refusal import Reason, Refused

_KNOWN = frozenset(SessionEvent.model_fields)
_OPTIONAL_TEXT = (*CLIENT_TEXT, "session_id", "parent_session_id", "ip", "reason", "user_hint")


def clean_event(raw: dict[str, Json], drills: DrillKey | None = None) -> tuple[dict[str, Json], list[str]]:
    """Return the fields, cleaned, and what had to be done to them.

    Unknown scalars go to the attributes as long as they fit; the rest of the unknown is dropped with a flag.

    Args:
        raw: the event as it came.
        drills: knows the installation's own fire drills; None = no mark counts.

    Raises:
        Refused: attributes, when they are no object of scalars or more than 32.
    """
    flags: list[str] = []
    fields = {name: value for name, value in raw.items() if name in _KNOWN}
    for name in _OPTIONAL_TEXT:
        if fields.get(name) == "":
            fields[name] = None
    _clean_texts(fields, flags)
    _clean_identities(fields, flags)
    _clean_attributes(raw, fields, flags)
    if fields.get("drill") is not None and (drills is None or not drills.counts(raw)):
        # Whoever marks an attack as a drill without our signature wants it to be overlooked.
        fields["drill"] = None
        flags.append("drill:unsigned")
    return fields, flags


def _clean_texts(fields: dict[str, Json], flags: list[str]) -> None:
    for name in CLIENT_TEXT:
        value = fields.get(name)
        if isinstance(value, str):
            fields[name], changed = clean_text(value)
            if changed:
                flags.append(f"{name}:cleaned")
    reason = fields.get("reason")
    if isinstance(reason, str):
        fields["reason"], changed = clean_text(reason, MAX_REASON)
        if changed:
            flags.append("reason:cleaned")
    given = fields.get("input_flags")
    if isinstance(given, list) and all(isinstance(flag, str) for flag in given):
        cleaned, changed = clean_flags(cast(list[str], given))
        fields["input_flags"] = cast(Json, cleaned)
        if changed:
            flags.append("input_flags:cleaned")


def _clean_identities(fields: dict[str, Json], flags: list[str]) -> None:
    ip, user_id, user_hint = fields.get("ip"), fields.get("user_id"), fields.get("user_hint")
    if isinstance(ip, str):
        fields["ip"] = clean_ip(ip)
        if fields["ip"] is None:
            flags.append("ip:unreadable")
    flag = None
    if isinstance(user_id, str):
        fields["user_id"], flag = clean_user_id(user_id)
        flags.extend([flag] if flag else [])
    if isinstance(user_hint, str):
        fields["user_hint"], flag = clean_user_hint(user_hint)
        flags.extend([flag] if flag else [])


def _clean_attributes(raw: dict[str, Json], fields: dict[str, Json], flags: list[str]) -> None:
    declared = fields.get("attributes")
    if declared is None and len(fields) == len(raw):
        return
    if declared is not None and not isinstance(declared, dict):
        raise Refused(Reason.ATTRIBUTES, "attributes", "expected an object of scalars")
    if declared is not None and len(declared) > MAX_ATTRIBUTES:
        raise Refused(Reason.ATTRIBUTES, "attributes", f"at most {MAX_ATTRIBUTES}")
    attributes: dict[str, Json] = {}
    changed = False
    for name, value in (declared or {}).items():
        kept, odd = _clean_attribute(attributes, name, value)
        changed = changed or odd or not kept
    dropped = False
    for name, value in raw.items():
        if name in _KNOWN:
            continue
        fits = not isinstance(value, dict | list) and len(attributes) < MAX_ATTRIBUTES
        if not fits or not _clean_attribute(attributes, name, value)[0]:
            dropped = True
    flags.extend(["attributes:cleaned"] if changed else [])
    flags.extend(["unknown:dropped"] if dropped else [])
    fields["attributes"] = attributes or None


def _clean_attribute(attributes: dict[str, Json], name: str, value: Json) -> tuple[bool, bool]:
    """Add an attribute under its cleaned name; say whether it could be added and whether it had to be changed."""
    key, odd_name = clean_text(name, MAX_ATTRIBUTE_NAME)
    if key in attributes:
        return False, True
    odd_value = False
    if isinstance(value, str):
        value, odd_value = clean_text(value)
    attributes[key] = value
    return True, odd_name or odd_value
