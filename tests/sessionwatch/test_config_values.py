"""What a valid configuration means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from schemas.alert import Severity
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from sessionwatch.config import load
from sessionwatch.config.parts import declared_apps, guard_limits, known_networks, policy_lines, rule_plan
from sessionwatch.errors import ConfigurationError

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Read

# Apprise asks for a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_an_empty_file_is_valid(read: Read) -> None:
    settings = read("")
    assert settings.kafka.bootstrap_servers == ("127.0.0.1:9092",)
    assert settings.store.retention == 180 * DAY
    assert settings.response.dry_run


def test_the_default_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).store.path == Path("data/sessionwatch.duckdb")


def test_the_default_file_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sessionwatch.toml").write_text('[kafka]\ngroup = "here"')
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).kafka.group == "here"


def test_paths_start_at_the_folder_of_the_file(read: Read, tmp_path: Path) -> None:
    assert read("").store.path == tmp_path / "data/sessionwatch.duckdb"
    assert read('[store]\npath = "x.duckdb"').store.path == tmp_path / "x.duckdb"
    assert read(f'[store]\npath = "{os.sep}x.duckdb"').store.path == Path("/x.duckdb")


def test_a_byte_order_mark_does_no_harm(read: Read) -> None:
    assert read('\ufeff[kafka]\ngroup = "x"').kafka.group == "x"


def test_settings_cannot_be_changed(read: Read) -> None:
    settings = read("")
    with pytest.raises(ValidationError):
        settings.response.dry_run = False


def test_the_example_of_the_design_is_understood(read: Read, webhook_secret: Path) -> None:
    settings = read(
        """
        [apps.bank]
        kind = "cookie"
        idle_timeout = "15m"
        absolute_timeout = "12h"
        max_sessions = 5
        rotates_on_login = true
        revoke_grace = "5s"
        clock_skew = "5s"
        realm = "bank"
        [[networks]]
        cidr = "198.51.100.0/24"
        type = "hosting"
        asn = 64500
        country = "NL"
        owner = "network team"
        [rules.session-hijack]
        mode = "enforce"
        severity = "critical"
        [rules.user-multi-ip]
        mode = "alert"
        networks = 3
        window = "10m"
        [rules.user-multi-ip.apps.bank]
        networks = 4
        [[chat]]
        url = "mailto://user:password@example.com"
        min_severity = "high"
        [response]
        dry_run = false
        max_share_per_hour = 0.02
        max_per_hour = 100
        protected_users = ["breakglass"]
        [[response.policy]]
        match = { severity = ["critical"] }
        do = ["notify", "revoke_session"]
        [[response.targets]]
        name = "bank"
        kind = "webhook"
        app = "bank"
        url = "https://bank.internal/session-revocations"
        secret_file = "bank.whsec"
        allow_private = true
        """
    )
    target = settings.response.targets[0]
    assert target.address() == "https://bank.internal/session-revocations"
    assert len(target.secrets()) == 1
    assert settings.chat[0].min_severity is Severity.HIGH
    assert settings.response.policy[0].do == ("notify", "revoke_session")


def test_an_app_is_declared_as_the_pipeline_takes_it(read: Read) -> None:
    apps = declared_apps(read('[apps.bank]\nidle_timeout = "15m"\nclock_skew = "0s"\nrealm = "group"'))
    bank = apps["bank"]
    assert (bank.idle_timeout_us, bank.clock_skew_us, bank.realm) == (15 * MINUTE, 0, "group")
    assert bank.declared


def test_a_timeout_left_out_is_not_declared(read: Read) -> None:
    bank = declared_apps(read("[apps.bank]"))["bank"]
    assert bank.idle_timeout_us is None
    assert bank.absolute_timeout_us is None
    assert bank.realm == "bank"
    assert bank.revoke_grace_us == 5 * SECOND


def test_networks_are_handed_to_the_look_up(read: Read) -> None:
    (network,) = known_networks(read('[[networks]]\ncidr = "2001:db8::/32"\ntype = "vpn"'))
    assert (network.cidr, network.type, network.asn) == ("2001:db8::/32", "vpn", None)


def test_policy_lines_keep_their_order(read: Read) -> None:
    lines = policy_lines(
        read(
            """
            [[response.policy]]
            match = {rule = ["session-hijack"], severity = ["high", "critical"]}
            do = ["revoke_session"]
            [[response.policy]]
            do = ["record"]
            """
        )
    )
    assert lines[0].severities == {Severity.HIGH, Severity.CRITICAL}
    assert lines[0].rules == {"session-hijack"}
    assert lines[1].do == ("record",)


def test_a_policy_line_knows_its_groups_and_hours(read: Read) -> None:
    [line] = policy_lines(
        read(
            """
            [response.user_groups.board]
            users = ["carol", "dave"]
            [[response.policy]]
            match = {user_group = ["board"], hours = "Mon-Fri 09:00-17:00 Europe/Berlin"}
            do = ["step_up"]
            widen = true
            """
        )
    )
    assert (line.groups, line.users, line.widen) == (("board",), {"carol", "dave"}, True)
    assert line.hours is not None
    assert line.hours.text == "Mon-Fri 09:00-17:00 Europe/Berlin"


def test_the_guard_has_its_limits(read: Read) -> None:
    limits = guard_limits(
        read(
            """
            [response]
            max_per_hour_in_all = 7
            user_cooldown = "2h"
            protected_networks = ["192.0.2.0/24"]
            privileged_users = ["root"]
            business_hours = "Mon-Fri 08:00-18:00"
            """
        ).response
    )
    assert (limits.max_per_hour_in_all, limits.user_cooldown_us) == (7, 2 * HOUR)
    assert (limits.protected_networks, limits.privileged_users) == (("192.0.2.0/24",), {"root"})
    assert limits.business_hours is not None


def test_rules_that_are_not_named_run_with_their_defaults(read: Read) -> None:
    assert {rule.id for rule in rule_plan(read("")).instances()} >= {"session-hijack", "user-multi-ip"}


def test_a_rule_is_set_by_mode_severity_and_parameters(read: Read) -> None:
    plan = rule_plan(read('[rules.user-multi-ip]\nmode = "shadow"\nseverity = "low"\nwindow = "1h"'))
    (rule,) = (rule for rule in plan.instances() if rule.id == "user-multi-ip")
    assert (rule.active_mode, rule.fixed_severity) == ("shadow", Severity.LOW)
    assert rule.parameters.model_dump() == {"networks": 3, "window": HOUR}


def test_a_rule_by_app_inherits_what_it_does_not_set(read: Read) -> None:
    plan = rule_plan(
        read(
            """
            [apps.bank]
            [rules.user-multi-ip]
            mode = "enforce"
            window = "1h"
            [rules.user-multi-ip.apps.bank]
            networks = 4
            """
        )
    )
    (rule,) = (rule for rule in plan.instances("bank") if rule.id == "user-multi-ip")
    assert rule.active_mode == "enforce"
    assert rule.parameters.model_dump() == {"networks": 4, "window": HOUR}


def test_a_rule_that_is_off_asks_for_no_retention(read: Read) -> None:
    text = '[store]\nretention = "20d"\n[rules.user-multi-ip]\nwindow = "30d"\n'
    with pytest.raises(ConfigurationError, match="the longest window of the rule user-multi-ip"):
        read(text)
    assert read(f'{text}mode = "off"\n').store.retention == 20 * DAY


def test_only_known_rules_can_be_asked_for(read: Read) -> None:
    with pytest.raises(ConfigurationError, match='did you mean "session-hijack"'):
        rule_plan(read(""), ["session-hijak"])


def test_baselines_ask_for_no_retention_of_events(read: Read) -> None:
    """They stand on the users' days, which are kept apart."""
    assert read('[store]\nretention = "30d"\n[rules.dormant-account]\nsilence = "120d"\n').store.retention == 30 * DAY
