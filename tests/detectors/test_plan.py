from __future__ import annotations

from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from detectors.rules.user_multi_ip import UserMultiIpParameters
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE
from tests.detectors.story import CURL, NEW_YORK, alert, given, login, use

HIJACK = (login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL))


def test_a_rule_that_is_off_sees_nothing() -> None:
    given(*HIJACK, rules="session-hijack", settings={"session-hijack": RuleSetting(mode="off")}).silent()


def test_off_in_one_app_alone() -> None:
    off = {"session-hijack": RuleSetting(by_app={"bank": RuleSetting(mode="off")})}
    elsewhere = (login("bob", at=0, app="shop"), use("bob", at=60, app="shop", ip=NEW_YORK, agent=CURL))
    given(*HIJACK, *elsewhere, rules="session-hijack", settings=off).then(alert("session-hijack", user="bob"))


def test_a_shadow_rule_alerts_with_its_mode() -> None:
    (found,) = given(*HIJACK, rules="session-hijack", settings={"session-hijack": RuleSetting(mode="shadow")}).alerts
    assert found.mode == "shadow"


def test_the_fingerprint_changes_with_whatever_decides_a_judgement() -> None:
    plain = Plan().fingerprint(Apps())
    assert Plan().fingerprint(Apps()) == plain
    assert Plan({"user-multi-ip": RuleSetting(UserMultiIpParameters(networks=4))}).fingerprint(Apps()) != plain
    assert Plan({"user-multi-ip": RuleSetting(mode="off")}).fingerprint(Apps()) != plain
    declared = Apps({"bank": AppPolicy("bank", clock_skew_us=MINUTE)})
    assert Plan().fingerprint(declared) != plain


def test_a_signing_key_is_no_part_of_the_fingerprint() -> None:
    bare, signed = (Apps({"bank": AppPolicy("bank", signing_keys=keys)}) for keys in ({}, {"k1": b"x" * 32}))
    assert Plan().fingerprint(bare) == Plan().fingerprint(signed)


NO_ATTACKS = {"expiry-in-use", "session-store-lost", "sessions-without-end"}
"""What these find is an app's own doing."""


def test_every_rule_says_what_it_is() -> None:
    for rule_id, rule in BUILTIN.items():
        assert rule.id == rule_id
        assert rule.title
        assert len(rule.runbook) >= 2
        assert bool(rule.attack) != (rule_id in NO_ATTACKS)
        assert rule.__doc__
        module = __import__(rule.__module__, fromlist=["_"])
        assert "Source:" in module.__doc__ or "decision" in module.__doc__
        assert "false positives" in module.__doc__
        for name, field in rule.Parameters.model_fields.items():
            assert field.description, f"{rule_id}.{name} is not documented"
