"""What is remembered of a configuration: which keys have changed, and never a secret."""

from __future__ import annotations

from pathlib import Path

from sessionwatch.config import Settings, load
from sessionwatch.settings_record import SettingsRecord
from store.audit_key import KEY_BYTES, AuditKey

KEY = AuditKey(b"k" * KEY_BYTES)


def record(folder: Path, text: str, **environ: str) -> SettingsRecord:
    """What is remembered of a configuration file."""
    file = folder / "sessionwatch.toml"
    file.write_text(text)
    return SettingsRecord.of(settings(file, environ), KEY)


def settings(file: Path, environ: dict[str, str]) -> Settings:
    """The configuration of a file."""
    return load(file, environ)


def test_the_same_configuration_is_known_again(tmp_path: Path) -> None:
    text = '[apps.bank]\nidle_timeout = "15m"\n'
    one, two = record(tmp_path, text), record(tmp_path, text)
    assert two.changes_since(one) == {}
    assert one.fingerprint == two.fingerprint


def test_switches_and_numbers_are_told_with_their_values(tmp_path: Path) -> None:
    before = record(tmp_path, "")
    after = record(tmp_path, "[response]\ndry_run = false\nmax_per_hour = 7\n")
    changes = after.changes_since(before)
    assert changes["response.dry_run"] == "true -> false"
    assert changes["response.max_per_hour"].endswith("-> 7")
    assert after.fingerprint != before.fingerprint


def test_of_a_text_only_that_it_changed_is_told(tmp_path: Path) -> None:
    before = record(tmp_path, '[kafka]\ngroup = "one"\n')
    assert record(tmp_path, '[kafka]\ngroup = "two"\n').changes_since(before) == {"kafka.group": "changed"}


def test_a_secret_is_neither_remembered_nor_told(tmp_path: Path) -> None:
    secrets = ("correct-horse-battery", "wrong-horse-battery")
    one, two = (record(tmp_path, "", SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD=secret) for secret in secrets)
    changes = two.changes_since(one)
    assert changes == {"kafka.sasl_plain_password": "changed"}
    assert "horse" not in one.fact + two.fact + str(changes)


def test_what_comes_and_goes_is_told_by_its_key(tmp_path: Path) -> None:
    empty, full = record(tmp_path, ""), record(tmp_path, '[apps.bank]\nidle_timeout = "15m"\n')
    assert full.changes_since(empty)["apps.bank.idle_timeout"] == "set to 900000000"
    assert empty.changes_since(full)["apps.bank.idle_timeout"] == "removed"


def test_an_item_of_a_list_is_known_by_its_name(tmp_path: Path) -> None:
    def tokens(*names: str) -> str:
        return "".join(f'[[api.tokens]]\nname = "{name}"\nrole = "viewer"\ntoken_file = "a.token"\n' for name in names)

    (tmp_path / "a.token").write_text("t" * 40)
    one, two = record(tmp_path, tokens("erin")), record(tmp_path, tokens("carol", "erin"))
    assert {place.rpartition(".")[0] for place in two.changes_since(one)} == {"api.tokens.carol"}


def test_what_was_stored_is_read_back(tmp_path: Path) -> None:
    one = record(tmp_path, "")
    stored = SettingsRecord.stored(one.fact)
    assert stored is not None
    assert one.changes_since(stored) == {}


def test_what_cannot_be_read_counts_as_nothing() -> None:
    assert SettingsRecord.stored(None) is None
    assert SettingsRecord.stored("") is None
    assert SettingsRecord.stored("[1]") is None
