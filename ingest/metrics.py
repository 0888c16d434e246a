"""Every metric of the pipeline, by name and meaning, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics, in a registry of their own. No label holds anything that a sender can choose freely."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "sessionwatch_events", "Events stored, by app and type", ["app", "type"], registry=self.registry
        )
        self.dead_letters = Counter(
            "sessionwatch_dead_letters", "Messages refused, by reason", ["reason"], registry=self.registry
        )
        self.duplicates = Counter(
            "sessionwatch_duplicates", "Events excluded because they were known", registry=self.registry
        )
        self.late = Counter(
            "sessionwatch_late_events", "Events older than the bound of disorder", registry=self.registry
        )
        self.alerts = Counter(
            "sessionwatch_alerts", "Changes of alerts, by rule, severity and kind", ["rule", "severity", "change"],
            registry=self.registry,
        )  # fmt: skip
        self.revocations = Counter(
            "sessionwatch_revocations", "Revocations that entered a state", ["state"], registry=self.registry
        )
        self.rule_errors = Counter(
            "sessionwatch_rule_errors", "Alerts that people judged a false alarm or whose revocation they released",
            ["rule"], registry=self.registry,
        )  # fmt: skip
        self.gaps = Counter(
            "sessionwatch_gaps",
            "Places where offsets did not fit the topic, or records could not be read",
            registry=self.registry,
        )
        self.rerun_differences = Counter(
            "sessionwatch_rerun_differences", "Alerts that a re-run at the start judged otherwise than stored",
            registry=self.registry,
        )  # fmt: skip
        self.rule_faults = Gauge(
            "sessionwatch_rule_faults", "Times a rule raised an error since the start", registry=self.registry
        )
        self.keys = Gauge("sessionwatch_keys", "Keys in memory, by kind", ["kind"], registry=self.registry)
        self.keys_evicted = Gauge(
            "sessionwatch_keys_evicted", "Keys dropped because a bound was reached", registry=self.registry
        )
        self.lag = Gauge(
            "sessionwatch_lag_records",
            "Records not yet read, by partition",
            ["partition"],
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "sessionwatch_batch_seconds", "Time from poll to commit of one batch", buckets=_LATENCY_S,
            registry=self.registry,
        )  # fmt: skip
        self.event_age_seconds = Histogram(
            "sessionwatch_event_age_seconds", "Age of the newest event of a batch at its commit", buckets=_LATENCY_S,
            registry=self.registry,
        )  # fmt: skip
        self.outbox_pending = Gauge(
            "sessionwatch_outbox_pending", "Messages that still have to leave", registry=self.registry
        )
