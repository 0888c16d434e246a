"""What is told to a SIEM keeps to the published schemas."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from response.siem.documents import Format, encode
from response.siem.finding import Analytic, Finding
from response.siem.syslog import MAX_DOCUMENT_BYTES
from response.siem.techniques import TECHNIQUES
from sample_logs.scenario import CONFIGURATION, FOLDER, scenarios
from schemas.alert import Alert, Evidence, Severity
from schemas.instant import SECOND
from sessionwatch.config import Settings, load
from sessionwatch.config.parts import rule_plan
from sessionwatch.siem import analytics
from sessionwatch.workshop.scenarios import judge_scenario
from store.rows import TriageRow
from tests.response.given import alert
from tests.response.siem.given import document, finding
from tests.response.siem.published_schemas import ecs_problems, ocsf_problems

FORMATS: tuple[Format, ...] = ("ocsf", "ecs")


def problems(form: Format, one: Finding) -> list[str]:
    found = document(form, one)
    return ocsf_problems(found) if form == "ocsf" else ecs_problems(found)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(FOLDER / CONFIGURATION, environ={})


@pytest.fixture(scope="module")
def alerts(settings: Settings) -> list[Alert]:
    """Every kind of alert that the scenarios fire: by rule, severity, key and what is known of the place."""
    plan = rule_plan(settings)
    kinds: dict[tuple[object, ...], Alert] = {}
    for scenario in scenarios():
        for one in judge_scenario(scenario, settings, plan).alerts:
            kinds.setdefault((one.rule_id, one.severity, one.key_kind, one.ip is None, one.asn is None), one)
    assert len({one.rule_id for one in kinds.values()}) > 35
    return list(kinds.values())


@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_of_alert_of_the_scenarios_keeps_to_the_schema(
    form: Format, alerts: list[Alert], settings: Settings
) -> None:
    known = analytics(settings)
    for one in alerts:
        withdrawn = msgspec.structs.replace(one, status="withdrawn")
        at_us = one.last_event_time_us + SECOND
        for told in (
            Finding(one, "created", at_us, known[one.rule_id]),
            Finding(one, "updated", at_us, known[one.rule_id], link="https://console.example/session?id=s_1"),
            Finding(withdrawn, "closed", at_us, known[one.rule_id]),
        ):
            assert problems(form, told) == [], one.rule_id


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "triage",
    [
        TriageRow("a", "bank", "acknowledged", owner="bob"),
        TriageRow("a", "bank", "resolved", "benign", "bob"),
        TriageRow("a", "bank", "resolved", "false_alarm", "bob"),
        TriageRow("a", "bank", "resolved", "confirmed", "bob"),
    ],
)
def test_what_people_make_of_an_alert_keeps_to_the_schema(form: Format, triage: TriageRow) -> None:
    assert problems(form, finding(triage=triage)) == []


@pytest.mark.parametrize("form", FORMATS)
def test_an_alert_about_nobody_and_nowhere_keeps_to_the_schema(form: Format) -> None:
    bare = msgspec.structs.replace(
        alert(session_id=None, user_id=None), ip=None, network=None, usual={}, evidence=(), key_kind="app"
    )
    assert problems(form, finding(bare)) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_network_without_an_address_and_a_drill_under_an_exception_keep_to_the_schema(form: Format) -> None:
    odd = msgspec.structs.replace(
        alert(drill="d1"), ip=None, asn=64500, network_type="hosting", tool="curl/8", model_id="m1",
        suppressed_by="network team: egress", device_id="d" * 40,
    )  # fmt: skip
    assert problems(form, finding(odd)) == []


def test_the_schema_refuses_what_it_does_not_know() -> None:
    damaged = document("ocsf") | {"severity_id": "high", "surprise": 1}
    del damaged["finding_info"]["uid"]
    found = " ".join(ocsf_problems(damaged))
    for wrong in ("$.severity_id: 'high' is not of type", "'surprise' was unexpected", "'uid' is a required property"):
        assert wrong in found


def test_the_fields_of_ecs_are_known_by_name_type_and_value() -> None:
    damaged = document("ecs")
    damaged["event"] |= {"kind": "alarm", "severity": "high", "surprise": 1, "type": ["denied"]}
    damaged["source"]["ip"] = "nowhere"
    del damaged["ecs"]
    found = " ".join(ecs_problems(damaged))
    for wrong in ("event.kind", "event.severity", "event.surprise", "event.type", "source.ip", "ecs.version"):
        assert wrong in found


def test_every_technique_of_the_rules_has_its_name(settings: Settings) -> None:
    named = {technique for rule in settings.rule_classes.values() for technique in rule.attack}
    assert named <= TECHNIQUES.keys()


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_client_chose_cannot_make_a_document_too_large_for_syslog(form: Format) -> None:
    flood = "\N{PILE OF POO}" * 2_000
    hostile = msgspec.structs.replace(
        alert(user_id=flood, severity=Severity.LOW), summary=flood, device_id=flood, tool=flood, key_value=flood,
        evidence=tuple(Evidence(f"{number:036}", SECOND, flood) for number in range(20)),
        usual={f"{number}": flood for number in range(20)},
    )  # fmt: skip
    told = finding(hostile)
    assert len(encode(told, form, MAX_DOCUMENT_BYTES)) <= MAX_DOCUMENT_BYTES
    assert problems(form, told) == []


@pytest.mark.parametrize("form", FORMATS)
def test_nor_can_what_a_rule_says_of_itself(form: Format) -> None:
    flood = "\N{PILE OF POO}" * 2_000
    hostile = msgspec.structs.replace(
        alert(rule_id=flood, user_id=flood, session_id=flood, summary=flood, drill=flood), device_id=flood, tool=flood,
        key_value=flood, ip="2001:db8:1111:2222:3333:4444:5555:6666", network="2001:db8:1111:2222::/64",
        suppressed_by=flood, network_type=flood, model_id=flood,
    )  # fmt: skip
    triage = TriageRow(hostile.alert_id, "bank", "acknowledged", None, flood, flood, flood, SECOND)
    analytic = Analytic(flood, tuple(f"T{number}" for number in range(1_000, 2_000)), (flood, flood))
    told = Finding(hostile, "updated", SECOND, analytic, triage, "https://console.example/" + "a" * 9_000)
    assert len(encode(told, form, MAX_DOCUMENT_BYTES)) <= MAX_DOCUMENT_BYTES
    shown = document(form, told, MAX_DOCUMENT_BYTES)
    assert (ecs_problems if form == "ecs" else ocsf_problems)(shown) == []
    assert "2001:db8:1111:2222:3333:4444:5555:6666" in str(shown)


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_runbook_costs_nothing_but_itself(form: Format) -> None:
    told = Finding(alert(), "created", SECOND, Analytic("Session used from two places", ("T1539",), ("look " * 2_000,)))
    text = encode(told, form, MAX_DOCUMENT_BYTES)
    assert "Used from another country and with another browser" in text
    assert "Session used from two places" in text
    assert "look look" not in text


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_is_one_line_of_ascii(form: Format) -> None:
    text = encode(finding(alert(user_id="jürgen\u2028\x1b[31m\nroot", summary="a\r\nb")), form, 8_192)
    assert text.isascii()
    assert text.isprintable()


def test_a_document_that_left_evidence_out_says_so() -> None:
    many = msgspec.structs.replace(alert(), evidence=tuple(Evidence(str(n), SECOND, "f" * 200) for n in range(20)))
    assert document("ocsf", finding(many))["metadata"]["is_truncated"] is False
    assert document("ocsf", finding(many), 6_000)["metadata"]["is_truncated"] is True


def test_an_unknown_rule_has_no_technique() -> None:
    told = Finding(alert(), "created", SECOND, Analytic("Something"))
    assert "attacks" not in document("ocsf", told)["finding_info"]
    assert "threat" not in document("ecs", told)


def test_the_shipped_copies_say_where_they_come_from() -> None:
    for copy in (Path(__file__).parent / "published").glob("*.json"):
        assert "Apache License" in copy.read_text()[:1_000]
