"""docs/configuration.md says what the models say."""

from __future__ import annotations

from sessionwatch.config.reference import PAGE, render, rows


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m sessionwatch.config.reference"


def test_every_key_says_what_it_means() -> None:
    assert [row.key for row in rows() if not row.meaning.endswith(".")] == []


def test_a_timeout_that_is_not_set_is_not_judged() -> None:
    defaults = {row.key: row.default for row in rows()}
    assert defaults["apps.<name>.idle_timeout"] == "not set"
    assert defaults["apps.<name>.absolute_timeout"] == "not set"
    assert defaults["apps.<name>.max_sessions"] == "not set"


def test_defaults_are_written_as_in_the_file() -> None:
    defaults = {row.key: row.default for row in rows()}
    assert defaults["store.retention"] == '`"180d"`'
    assert defaults["response.dry_run"] == "`true`"
    assert defaults["rules.user-multi-ip.window"] == '`"10m"`'
    assert defaults["networks[].cidr"] == "required"
