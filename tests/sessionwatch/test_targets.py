"""Targets of the configuration find what they need in the store and at the brokers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from response.clock import now_us
from response.outcome import DELIVERED
from sessionwatch.assembly import _idp_sessions, open_targets
from sessionwatch.config import Settings, load
from sessionwatch.config.parts import declared_apps
from sessionwatch.targets import make_topics
from tests.response.given import APPS, SESSION, Pipeline, use
from tests.response.targets.asked import asked
from tests.response.targets.test_contract_of_providers import Everything

TARGET = '[[response.targets]]\nname = "t"\napp = "bank"\n'


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Settings]:
    (tmp_path / "secret").touch(mode=0o600)

    def settings(text: str, secret: str = "a client's secret") -> Settings:
        (tmp_path / "secret").write_text(secret)
        file = tmp_path / "sessionwatch.toml"
        file.write_text(text)
        return load(file, {})

    return settings


def test_a_session_is_ended_by_the_name_that_the_app_has_told(tmp_path: Path, read: Callable[..., Settings]) -> None:
    with Everything() as provider, Pipeline(tmp_path) as pipeline:
        pipeline.turn([msgspec.structs.replace(use(SESSION), idp_session_id="kc-1"), use(SESSION)])
        own = f'kind = "keycloak"\nurl = "{provider.url}"\nrealm = "r"\nclient_id = "c"\nallow_private = true\n'
        settings = read(f'[apps.bank]\n{TARGET}{own}secret_file = "secret"\n')
        [target] = open_targets(settings, None, _idp_sessions(pipeline.database, APPS, now_us))
        assert target.deliver(asked(session_id=SESSION)) == DELIVERED
        assert provider.calls() == ["DELETE /admin/realms/r/sessions/kc-1"] * 2
        target.close()


@pytest.mark.apache
def test_the_topic_of_revocations_is_compacted(read: Callable[..., Settings], apache) -> None:  # type: ignore[no-untyped-def]
    topic = f"session-revocations-{uuid.uuid4()}"
    settings = read(
        f'[kafka]\nbootstrap_servers = ["{apache.bootstrap_servers}"]\n[apps.bank]\nabsolute_timeout = "60d"\n'
        f'{TARGET}kind = "kafka"\ntopic = "{topic}"\nsecret_file = "secret"\n',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    make_topics(settings, declared_apps(settings))
    admin = KafkaAdminClient(bootstrap_servers=apache.bootstrap_servers)
    try:
        said = str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
    finally:
        admin.close()
    assert "compact,delete" in said
    assert str(60 * 24 * 3600 * 1000) in said
