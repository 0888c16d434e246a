"""The settings in the form in which the rooms take them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from detectors.exceptions import Exceptions
from detectors.learned import LEARNED
from detectors.lists import NetworkList
from detectors.plan import Plan
from ingest.geo_files import GeoFileError, GeoFiles
from ingest.places import KnownNetwork, Places
from response.guard import Limits
from response.hours import parse_hours
from response.policy import PolicyLine
from schemas.app import Apps
from sessionwatch.config.problem import nearest
from sessionwatch.config.response import ResponseSettings
from sessionwatch.config.settings import Settings
from sessionwatch.errors import ConfigurationError
from sessionwatch.learned import find_model
from sessionwatch.list_file import ListFileError, read_list

log = structlog.get_logger(__name__)


APPS_AT_ONCE = 3
"""Apps that may spend all of their hour at once, where nothing is said about all together."""


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


def known_places(settings: Settings) -> Places:
    """Return the address look-up: the operator's networks and MMDB files.

    Raises:
        ConfigurationError: a file cannot be opened, or is no MMDB file.
    """
    try:
        files = GeoFiles(settings.geo.files) if settings.geo.files else None
    except GeoFileError as error:
        raise ConfigurationError([f"geo.files: {error}"]) from None
    return Places(known_networks(settings), files)


def rule_plan(settings: Settings, only: Sequence[str] | None = None, *, with_lists: bool = True) -> Plan:
    """Return the rules in force.

    Args:
        settings: the configuration.
        only: run these ids alone.
        with_lists: read the files of network lists now; else signals will tell of them.

    Raises:
        ConfigurationError: an id in `only`, or of an exception, is no rule's.
    """
    rules = settings.rule_classes
    check_rules(settings, only or ())
    exceptions = known_exceptions(settings)
    model = find_model(settings.models, settings.rules) if only is None or LEARNED.keys() & set(only) else None
    if model is None:
        # Without one there is nothing to ask.
        rules = {name: rule for name, rule in rules.items() if name not in LEARNED}
        only = None if only is None else [name for name in only if name in rules]
    plan = Plan(settings.rules, rules=rules, only=only, exceptions=exceptions, model=model)
    if with_lists:
        plan.lists.start(known_lists(settings))
    return plan


def check_rules(settings: Settings, names: Sequence[str]) -> None:
    """See that every id is a rule's.

    Raises:
        ConfigurationError: one is not.
    """
    rules = settings.rule_classes
    unknown = [name for name in names if name not in rules]
    if unknown:
        raise ConfigurationError([f'no rule is named "{name}"{nearest(name, rules)}' for name in unknown])


def known_exceptions(settings: Settings) -> Exceptions:
    """Return the exceptions.

    Raises:
        ConfigurationError: the id in one of them is no rule's.
    """
    rules = settings.rule_classes
    exceptions = [exception.value() for exception in settings.exceptions]
    unknown = [exception.rule for exception in exceptions if exception.rule not in rules]
    if unknown:
        raise ConfigurationError([f'exceptions: no rule is named "{name}"{nearest(name, rules)}' for name in unknown])
    return Exceptions(exceptions)


def known_lists(settings: Settings) -> list[NetworkList]:
    """Return the network lists as their files hold them now; one that cannot be read is logged and left out."""
    lists = []
    for one in settings.lists:
        try:
            lists.append(read_list(one))
        except ListFileError as error:
            for problem in error.problems:
                log.warning("a network list is left out", list=one.name, why=problem)
    return lists


def policy_lines(settings: Settings) -> tuple[PolicyLine, ...]:
    """Return the user's own policy lines, in their order."""
    return response_lines(settings.response)


def response_lines(response: ResponseSettings) -> tuple[PolicyLine, ...]:
    """Return the policy lines of a `[response]` table, in their order."""
    groups = response.user_groups
    return tuple(
        PolicyLine(
            do=line.do,
            severities=frozenset(line.match.severity or ()),
            rules=frozenset(line.match.rule or ()),
            apps=frozenset(line.match.app or ()),
            groups=line.match.user_group or (),
            users=frozenset(user for name in line.match.user_group or () for user in groups[name].users),
            hours=None if line.match.hours is None else parse_hours(line.match.hours),
            widen=line.widen,
            lock_for_us=line.lock_for,
        )
        for line in response.policy
    )


def guard_limits(response: ResponseSettings) -> Limits:
    """Return what a `[response]` table says about the guard."""
    share, number = response.max_share_per_hour, response.max_per_hour
    in_all, number_in_all = response.max_share_per_hour_in_all, response.max_per_hour_in_all
    return Limits(
        max_share_per_hour=share,
        max_per_hour=number,
        max_share_per_hour_in_all=share if in_all is None else in_all,
        max_per_hour_in_all=APPS_AT_ONCE * number if number_in_all is None else number_in_all,
        user_cooldown_us=response.user_cooldown,
        protected_users=frozenset(response.protected_users),
        protected_networks=response.protected_networks,
        privileged_users=frozenset(response.privileged_users),
        business_hours=None if response.business_hours is None else parse_hours(response.business_hours),
    )
