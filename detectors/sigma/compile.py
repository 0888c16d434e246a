"""From Sigma files to rule classes: parsed by pySigma, refused with file, line and key, or compiled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from detectors.rule import RuleKey
from detectors.rules import AnyRule
from detectors.sigma.correlation import Correlations, check_circle, check_references
from detectors.sigma.documents import Document, SigmaSource, read_documents
from detectors.sigma.ecs import ecs_pipeline
from detectors.sigma.errors import Problem, SigmaRefused
from detectors.sigma.options import RuleOptions, read_options
from detectors.sigma.parse import AnySigmaRule, parse_rule
from detectors.sigma.part import Part
from detectors.sigma.rule import SEVERITIES, SigmaDetector, rule_class
from schemas.alert import Severity

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.ASCII)
_LONGEST_NAME, _LONGEST_TITLE = 64, 80
_ALWAYS_IN_A_SESSION = frozenset({"create", "validate"})


def compile_rules(sources: Iterable[SigmaSource]) -> dict[str, type[AnyRule]]:
    """Return the rules of some files, by id.

    That is the `name` of a rule, written with hyphens, else ``sigma-`` and its `id`. A rule that a correlation refers
    to is no rule of its own, unless that says ``generate: true``. Rules may refer to those of other files.

    Raises:
        SigmaRefused: with every problem found, each with file, line and key.
    """
    problems: list[Problem] = []
    parsed: list[tuple[Document, AnySigmaRule]] = []
    for source in sources:
        with _noting(problems):
            for document in read_documents(source):
                with _noting(problems):
                    read_options(document)
                    parsed.append((document, parse_rule(document)))
    with _noting(problems):
        _check_names(parsed)
    if problems:
        raise SigmaRefused(problems)
    return _compile(parsed)


@contextmanager
def _noting(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of what is refused inside to a list, and go on."""
    try:
        yield
    except SigmaRefused as refused:
        problems.extend(refused.problems)


def _check_names(parsed: list[tuple[Document, AnySigmaRule]]) -> None:
    problems = []
    seen: dict[str, Document] = {}
    for document, rule in parsed:
        if rule.name is None and rule.id is None:
            problems.append(document.problem(("title",), "give the rule a name, by which alerts and settings know it"))
        if rule.name is not None and (not _NAME.fullmatch(rule.name) or len(rule.name) > _LONGEST_NAME):
            message = f"expected at most {_LONGEST_NAME} lower-case letters and digits, in words joined by - or _"
            problems.append(document.problem(("name",), message))
        if len(rule.title) > _LONGEST_TITLE:
            problems.append(document.problem(("title",), f"longer than {_LONGEST_TITLE} characters"))
        for key, value in (("name", rule.name), ("id", rule.id)):
            if value is None:
                continue
            # Names that differ in a sign alone would be one id.
            other = seen.setdefault(str(value).replace("_", "-"), document)
            if other is not document:
                problems.append(document.problem((key,), f"{value} is a rule in {other.file}:{other.line} already"))
    if problems:
        raise SigmaRefused(problems)


def _compile(parsed: list[tuple[Document, AnySigmaRule]]) -> dict[str, type[AnyRule]]:
    documents = {id(rule): document for document, rule in parsed}
    known = [str(name) for _, rule in parsed for name in (rule.name, rule.id) if name is not None]
    problems: list[Problem] = []
    for document, rule in parsed:
        if isinstance(rule, SigmaCorrelationRule):
            with _noting(problems):
                check_references(rule, document, known)
    if problems:
        raise SigmaRefused(problems)
    collection = SigmaCollection([rule for _, rule in parsed])
    for rule in collection.rules:
        with _noting(problems):
            check_circle(rule, documents[id(rule)])
    if problems:
        raise SigmaRefused(problems)
    pipeline = ecs_pipeline()
    for rule in collection.rules:
        pipeline.apply(rule)
    compiled: dict[str, type[AnyRule]] = {}
    for output in collection.get_output_rules():
        assert isinstance(output, SigmaRule | SigmaCorrelationRule)
        with _noting(problems):
            made = _rule(output, documents)
            compiled[made.id] = made
    if problems:
        raise SigmaRefused(dict.fromkeys(problems))
    return compiled


def _rule(rule: AnySigmaRule, documents: dict[int, Document]) -> type[SigmaDetector]:
    document = documents[id(rule)]
    options = read_options(document)
    correlations = Correlations(documents, rule)
    if isinstance(rule, SigmaCorrelationRule):
        key = _chosen(options, correlations.keys(rule), document)
        part = correlations.part(rule, key)
    else:
        part = correlations.part(rule, "app")
        key = _key_of_single(options, part, document)
    if not part.event_types():
        raise SigmaRefused([document.problem((), "no type of event can meet it")])
    _check_level(rule, part, document)
    return rule_class(rule_id(rule), _version(rule, documents), rule, key, part, options)


def rule_id(rule: AnySigmaRule) -> str:
    """Return the id under which alerts and the configuration know a rule."""
    return rule.name.replace("_", "-") if rule.name is not None else f"sigma-{rule.id}"


def _chosen(options: RuleOptions, possible: tuple[RuleKey, ...], document: Document) -> RuleKey:
    if options.key is None:
        return possible[0]
    if options.key not in possible:
        message = f"group-by is held by {' or '.join(possible)}, not by {options.key}"
        raise SigmaRefused([document.problem(("sessionwatch", "key"), message)])
    return options.key


def _key_of_single(options: RuleOptions, part: Part, document: Document) -> RuleKey:
    """Return the key of a rule without correlation."""
    if options.key is not None:
        return options.key
    if part.event_types() <= _ALWAYS_IN_A_SESSION:
        return "session"
    message = (
        "a fail or destroy may come without a session: say what an alert is about, as in sessionwatch: {key: user}"
    )
    raise SigmaRefused([document.problem(("sessionwatch", "key"), message)])


def _check_level(rule: AnySigmaRule, part: Part, document: Document) -> None:
    """Refuse what would let strangers lock users out (decision 27): anybody can cause failures."""
    if SEVERITIES[rule.level] is Severity.CRITICAL and "fail" in part.completing_types():
        message = "critical may revoke, and a failure, which anybody can cause, can complete this: at most high"
        raise SigmaRefused([document.problem(("level",), message)])


def _version(rule: AnySigmaRule, documents: dict[int, Document]) -> int:
    """Return a number that changes with the text of a rule and of all it refers to: stored state follows it."""
    rules: list[AnySigmaRule] = [rule]
    if isinstance(rule, SigmaCorrelationRule):
        rules += rule.flatten_rules()
    content = repr([documents[id(one)].content for one in rules])
    return int.from_bytes(hashlib.sha256(content.encode("utf-8", "backslashreplace")).digest()[:4], "big") >> 1
