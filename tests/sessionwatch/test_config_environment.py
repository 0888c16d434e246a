"""Environment variables over the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.instant import MINUTE
from tests.sessionwatch.conftest import private_file, webhook_secret_text

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read


def test_the_environment_wins_over_the_file(read: Read) -> None:
    assert read('[kafka]\ngroup = "file"', {"SESSIONWATCH__KAFKA__GROUP": "environment"}).kafka.group == "environment"


def test_other_variables_are_not_looked_at(read: Read) -> None:
    assert read("", {"SESSIONWATCH": "x", "SESSIONWATCH_DEBUG": "x", "KAFKA__GROUP": "x"}).kafka.group == "sessionwatch"


def test_a_text_stays_a_text_even_if_it_looks_like_a_number(read: Read) -> None:
    assert read("", {"SESSIONWATCH__KAFKA__GROUP": "5"}).kafka.group == "5"


@pytest.mark.parametrize("text", ["a:1,b:2", "a:1, b:2", '["a:1", "b:2"]'])
def test_a_list_is_written_with_commas_or_as_in_toml(read: Read, text: str) -> None:
    assert read("", {"SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS": text}).kafka.bootstrap_servers == (
        "a:1",
        "b:2",
    )


def test_numbers_and_truth_are_read_as_such(read: Read) -> None:
    response = read(
        "",
        {
            "SESSIONWATCH__RESPONSE__DRY_RUN": "False",
            "SESSIONWATCH__RESPONSE__MAX_PER_HOUR": "7",
            "SESSIONWATCH__RESPONSE__MAX_SHARE_PER_HOUR": "0.5",
        },
    ).response
    assert (response.dry_run, response.max_per_hour, response.max_share_per_hour) == (False, 7, 0.5)


def test_a_hyphen_is_an_underscore(read: Read) -> None:
    setting = read("", {"SESSIONWATCH__RULES__USER_MULTI_IP__WINDOW": "30m"}).rules["user-multi-ip"]
    assert setting.parameters is not None
    assert setting.parameters.model_dump()["window"] == 30 * MINUTE


def test_an_app_of_the_file_is_found_whatever_its_signs(read: Read) -> None:
    settings = read("[apps.my-web_app]", {"SESSIONWATCH__APPS__MY_WEB_APP__KIND": "token"})
    assert settings.apps["my-web_app"].kind == "token"


def test_an_app_can_be_declared_by_the_environment_alone(read: Read) -> None:
    assert read("", {"SESSIONWATCH__APPS__BANK__KIND": "sso"}).apps["bank"].kind == "sso"


def test_items_of_a_list_are_addressed_by_their_name(read: Read, webhook_secret: Path) -> None:
    settings = read(
        f"""
        [apps.bank]
        [[response.targets]]
        name = "other"
        kind = "webhook"
        app = "bank"
        url = "https://other.example/"
        secret_file = "{webhook_secret}"
        [[response.targets]]
        name = "bank"
        kind = "webhook"
        app = "bank"
        url = "https://bank.example/"
        secret_file = "{webhook_secret}"
        """,
        {"SESSIONWATCH__RESPONSE__TARGETS__bank__URL": "https://new.example/"},
    )
    assert [target.address() for target in settings.response.targets] == [
        "https://other.example/",
        "https://new.example/",
    ]


def test_a_target_can_be_made_by_the_environment_alone(read: Read) -> None:
    prefix = "SESSIONWATCH__RESPONSE__TARGETS__BANK__"
    settings = read(
        "[apps.bank]",
        {
            f"{prefix}KIND": "webhook",
            f"{prefix}APP": "bank",
            f"{prefix}URL": "https://bank.example/",
            f"{prefix}SECRET": webhook_secret_text(b"e"),
        },
    )
    assert settings.response.targets[0].secrets() == (webhook_secret_text(b"e"),)


def test_a_mistyped_target_lacks_its_required_keys(problems: Problems) -> None:
    kind, app = problems("", {"SESSIONWATCH__RESPONSE__TARGETS__BNK__URL": "https://x.example/"})
    assert kind.startswith("response.targets[0].kind: is missing: expected one of webhook, ")
    assert app == "response.targets[0].app: is missing: expected app name"


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "SESSIONWATCH__KAFKA__GRUOP",
            "x",
            'kafka.gruop (from SESSIONWATCH__KAFKA__GRUOP): unknown key; did you mean "group"?',
        ),
        (
            "SESSIONWATCH__RESPONSE__DRY_RUN",
            "yes",
            'response.dry_run (from SESSIONWATCH__RESPONSE__DRY_RUN): expected true or false, got "yes"',
        ),
        (
            "SESSIONWATCH__KAFKA",
            "x",
            'kafka (from SESSIONWATCH__KAFKA): expected table, got "x"',
        ),
        (
            "SESSIONWATCH__EXCEPTIONS__OPS__OWNER",
            "x",
            "SESSIONWATCH__EXCEPTIONS__OPS__OWNER: items of this list have no name: they can be set in the file only",
        ),
        (
            "SESSIONWATCH__KAFKA__GROUP__X",
            "x",
            "SESSIONWATCH__KAFKA__GROUP__X: kafka.group has no keys: it is a topic name",
        ),
        ("SESSIONWATCH__", "x", "SESSIONWATCH__: expected SESSIONWATCH__SECTION__KEY"),
    ],
)
def test_a_wrong_variable_is_named(problems: Problems, variable: str, value: str, line: str) -> None:
    assert problems("", {variable: value}) == [line]


def test_a_value_in_the_file_where_a_table_belongs_is_told(problems: Problems) -> None:
    found = problems("apps = 1", {"SESSIONWATCH__APPS__BANK__KIND": "sso"})
    assert found == [
        "SESSIONWATCH__APPS__BANK__KIND: the file has a value, no table, at apps",
        "apps: expected table, got 1",
    ]


def test_a_secret_file_can_be_named_by_the_environment(read: Read, tmp_path: Path) -> None:
    file = private_file(tmp_path / "password", "hunter2\n")
    settings = read("", {"SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD_FILE": str(file)})
    assert settings.kafka.client()["sasl_plain_password"] == "hunter2"
