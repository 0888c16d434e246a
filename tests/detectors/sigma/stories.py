"""The words of Sigma tests: a rule as YAML, a stream, and what came of it."""

from __future__ import annotations

import textwrap
from typing import Any

from detectors.engine import Engine
from detectors.plan import Plan, RuleSetting
from detectors.rules import AnyRule
from detectors.sigma import SigmaRefused, SigmaSource, compile_rules
from schemas.event import Event
from tests.detectors.story import BERLIN, FIREFOX, Story, default_apps, event, final_alerts

FAILED_LOGIN = """
title: Failed login
name: failed_login
logsource: {product: sessionwatch}
detection:
  selection: {type: fail, reason: bad_credentials}
  condition: selection
"""

GOOD_LOGIN = """
title: Login
name: good_login
logsource: {product: sessionwatch}
detection:
  selection: {type: create, reason: login}
  condition: selection
"""


def single(selection: str, more: str = "", condition: str = "selection") -> str:
    """A rule named `one` with this selection."""
    body = textwrap.indent(textwrap.dedent(selection).strip(), "    ")
    head = "title: One\nname: one\nlogsource: {product: sessionwatch}\n"
    return f"{head}{textwrap.dedent(more)}\ndetection:\n  selection:\n{body}\n  condition: {condition}\n"


def correlation(body: str, *rules: str, more: str = "") -> str:
    """A correlation named `one` with the rules it refers to."""
    head = f"title: Many\nname: one\n{textwrap.dedent(more)}\ncorrelation:\n"
    return "\n---\n".join([*rules, head + textwrap.indent(textwrap.dedent(body).strip(), "  ") + "\n"])


def compiled(text: str, name: str = "one") -> type[AnyRule]:
    """The class of a rule."""
    return compile_rules([SigmaSource("rules.yml", text)])[name]


def refusal(text: str) -> str:
    """What is said of a text that is refused, one line a problem."""
    try:
        compile_rules([SigmaSource("rules.yml", text)])
    except SigmaRefused as refused:
        return str(refused)
    raise AssertionError("it was compiled")


def judged(rule: type[AnyRule], *stream: Event, setting: RuleSetting | None = None) -> Story:
    """What a rule makes of a stream, in the order given."""
    engine = Engine(Plan({rule.id: setting} if setting else None, rules={rule.id: rule}), default_apps())
    return Story(stream, final_alerts([engine.process(stream).changes, engine.finish().changes]).values())


def failed(user: str | None, at: float, ip: str | None = BERLIN, agent: str | None = FIREFOX, **fields: Any) -> Event:
    """A login that failed: no session, and the user where the account is known."""
    made = event("fail", user or "nobody", at, ip, agent, **{"reason": "bad_credentials", **fields})
    made.session_id = None
    made.user_id = user
    return made
