"""What identity providers say: rules whose alerts come with a security event and not with what an app tells."""

from __future__ import annotations

from detectors.provider.statements import (
    AccountDisabled,
    CredentialChange,
    ProviderStatement,
    RiskLevelChange,
    SessionRevoked,
)
from detectors.rules import AnyRule

PROVIDER: dict[str, type[AnyRule]] = {
    rule.id: rule for rule in (SessionRevoked, CredentialChange, RiskLevelChange, AccountDisabled)
}
"""By id. Without a provider in the configuration none of them ever says anything."""

__all__ = ["PROVIDER", "ProviderStatement"]
