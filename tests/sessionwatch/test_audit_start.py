"""What a start of the pipeline writes into the audit log."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sessionwatch.audit_key import AUDIT_KEY_NAME, make_audit_key, read_audit_key
from sessionwatch.audit_start import CHANGED, STARTED, TROUBLE, beginning
from sessionwatch.config import Settings, load
from sessionwatch.errors import ConfigurationError
from store.audit_key import AuditKey
from store.database import Database
from store.rows import AuditLine

NOW = 1_800_000_000_000_000


def settings(folder: Path, **environ: str) -> Settings:
    """A configuration whose store is in a folder."""
    return load(None, {"SESSIONWATCH__STORE__PATH": str(folder / "data" / "store.duckdb"), **environ})


def start(configured: Settings, key: AuditKey | None = None) -> list[AuditLine]:
    """Begin as a pipeline does, and end; return the lines."""
    with Database.open(configured.store.path) as database:
        key = key or make_audit_key(configured.store)
        writer = database.writer(key)
        begun = beginning(configured, key, database.reader(), NOW)
        with writer.transaction():
            writer.append_audit(begun.lines)
            writer.save_facts(begun.facts)
            writer.checkpoint_audit(NOW, always=True)
    return list(begun.lines)


def test_the_first_start_notes_the_configuration(tmp_path: Path) -> None:
    started, noted = start(settings(tmp_path))
    assert (started.actor, started.act) == ("pipeline", STARTED)
    assert noted.act == "configuration noted"


def test_a_start_with_the_same_configuration_says_nothing_of_it(tmp_path: Path) -> None:
    start(settings(tmp_path))
    assert [line.act for line in start(settings(tmp_path))] == [STARTED]


def test_a_start_names_the_keys_that_have_changed(tmp_path: Path) -> None:
    start(settings(tmp_path))
    password = {"SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD": "horse-battery"}
    [_, changed] = start(settings(tmp_path, SESSIONWATCH__RESPONSE__DRY_RUN="false", **password))
    assert changed.act == CHANGED
    assert changed.details == {"kafka.sasl_plain_password": "changed", "response.dry_run": "true -> false"}
    assert changed.why.endswith("; kafka.sasl_plain_password, response.dry_run")
    assert "horse" not in str(changed)


def test_what_was_done_to_the_file_meanwhile_is_told_and_nothing_stops(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    start(configured)
    connection = duckdb.connect(str(configured.store.path))
    connection.execute("INSERT INTO audit SELECT line + 2, * EXCLUDE (line) FROM audit WHERE line = 1")
    connection.close()
    [_, trouble] = start(configured)
    assert (trouble.act, trouble.why) == (TROUBLE, "line 3 was line 1: it was moved")


def test_a_new_key_is_told(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    start(configured)
    before = read_audit_key(configured.store).public
    (configured.store.path.parent / AUDIT_KEY_NAME).unlink()
    [_, trouble] = start(configured)
    assert trouble.why == f"the last checkpoint: it is signed by another key ({before})"


def test_the_key_may_lie_elsewhere(tmp_path: Path) -> None:
    configured = settings(tmp_path, SESSIONWATCH__STORE__AUDIT_KEY_FILE=str(tmp_path / "elsewhere.key"))
    start(configured)
    assert (tmp_path / "elsewhere.key").stat().st_mode & 0o777 == 0o600
    assert not (configured.store.path.parent / AUDIT_KEY_NAME).exists()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    start(configured)
    (configured.store.path.parent / AUDIT_KEY_NAME).chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read the audit key"):
        read_audit_key(configured.store)


def test_lines_are_kept_as_long_as_events_at_least(tmp_path: Path) -> None:
    configured = settings(tmp_path, SESSIONWATCH__STORE__AUDIT_RETENTION="90d")
    assert configured.store.audit_kept == configured.store.retention
