"""The destinations of the configuration for alerts, each made of its section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest.topics import ensure_topic
from response.budget_alert import RULE_ID as BUDGET
from response.dead_letter_topic import TopicProducer
from response.escalation import RULE_ID as WITHOUT_EFFECT
from response.siem.destination import MAX_BYTES, Destination, Way
from response.siem.file import AlertFile
from response.siem.finding import Analytic
from response.siem.syslog import MAX_DOCUMENT_BYTES, Syslog
from sessionwatch.config import Settings
from sessionwatch.config.siem import SiemSettings

_OF_THE_PIPELINE = {
    BUDGET: Analytic("A budget of automatic revocations is spent"),
    WITHOUT_EFFECT: Analytic("The app does not end sessions that are revoked"),
    "user-verdict": Analytic("A user said that it was not them", ("T1078",)),
}
"""Alerts that no rule makes of events."""


def open_destinations(settings: Settings) -> list[Destination]:
    """Return the destinations; nothing is connected or opened yet."""
    return [
        Destination(
            one.name,
            one.format,
            _way(one, settings),
            one.min_severity,
            one.shadow,
            MAX_DOCUMENT_BYTES if one.to == "syslog" else MAX_BYTES,
        )
        for one in settings.siem
    ]


def make_siem_topics(settings: Settings) -> None:
    """Create the topics that are missing.

    Raises:
        SourceError: the brokers do not answer, or refuse it.
    """
    for topic in _topics(settings.siem):
        ensure_topic(settings.kafka.client(), topic)


def analytics(settings: Settings) -> Mapping[str, Analytic]:
    """Return what is known of rules, by id."""
    rules = {
        rule_id: Analytic(rule.title, tuple(rule.attack), tuple(rule.runbook))
        for rule_id, rule in settings.rule_classes.items()
    }
    return {**_OF_THE_PIPELINE, **rules}


def _topics(siem: Iterable[SiemSettings]) -> list[str]:
    return sorted({one.topic for one in siem if one.to == "kafka"})


def _way(one: SiemSettings, settings: Settings) -> Way:
    match one.to:
        case "file":
            return AlertFile(one.path)
        case "kafka":
            client = settings.kafka.producer()
            return TopicProducer(one.topic, client.pop("bootstrap_servers"), lane=f"siem:{one.name}", **client)
    host, port = one.receiver
    return Syslog(host, port, one.format, transport=one.transport, facility=one.facility, tls=one.tls())
