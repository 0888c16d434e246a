"""From a document to a rule of pySigma, with the place of everything in it that can be wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from sigma import exceptions
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule
from sigma.rule.base import check_alias_expansion
from sigma.validation import SigmaValidator
from sigma.validators.core.condition import DanglingDetectionValidator

from detectors.sigma.documents import Document, Where
from detectors.sigma.errors import Problem, SigmaRefused, said

AnySigmaRule = SigmaRule | SigmaCorrelationRule

PRODUCT = "sessionwatch"

_RULE_KEYS = frozenset(
    {
        "author", "correlation", "date", "description", "detection", "falsepositives", "fields", "id", "level",
        "license", "logsource", "modified", "name", "references", "related", "scope", "sessionwatch", "status", "tags",
        "taxonomy", "title",
    }
)  # fmt: skip
_CORRELATION_KEYS = frozenset({"type", "rules", "group-by", "timespan", "aliases", "condition", "generate"})
_NO_MODIFIERS = {
    "base64": "encoded content", "base64offset": "encoded content", "expand": "placeholders of a pipeline",
    "utf16": "encoded content", "utf16be": "encoded content", "utf16le": "encoded content", "wide": "encoded content",
    "windash": "Windows command lines",
}  # fmt: skip
_KEY_OF_ERROR: tuple[tuple[type[SigmaError], Where], ...] = (
    (exceptions.SigmaTimespanError, ("correlation", "timespan")),
    (exceptions.SigmaCorrelationConditionError, ("correlation", "condition")),
    (exceptions.SigmaCorrelationTypeError, ("correlation", "type")),
    (exceptions.SigmaCorrelationRuleError, ("correlation",)),
    (exceptions.SigmaLogsourceError, ("logsource",)),
    (exceptions.SigmaConditionError, ("detection", "condition")),
    (exceptions.SigmaDetectionError, ("detection",)),
    (exceptions.SigmaModifiedError, ("modified",)),
    (exceptions.SigmaIdentifierError, ("id",)),
    (exceptions.SigmaTitleError, ("title",)),
    (exceptions.SigmaNameError, ("name",)),
    (exceptions.SigmaLevelError, ("level",)),
    (exceptions.SigmaStatusError, ("status",)),
    (exceptions.SigmaTagError, ("tags",)),
    (exceptions.SigmaDateError, ("date",)),
    (exceptions.SigmaAuthorError, ("author",)),
    (exceptions.SigmaDescriptionError, ("description",)),
    (exceptions.SigmaReferencesError, ("references",)),
    (exceptions.SigmaFalsePositivesError, ("falsepositives",)),
    (exceptions.SigmaFieldsError, ("fields",)),
    (exceptions.SigmaRelatedError, ("related",)),
    (exceptions.SigmaTaxonomyError, ("taxonomy",)),
    (exceptions.SigmaScopeError, ("scope",)),
    (exceptions.SigmaLicenseError, ("license",)),
)
# What pySigma raises where a document has another shape than it expects.
_SHAPE_ERRORS = (AttributeError, TypeError, KeyError, IndexError, ValueError, RecursionError)


def parse_rule(document: Document) -> AnySigmaRule:
    """Return a document as a rule or correlation of pySigma.

    Raises:
        SigmaRefused: with every problem found in it.
    """
    try:
        # Before anything walks through it: aliases can make a small file an endless one.
        check_alias_expansion(document.content)
    except SigmaError as error:
        raise SigmaRefused([_told(document, error)]) from None
    problems = list(_shape(document))
    if problems:
        raise SigmaRefused(problems)
    try:
        parsed = SigmaCollection.from_dicts([document.content], collect_errors=True, resolve_references=False)
    except SigmaError as error:
        raise SigmaRefused([_told(document, error)]) from None
    except _SHAPE_ERRORS as error:
        raise SigmaRefused([document.problem((), f"no Sigma rule: {error}")]) from None
    if parsed.errors:
        raise SigmaRefused(_told(document, error) for error in parsed.errors)
    rule = parsed.rules[0]
    if isinstance(rule, SigmaRule):
        for name, detection in rule.detection.detections.items():
            _locate(detection, document.content["detection"][name], ("detection", name), document)
        _validate(rule, document)
    return rule


def _told(document: Document, error: SigmaError) -> Problem:
    where = next((where for kind, where in _KEY_OF_ERROR if isinstance(error, kind)), ())
    return document.problem(where, said(error))


def _shape(document: Document) -> Iterator[Problem]:
    content = document.content
    for key in content:
        near = difflib.get_close_matches(str(key), _RULE_KEYS, 1, cutoff=0.8)
        if key not in _RULE_KEYS and near:
            yield document.problem((str(key),), f'unknown key; did you mean "{near[0]}"?')
    for key, reason in (("action", "collections by `action` are"), ("filter", "Sigma filters are")):
        if key in content:
            yield document.problem((key,), f"{reason} not supported: write each rule out")
    for key in ("id", "name", "title"):
        if key in content and not isinstance(content[key], str):
            yield document.problem((key,), "expected a text")
    if "correlation" in content:
        yield from _correlation_shape(document)
    elif "filter" not in content and "action" not in content:
        yield from _rule_shape(document)


def _rule_shape(document: Document) -> Iterator[Problem]:
    source = document.content.get("logsource")
    if not isinstance(source, dict) or source.get("product") != PRODUCT:
        yield document.problem(("logsource",), f"expected {{product: {PRODUCT}}}: rules of other products see no event")
    elif others := sorted(set(source) - {"product", "definition"}):
        yield document.problem(("logsource", str(others[0])), f"{PRODUCT} has one log source: product alone names it")
    detection = document.content.get("detection")
    if not isinstance(detection, dict):
        yield document.problem(("detection",), "expected a mapping with selections and a condition")
        return
    condition = detection.get("condition")
    for one in condition if isinstance(condition, list) else [condition]:
        if not isinstance(one, str):
            yield document.problem(("detection", "condition"), "expected a text such as: selection and not filter")
    for name, definition in detection.items():
        if name != "condition":
            yield from _selection_shape(document, definition, ("detection", str(name)))


def _selection_shape(document: Document, definition: object, where: Where) -> Iterator[Problem]:
    if isinstance(definition, dict):
        for key, value in definition.items():
            yield from _item_shape(document, key, value, (*where, str(key)))
    elif isinstance(definition, list) and any(isinstance(one, dict | list) for one in definition):
        for position, one in enumerate(definition):
            yield from _selection_shape(document, one, (*where, position))
    else:
        yield document.problem(where, "keywords search a whole log line; an event has fields: name one")


def _item_shape(document: Document, key: object, value: Any, where: Where) -> Iterator[Problem]:
    field, *modifiers = str(key).split("|")
    if not field:
        yield document.problem(where, "keywords search a whole log line; an event has fields: name one")
        return
    for modifier in modifiers:
        if modifier in _NO_MODIFIERS:
            yield document.problem(
                where, f"the modifier {modifier} is for {_NO_MODIFIERS[modifier]}, which events lack"
            )
            return
    if "re" in modifiers and {"startswith", "endswith"} & set(modifiers):
        yield document.problem(where, "anchor the regular expression itself, with ^ or $")
        return
    try:
        SigmaDetectionItem.from_mapping(str(key), value)
    except SigmaError as error:
        yield document.problem(where, said(error))
    except _SHAPE_ERRORS as error:
        yield document.problem(where, f"no value for a field: {error}")


def _correlation_shape(document: Document) -> Iterator[Problem]:
    correlation = document.content["correlation"]
    if not isinstance(correlation, dict):
        yield document.problem(("correlation",), "expected a mapping")
        return
    for key in correlation:
        if key not in _CORRELATION_KEYS:
            near = difflib.get_close_matches(str(key), _CORRELATION_KEYS, 1)
            offer = f'; did you mean "{near[0]}"?' if near else f"; known here: {', '.join(sorted(_CORRELATION_KEYS))}"
            yield document.problem(("correlation", str(key)), f"unknown key{offer}")
    if not isinstance(correlation.get("type"), str):
        yield document.problem(("correlation", "type"), "expected a text such as event_count")
    for key in ("rules", "group-by"):
        named = correlation.get(key)
        if named is not None and not _texts([named] if isinstance(named, str) else named):
            yield document.problem(("correlation", key), "expected a list of texts")
    for alias, mapping in _mapping(correlation.get("aliases")).items():
        if not _texts(list(_mapping(mapping).values())):
            yield document.problem(("correlation", "aliases", str(alias)), "expected a field for each rule")
    for key in ("logsource", "detection"):
        if key in document.content:
            yield document.problem((key,), "a correlation has none of its own: the rules it names have")


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _locate(detection: SigmaDetection, definition: Any, where: Where, document: Document) -> None:
    """Give every item of a selection its place; what pySigma derives from it carries that on."""
    keys = list(definition) if isinstance(definition, dict) else range(len(definition))
    for item, key in zip(detection.detection_items, keys, strict=True):
        if isinstance(item, SigmaDetection):
            _locate(item, definition[key], (*where, key), document)
        else:
            item.source = document.location((*where, str(key)))


def _validate(rule: SigmaRule, document: Document) -> None:
    """Hold a rule against pySigma's own validator: a selection that no condition names is a rule half written."""
    try:
        issues = SigmaValidator([DanglingDetectionValidator]).validate_rule(rule)
    except SigmaError as error:
        raise SigmaRefused([_told(document, error)]) from None
    except RecursionError:
        raise SigmaRefused([document.problem(("detection", "condition"), "nested too deeply")]) from None
    if issues:
        names = sorted(str(getattr(issue, "detection_name", "")) for issue in issues)
        raise SigmaRefused(document.problem(("detection", name), "no condition names this selection") for name in names)
