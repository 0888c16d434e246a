"""`[[siem]]`: what each way takes, and what is told of what does not fit."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from response.dead_letter_topic import TopicProducer
from response.siem.file import AlertFile
from response.siem.syslog import MAX_DOCUMENT_BYTES, Syslog
from schemas.alert import Severity
from sessionwatch.config import load
from sessionwatch.config.warnings import warnings
from sessionwatch.siem import analytics, make_siem_topics, open_destinations

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read


def siem(keys: str, name: str = "soc") -> str:
    return f'[[siem]]\nname = "{name}"\n{keys}\n'


def test_every_way_is_opened_and_has_working_defaults(read: Read, tmp_path: Path) -> None:
    syslog = 'to = "syslog"\naddress = "siem:6514"'
    settings = read(siem('to = "kafka"', "topic") + siem('to = "file"', "file") + siem(syslog, "log"))
    topic, file, log = open_destinations(settings)
    assert [type(one.way) for one in (topic, file, log)] == [TopicProducer, AlertFile, Syslog]
    assert [one.lane for one in (topic, file, log)] == ["siem:topic", "siem:file", "siem:log"]
    assert {(one.form, one.min_severity, one.shadow) for one in (topic, file, log)} == {("ocsf", Severity.INFO, False)}
    assert log.max_bytes == MAX_DOCUMENT_BYTES
    assert settings.siem[1].path == tmp_path / "data" / "alerts.jsonl"
    assert settings.siem[2].transport == "tls"


def test_a_destination_can_be_set_by_the_environment(read: Read) -> None:
    settings = read(siem('to = "file"'), {"SESSIONWATCH__SIEM__SOC__FORMAT": "ecs"})
    assert settings.siem[0].format == "ecs"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('to = "syslog"', 'siem[0]: expected address, such as "siem.example:6514"'),
        ('to = "syslog"\naddress = "siem"', "siem[0].address: expected host:port"),
        ('to = "file"\ntopic = "x"', 'siem[0].topic: a destination to "file" has no such key'),
        ('to = "smoke"', 'siem[0].to: expected one of kafka, file, syslog, got "smoke"'),
        (
            'to = "syslog"\naddress = "siem:514"\ntransport = "tcp"\nca_file = "ca.pem"',
            'siem[0].ca_file: only the transport "tls" has certificates',
        ),
        ('to = "syslog"\naddress = "siem:6514"\nca_file = "ca.pem"', "siem[0].ca_file: cannot read"),
        (
            'to = "syslog"\naddress = "siem:6514"\nclient_key_file = "k.pem"',
            "siem[0].client_key_file: a key needs its certificate, client_cert_file",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(problems: Problems, keys: str, line: str) -> None:
    [told] = problems(siem(keys))
    assert told.startswith(line)


def test_two_destinations_of_one_name_are_refused(problems: Problems) -> None:
    assert problems(siem('to = "file"') + siem('to = "kafka"')) == ['siem[1].name: "soc" stands there 2 times']


@pytest.mark.parametrize(
    ("transport", "address", "warned"),
    [("udp", "siem.example:514", True), ("tcp", "127.0.0.1:514", False), ("tls", "siem.example:6514", False)],
)
def test_alerts_in_the_clear_are_worth_a_warning(read: Read, transport: str, address: str, warned: bool) -> None:
    settings = read(siem(f'to = "syslog"\naddress = "{address}"\ntransport = "{transport}"'))
    assert any("siem[0]" in line for line in warnings(settings)) is warned


def test_what_is_known_of_rules_covers_those_that_the_pipeline_raises_itself(read: Read) -> None:
    known = analytics(read(""))
    assert known["session-hijack"].attack == ("T1539",)
    assert known["idp-session-revoked"].title == "The identity provider has ended the session"
    assert known["guard-budget"].title
    assert known["user-verdict"].title


def test_a_missing_topic_is_created(tmp_path: Path, broker: str) -> None:
    topic, file = f"session-alerts-{uuid.uuid4()}", tmp_path / "sessionwatch.toml"
    file.write_text(f'[kafka]\nbootstrap_servers = ["{broker}"]\n' + siem(f'to = "kafka"\ntopic = "{topic}"'))
    make_siem_topics(load(file, {}))
    with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
        assert topic in admin.list_topics()
