"""The settings in the form in which the rooms take them."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.plan import Plan
from detectors.rules import BUILTIN
from ingest.places import KnownNetwork
from response.policy import PolicyLine
from schemas.app import Apps
from sessionwatch.config.problem import nearest
from sessionwatch.config.settings import Settings
from sessionwatch.errors import ConfigurationError


def declared_apps(settings: Settings) -> Apps:
    """Return the apps as they are declared.

    Raises:
        ConfigurationError: a signing key file has become unreadable.
    """
    return Apps({name: app.policy(name) for name, app in settings.apps.items()})


def known_networks(settings: Settings) -> list[KnownNetwork]:
    """Return the networks that the operator has named."""
    return [
        KnownNetwork(network.cidr, network.type, network.asn, network.country, network.owner)
        for network in settings.networks
    ]


def rule_plan(settings: Settings, only: Sequence[str] | None = None) -> Plan:
    """Return the rules in force.

    Args:
        settings: the configuration.
        only: run these ids alone.

    Raises:
        ConfigurationError: an id in `only` is no rule's.
    """
    unknown = [name for name in only or () if name not in BUILTIN]
    if unknown:
        raise ConfigurationError([f'no rule is named "{name}"{nearest(name, BUILTIN)}' for name in unknown])
    return Plan(settings.rules, only=only)


def policy_lines(settings: Settings) -> tuple[PolicyLine, ...]:
    """Return the user's own policy lines, in their order."""
    return tuple(
        PolicyLine(
            do=line.do,
            severities=frozenset(line.match.severity or ()),
            rules=frozenset(line.match.rule or ()),
            apps=frozenset(line.match.app or ()),
        )
        for line in settings.response.policy
    )
