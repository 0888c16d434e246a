from __future__ import annotations

from typing import Any

import pytest

from schemas.event import Event
from tests.detectors.sigma.stories import compiled, judged, refusal, single
from tests.detectors.story import BERLIN, BERLIN_IPV6, CURL, FIREFOX, NEW_YORK, alert, login, use


def meets(selection: str, event: Event, condition: str = "selection") -> bool:
    rule = compiled(single(selection, more="sessionwatch: {key: user}", condition=condition))
    return bool(judged(rule, event).alerts)


@pytest.mark.parametrize(
    ("selection", "fields", "expected"),
    [
        ("reason: login", {}, True),
        ("reason: LOGIN", {}, True),
        ("reason|cased: LOGIN", {}, False),
        ("reason: [sso, login]", {}, True),
        ("reason: lo*n", {}, True),
        ("reason: log?n", {}, True),
        ("reason: lo?n", {}, False),
        ("reason|contains: OGI", {}, True),
        ("reason|startswith: log", {}, True),
        ("reason|endswith: log", {}, False),
        ("user_agent|contains|all: [firefox, linux]", {}, True),
        ("user_agent|contains|all: [firefox, windows]", {}, False),
        ("user_agent|re: 'rv:1[45]\\d'", {}, True),
        ("user_agent|re: '^Gecko'", {}, False),
        ("user_agent|re: FIREFOX", {}, False),
        ("user_agent|re|i: FIREFOX", {}, True),
        ("reason|neq: login", {}, False),
        ("ip|cidr: 192.0.2.0/24", {}, True),
        ("ip|cidr: 192.0.2.0/29", {}, False),
        ("ip|cidr: 2001:db8::/32", {}, False),
        ("network|cidr: 192.0.0.0/16", {}, True),
        ("network: 192.0.2.0/24", {}, True),
        ("country: de", {}, True),
        ("asn: 64500", {}, True),
        ("asn|gt: 64500", {}, False),
        ("asn|gte: 64500", {}, True),
        ("asn|lt: 64501", {}, True),
        ("asn|lte: 64499", {}, False),
        ("token_generation|gt: 1", {}, False),
        ("device_id: null", {}, True),
        ("device_id: null", {"device_id": "d1"}, False),
        ("device_id|exists: true", {"device_id": "d1"}, True),
        ("device_id|exists: false", {}, True),
        ("device_id: ''", {"device_id": ""}, True),
        ("device_id: ''", {}, False),
        ("mfa: true", {"mfa": True}, True),
        ("mfa: true", {}, False),
        ("mfa: false", {"mfa": False}, True),
        ("input_flags: user_agent:cut", {"input_flags": ("user_agent:cut",)}, True),
        ("input_flags: null", {}, True),
        ("agent.family: firefox", {}, True),
        ("agent.os: linux", {}, True),
        ("agent.device_class: desktop", {}, True),
        ("attributes.tenant: Acme", {"attributes": {"tenant": "acme"}}, True),
        ("attributes.tenant: acme", {}, False),
        ("attributes.level|gte: 3", {"attributes": {"level": 3}}, True),
        ("attributes.level|gte: 3", {"attributes": {"level": "9"}}, False),
        ("attributes.paid: true", {"attributes": {"paid": True}}, True),
        ("attributes.paid: 1", {"attributes": {"paid": True}}, False),
        ("event_time|hour: 8", {}, True),
        ("event_time|hour|gte: 9", {}, False),
        ("user_id|fieldref: device_id", {"device_id": "ALICE"}, True),
        ("user_id|fieldref: device_id", {}, False),
        ("device_id|fieldref|startswith: user_id", {"device_id": "alice-phone"}, True),
        ("user_agent: 'a\\*b'", {"user_agent": "a*b"}, True),
        ("user_agent: 'a\\*b'", {"user_agent": "axb"}, False),
    ],
)  # fmt: skip
def test_a_field_against_a_value(selection: str, fields: dict[str, Any], expected: bool) -> None:
    agent = fields.get("user_agent", FIREFOX)
    rest = {name: value for name, value in fields.items() if name != "user_agent"}
    assert meets(selection, login("alice", 0, agent=agent, **rest)) is expected


def test_an_ipv6_address_is_inside_its_network() -> None:
    assert meets("ip|cidr: 2001:db8::/32", login("alice", 0, ip=BERLIN_IPV6))


def test_a_text_that_a_client_chose_breaks_nothing() -> None:
    odd = "\U0001f600 ÄÖ \ufffd" * 100
    assert meets("user_agent|re: Ä", login("alice", 0, agent=odd))
    assert meets("user_agent: '*äö*\ufffd*'", login("alice", 0, agent=odd))
    assert not meets("user_agent|contains: curl", login("alice", 0, agent=odd))


def test_a_regular_expression_takes_linear_time() -> None:
    assert not meets("user_agent|re: '^(a+)+$'", login("alice", 0, agent="a" * 1_000 + "b"))


def test_selections_are_joined_by_the_condition() -> None:
    text = """
title: One
name: one
logsource: {product: sessionwatch}
detection:
  accepted: {type: [create, validate]}
  script_curl: {agent.family: curl}
  script_old:
    - user_agent|contains: MSIE
    - {user_agent|contains: Trident, country: US}
  known: {ip|cidr: 192.0.2.0/24}
  condition: accepted and 1 of script_* and not known
"""
    rule = compiled(text)
    assert rule.key == "session"
    judged(rule, login("alice", 0, ip=NEW_YORK, agent=CURL)).then(alert("one", session="alice"))
    judged(rule, login("alice", 0, ip=BERLIN, agent=CURL)).silent()
    judged(rule, login("alice", 0, ip=NEW_YORK, agent="Trident/7")).then(alert("one"))
    judged(rule, login("alice", 0, ip=NEW_YORK)).silent()


def test_only_the_types_that_can_meet_it_are_asked_for() -> None:
    key = "sessionwatch: {key: user}"
    assert compiled(single("{type: [create, validate], country: DE}")).needs == {"create", "validate"}
    assert compiled(single("country: DE", more=key)).needs == {"create", "validate", "fail", "destroy"}
    assert compiled(single("type: validate", more=key, condition="not selection")).needs == {
        "create", "fail", "destroy", "heartbeat",
    }  # fmt: skip
    assert compiled(single("type: heartbeat", more="sessionwatch: {key: app}")).needs == {"heartbeat"}


def test_each_hit_of_a_session_is_the_same_alert() -> None:
    rule = compiled(single("{type: [create, validate], agent.family: curl}"))
    stream = (login("alice", 0), use("alice", 5, agent=CURL), use("alice", 9, agent=CURL))
    judged(rule, *stream).then(alert("one", session="alice", hits=2))


ECS = """
title: One
name: one
logsource: {product: sessionwatch}
detection:
  selection:
    type: create
    source.ip|cidr: 192.0.2.0/24
    source.geo.country_iso_code: DE
    source.as.number: 64500
    user.id: alice
    user_agent.original|contains: firefox
    user_agent.name: Firefox
    labels.tenant: acme
    event.reason: login
    service.name: bank
  condition: selection
"""


def test_names_of_the_elastic_common_schema_mean_our_fields() -> None:
    rule = compiled(ECS)
    judged(rule, login("alice", 0, attributes={"tenant": "acme"})).then(alert("one"))
    judged(rule, login("alice", 0, ip=NEW_YORK, attributes={"tenant": "acme"})).silent()


def test_an_ecs_name_without_an_equal_is_refused() -> None:
    assert "user.name" in refusal(ECS.replace("user.id:", "user.name:"))
