"""Every kind of mistake in a configuration, and the line that tells it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionwatch.config import load
from sessionwatch.errors import ConfigurationError

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems

# Apprise asks for a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TARGET = """
[apps.bank]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # Unknown keys, and the nearest known one.
        ("[kafak]", 'kafak: unknown key; did you mean "kafka"?'),
        ('[kafka]\ngruop = "x"', 'kafka.gruop: unknown key; did you mean "group"?'),
        ("[response]\ndryrun = true", 'response.dryrun: unknown key; did you mean "dry_run"?'),
        (
            '[apps.bank]\nidle-timeout = "5m"',
            'apps.bank.idle-timeout: unknown key; did you mean "idle_timeout"?',
        ),
        (
            "[api]\nxyz = 1",
            "api.xyz: unknown key; known here: allowed_hosts, listen, public_url, requests_per_minute, token_file, "
            "tokens",
        ),
        ("[rules.sesion-hijack]", 'rules.sesion-hijack: unknown key; did you mean "session-hijack"?'),
        (
            '[rules.user-multi-ip]\nwindwo = "5m"',
            'rules.user-multi-ip.windwo: unknown key; did you mean "window"?',
        ),
        (
            '[apps."a b"]',
            "apps.\"a b\": expected 1 to 64 lower-case letters, digits, dots, hyphens and underscores, got 'a b'",
        ),
        # Wrong types and values, and what was expected.
        ("kafka = 1", "kafka: expected table, got 1"),
        ("chat = 1", "chat: expected list of tables, got 1"),
        ("[kafka]\ngroup = 5", "kafka.group: expected topic name, got 5"),
        (
            '[kafka]\nbootstrap_servers = "a:9092"',
            'kafka.bootstrap_servers: expected list of host:port, got "a:9092"',
        ),
        (
            "[kafka]\nbootstrap_servers = []",
            "kafka.bootstrap_servers: expected list of host:port that is not empty",
        ),
        (
            '[kafka]\nbootstrap_servers = ["nohost"]',
            'kafka.bootstrap_servers[0]: expected host:port such as "127.0.0.1:9092", got "nohost"',
        ),
        (
            '[kafka]\nrequest_timeout_ms = "5"',
            'kafka.request_timeout_ms: expected whole number from 0 up, got "5"',
        ),
        ("[kafka]\nlinger_ms = 1.5", "kafka.linger_ms: expected whole number from 0 up, got 1.5"),
        (
            '[kafka]\nsecurity_protocol = "SASL_SLS"',
            "kafka.security_protocol: expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, "
            'got "SASL_SLS"; did you mean "SASL_SSL"?',
        ),
        (
            '[kafka]\ndead_letter_topic = "session-events"',
            "kafka: events_topic and dead_letter_topic must differ: a dead letter would be read as an event",
        ),
        ('[api]\nlisten = "8400"', 'api.listen: expected host:port such as "127.0.0.1:9092", got "8400"'),
        (
            '[apps.bank]\nkind = "cooky"',
            'apps.bank.kind: expected one of cookie, token, sso, got "cooky"; did you mean "cookie"?',
        ),
        (
            "[apps.bank]\nmax_sessions = 0",
            "apps.bank.max_sessions: expected whole number (at least 1), got 0",
        ),
        (
            "[apps.bank]\nmax_sessions = true",
            "apps.bank.max_sessions: expected whole number (at least 1), got true",
        ),
        (
            "[apps.bank]\ntrust_location = 1",
            "apps.bank.trust_location: expected true or false, got 1",
        ),
        (
            '[apps.bank]\nidle_timeout = "2h"\nabsolute_timeout = "1h"',
            "apps.bank: idle_timeout is longer than absolute_timeout",
        ),
        (
            "[response]\nmax_share_per_hour = 2",
            "response.max_share_per_hour: expected number (above 0 and at most 1), got 2",
        ),
        (
            "[response]\nmax_share_per_hour = nan",
            "response.max_share_per_hour: expected number (above 0 and at most 1), got nan",
        ),
        (
            "[response]\nprotected_users = [1]",
            "response.protected_users[0]: expected text, got 1",
        ),
        (
            '[[networks]]\ntype = "office"',
            "networks[0].cidr: is missing: expected network such as 198.51.100.0/24",
        ),
        (
            '[[networks]]\ncidr = "198.51.100.5/24"',
            'networks[0].cidr: "198.51.100.5/24" has bits set beyond its prefix: did you mean "198.51.100.0/24"?',
        ),
        (
            '[[networks]]\ncidr = "here"',
            "networks[0].cidr: expected a network such as \"198.51.100.0/24\", got 'here'",
        ),
        (
            '[[networks]]\ncidr = "198.51.100.0/24"\ncountry = "nl"',
            'networks[0].country: expected two-letter country code such as "NL", got "nl"',
        ),
        (
            '[[networks]]\ncidr = "198.51.100.0/24"\n[[networks]]\ncidr = "198.51.100.0/24"',
            'networks[1].cidr: "198.51.100.0/24" stands there 2 times',
        ),
        (
            '[rules.user-multi-ip]\nmode = "enforced"',
            'rules.user-multi-ip.mode: expected one of off, shadow, alert, enforce, got "enforced"; '
            'did you mean "enforce"?',
        ),
        (
            "[rules.user-multi-ip]\nnetworks = 1",
            "rules.user-multi-ip.networks: expected whole number (at least 2 and at most 16), got 1",
        ),
        (
            '[rules.user-multi-ip]\nnetworks = "4"',
            'rules.user-multi-ip.networks: expected whole number (at least 2 and at most 16), got "4"',
        ),
        (
            '[apps.bank]\n[rules.user-multi-ip.apps.bank]\nwindow = "4"',
            'rules.user-multi-ip.apps.bank.window: expected a duration such as "30s", "15m", "12h" or "28d", got "4"',
        ),
        (
            '[[response.policy]]\nmatch = {severity = ["critcal"]}\ndo = ["notify"]',
            "response.policy[0].match.severity[0]: expected one of info, low, medium, high, critical, "
            'got "critcal"; did you mean "critical"?',
        ),
        (
            "[[response.policy]]\nmatch = {}",
            "response.policy[0].do: is missing: expected list of one of notify, record, step_up, revoke_session, "
            "revoke_user, revoke_network, lock_login",
        ),
        (
            '[[response.policy]]\nmatch = {hours = "9-17"}\ndo = ["notify"]',
            'response.policy[0].match.hours: expected hours such as "Mon-Fri 09:00-17:30 Europe/Berlin" '
            "(days and zone may be left out: every day, UTC), got '9-17'",
        ),
        (
            '[[response.policy]]\nmatch = {hours = "09:00-17:00 Europe/Berlni"}\ndo = ["notify"]',
            "response.policy[0].match.hours: no time zone is named 'Europe/Berlni': expected one such as Europe/Berlin",
        ),
        (
            '[response.user_groups.board]\nusers = ["carol"]\n'
            '[[response.policy]]\nmatch = {user_group = ["bord"]}\ndo = ["notify"]',
            'response.policy[0].match.user_group[0]: no group is named "bord"; did you mean "board"?',
        ),
        (
            '[response]\nprotected_networks = ["198.51.100.7/24"]',
            'response.protected_networks[0]: "198.51.100.7/24" has bits set beyond its prefix: '
            'did you mean "198.51.100.0/24"?',
        ),
        # Durations.
        (
            "[apps.bank]\nidle_timeout = 15",
            'apps.bank.idle_timeout: expected a duration such as "30s", "15m", "12h" or "28d", got 15',
        ),
        (
            '[apps.bank]\nclock_skew = "5 s"',
            'apps.bank.clock_skew: expected a duration such as "30s", "15m", "12h" or "28d", got "5 s"',
        ),
        ('[apps.bank]\nidle_timeout = "0s"', "apps.bank.idle_timeout: expected a duration above zero"),
        ('[store]\nretention = "99999d"', 'store.retention: expected a duration of at most "36500d"'),
        (
            '[store]\nretention = "5m"',
            'store.retention: expected at least "1d", the longest window of the rule distributed-spray',
        ),
        # Names that must exist elsewhere.
        (
            "[apps.bank]\n[rules.user-multi-ip.apps.bnk]\nnetworks = 4",
            'rules.user-multi-ip.apps.bnk: no app is named "bnk"; did you mean "bank"?',
        ),
        (
            '[apps.bank]\n[[response.policy]]\nmatch = {app = ["bnk"]}\ndo = ["notify"]',
            'response.policy[0].match.app[0]: no app is named "bnk"; did you mean "bank"?',
        ),
        (
            '[[response.policy]]\nmatch = {rule = ["session-hijak"]}\ndo = ["notify"]',
            'response.policy[0].match.rule[0]: no rule is named "session-hijak"; did you mean "session-hijack"?',
        ),
        (
            '[[response.policy]]\nmatch = {app = ["bank"]}\ndo = ["notify"]',
            'response.policy[0].match.app[0]: the app "bank" is not declared: write a table [apps.bank]',
        ),
        # Targets and chat.
        (TARGET, "response.targets[0]: expected url, url_file or url_command"),
        (
            TARGET + 'url = "https://bank.example/"',
            "response.targets[0]: expected secret_file (or the secret in the environment)",
        ),
        (
            TARGET + 'url = "http://bank.example/"\nsecret_file = "s"',
            "response.targets[0].url: expected https: only loopback may be reached without TLS",
        ),
        (
            TARGET + 'url = "bank"\nsecret_file = "s"',
            "response.targets[0].url: the URL must begin with https:// (http:// on loopback only) and name a host",
        ),
        (
            TARGET + 'url = "https://user:hunter2@bank.example"\nsecret_file = "s"',
            "response.targets[0].url: the URL must hold neither user nor password nor fragment",
        ),
        (
            TARGET + 'url = "https://bank.example/a b"\nsecret_file = "s"',
            "response.targets[0].url: the URL must be written in ASCII, without blanks and control characters",
        ),
        (
            TARGET + 'url = "https://bücher.example/"\nsecret_file = "s"',
            "response.targets[0].url: the URL must be written in ASCII, without blanks and control characters",
        ),
        (TARGET + "ulr = 1", 'response.targets[0].ulr: unknown key; did you mean "url"?'),
        ("[[chat]]", "chat[0]: expected url, url_file or url_command"),
        (
            '[[chat]]\nurl = "nowhere"',
            'chat[0]: expected an Apprise address such as "mailto://user:password@example.com"',
        ),
        (
            '[[chat]]\nurl = "syslog://local"',
            "chat[0]: syslog acts on this machine only, give a service that reaches people",
        ),
        (
            '[[chat]]\nurl = "nonsense://hunter2"',
            "chat[0]: Apprise cannot use this nonsense address, see https://appriseit.com/services/",
        ),
        (
            '[[chat]]\nurl = "json://chat.example/a,json://chat.example/b"',
            "chat[0]: several addresses in one: write one [[chat]] for each",
        ),
        (
            '[[chat]]\nurl = "x.syslog://local"',
            'chat[0]: expected an Apprise address such as "mailto://user:password@example.com"',
        ),
        # What is no value at all.
        (
            "[kafka]\nlinger_ms = 0x" + "f" * 5_000,
            "kafka.linger_ms: expected whole number from 0 up, got a number too long to show",
        ),
        (
            "[apps.bank]\nkind = 0x" + "f" * 5_000,
            "apps.bank.kind: expected one of cookie, token, sso, got a number too long to show",
        ),
        ('[store]\npath = "~nobody-of-this-name/x"', "store.path: expected a path: nobody's home is there"),
        ('[store]\npath = "a\\u202eb"', "store.path: expected a path"),
        # Settings of the client that are not for users.
        ('[kafka]\ngroup_id = "x"', 'kafka.group_id: cannot be set: use "group"'),
        (
            "[kafka]\nenable_auto_commit = true",
            "kafka.enable_auto_commit: cannot be set: offsets are stored with the events",
        ),
        ("[kafka]\nssl_context = 1", "kafka.ssl_context: cannot be set in a file: it takes a Python object"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(problems: Problems, text: str, line: str) -> None:
    assert problems(text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[api.oidc]", "api.oidc: not in this version"),
    ],
)
def test_what_a_later_version_brings_is_refused_by_name(problems: Problems, text: str, line: str) -> None:
    assert problems(text) == [line]


def test_every_mistake_is_listed_one_line_each(problems: Problems) -> None:
    found = problems(
        """
        [kafka]
        gruop = "x"
        [api]
        listen = 1
        [rules.user-multi-ip]
        mode = "on"
        [[response.policy]]
        match = {rule = ["none"]}
        do = ["notify"]
        """
    )
    assert [line.partition(":")[0] for line in found] == [
        "response.policy[0].match.rule[0]",
        "kafka.gruop",
        "api.listen",
        "rules.user-multi-ip.mode",
    ]


def test_a_wrong_parameter_is_told_once_although_apps_inherit_it(problems: Problems) -> None:
    found = problems("[apps.bank]\n[rules.user-multi-ip]\nnetworks = 1\n[rules.user-multi-ip.apps.bank]\nmode = 'off'")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[kafka", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"1" * 5_000, "a number is too long"),
        (b"#" * (4 * 1024 * 1024 + 1), "larger than 4 MiB, which is no configuration"),
    ],
)
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "f.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert caught.value.problems == [f"{file}: {told}"]


@pytest.mark.parametrize("value", ["[" * 100_000, "[" + "1" * 5_000 + "]", "[1"])
def test_a_list_in_the_environment_that_is_none_is_one_line(problems: Problems, value: str) -> None:
    (line,) = problems("", {"SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS": value})
    assert line.startswith(
        "kafka.bootstrap_servers (from SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS): expected list of host:port, got"
    )


PRIVATE = [
    "127.0.0.1", "127.1", "0x7f000001", "localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1",
    "192.168.1.1", "169.254.169.254", "[fd00::1]", "[fe80::1]", "100.64.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_destination_must_be_allowed(problems: Problems, webhook_secret: Path, host: str) -> None:
    text = TARGET + f'url = "https://{host}:8443/hook"\nsecret_file = "{webhook_secret}"\n'
    (line,) = problems(text)
    assert line.startswith("response.targets[0].url: ")
    assert line.endswith(" is not public: set allow_private = true if that is meant")
    assert problems(text + "allow_private = true") == []


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255"])
def test_what_is_no_address_of_one_host_is_never_allowed(problems: Problems, webhook_secret: Path, host: str) -> None:
    text = TARGET + f'url = "https://{host}/"\nsecret_file = "{webhook_secret}"\nallow_private = true'
    (line,) = problems(text)
    assert line.endswith(" is no address of one host")


@pytest.mark.parametrize("host", ["10.0.0.1", "bank.example", "1.1.1.1"])
def test_plain_http_is_for_loopback_alone(problems: Problems, webhook_secret: Path, host: str) -> None:
    text = TARGET + f'url = "http://{host}/"\nsecret_file = "{webhook_secret}"\nallow_private = true'
    assert problems(text) == ["response.targets[0].url: expected https: only loopback may be reached without TLS"]


@pytest.mark.parametrize("host", ["bank.example", "1.1.1.1", "[2606:4700::1111]", "localhost.example"])
def test_what_is_public_or_a_name_is_taken(problems: Problems, webhook_secret: Path, host: str) -> None:
    assert problems(TARGET + f'url = "https://{host}/"\nsecret_file = "{webhook_secret}"') == []


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load(tmp_path / "none.toml", {})


def test_a_wrong_value_cannot_forge_another_line(problems: Problems) -> None:
    (line,) = problems('[apps.bank]\nkind = "a\\n\\u202ebank"')
    assert line == 'apps.bank.kind: expected one of cookie, token, sso, got "a�\N{REPLACEMENT CHARACTER}bank"'


_WORDS = st.sampled_from(
    ["api", "apps", "bank", "chat", "do", "group", "kafka", "kind", "listen", "match", "mode", "name",
     "networks", "path", "policy", "response", "rules", "secret_file", "store", "targets", "url",
     "user-multi-ip", "window"]
)  # fmt: skip
_VALUES = st.recursive(
    st.sampled_from(['"15m"', '""', '"a:1"', "1", "-1", "0.5", "nan", "true", "2026-01-01", '"\\u0000"', "[]"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(_WORDS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=12,
)


@given(table=st.dictionaries(_WORDS, _VALUES, max_size=4), environ=st.dictionaries(_WORDS, st.text(max_size=5)))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_a_file_or_environment_ends_in_a_traceback(
    tmp_path: Path, table: dict[str, str], environ: dict[str, str]
) -> None:
    file = tmp_path / "any.toml"
    file.write_text("\n".join(f"{key} = {value}" for key, value in table.items()), encoding="utf-8")
    variables = {f"SESSIONWATCH__{key.upper()}__{key}": value for key, value in environ.items()}
    found = ["valid"]
    try:
        load(file, variables)
    except ConfigurationError as error:
        found = error.problems
    assert found
    assert all(line and "\n" not in line for line in found)
