"""`[[exceptions]]`: what one must say, and how it reaches the detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.instant import parse_rfc3339
from sessionwatch.config.parts import rule_plan
from sessionwatch.errors import ConfigurationError

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OFFICE = """
[[exceptions]]
rule = "session-multi-network"
where = { network = "192.0.2.0/24" }
owner = "network team"
reason = "office egress"
expires = 2027-01-31
"""


def test_it_holds_until_the_end_of_its_last_day(read: Read) -> None:
    (exception,) = rule_plan(read(OFFICE)).exceptions.listed
    assert (exception.rule, exception.network) == ("session-multi-network", "192.0.2.0/24")
    assert str(exception) == "network team: office egress"
    assert exception.expires_us == parse_rfc3339("2027-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("left_out", "field"),
    [("owner", "exceptions[0].owner"), ("reason", "exceptions[0].reason"), ("expires", "exceptions[0].expires")],
)
def test_nobody_excepts_anything_without_owner_reason_and_expiry(problems: Problems, left_out: str, field: str) -> None:
    text = "\n".join(line for line in OFFICE.splitlines() if not line.startswith(left_out))
    assert [line.partition(":")[0] for line in problems(text)] == [field]


def test_an_exception_names_which_hits(problems: Problems) -> None:
    (line,) = problems(OFFICE.replace('network = "192.0.2.0/24"', ""))
    assert line == "exceptions[0].where: expected at least one of network, asn, user_id, app, agent"


def test_the_rule_must_exist(read: Read) -> None:
    with pytest.raises(ConfigurationError, match='exceptions: no rule is named "session-hijak"'):
        rule_plan(read(OFFICE.replace("session-multi-network", "session-hijak")))
