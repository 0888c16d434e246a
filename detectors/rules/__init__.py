"""The rules that ship, one a file, by id."""

from __future__ import annotations

from typing import Any

from detectors.rule import Rule
from detectors.rules.revocation_not_effective import RevocationNotEffective
from detectors.rules.session_hijack import SessionHijack
from detectors.rules.session_multi_network import SessionMultiNetwork
from detectors.rules.use_after_destroy import UseAfterDestroy
from detectors.rules.user_multi_ip import UserMultiIp

AnyRule = Rule[Any, Any]

BUILTIN: dict[str, type[AnyRule]] = {
    rule.id: rule for rule in (SessionHijack, SessionMultiNetwork, UserMultiIp, UseAfterDestroy, RevocationNotEffective)
}
