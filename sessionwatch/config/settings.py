"""The whole configuration, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, PrivateAttr, SkipValidation

from detectors.plan import RuleSetting
from detectors.rules import AnyRule
from sessionwatch.config.api import ApiSettings, DashboardSettings
from sessionwatch.config.app import AppSettings
from sessionwatch.config.campaigns import CampaignSettings
from sessionwatch.config.chat import ChatSettings
from sessionwatch.config.digest import DigestSettings
from sessionwatch.config.exception import ExceptionSettings
from sessionwatch.config.geo import GeoSettings
from sessionwatch.config.kafka import KafkaSettings
from sessionwatch.config.links import LinkSettings
from sessionwatch.config.lists import ListSettings
from sessionwatch.config.models import ModelSettings
from sessionwatch.config.network import NetworkSettings
from sessionwatch.config.on_call import OnCallSettings
from sessionwatch.config.response import ResponseSettings
from sessionwatch.config.section import Section
from sessionwatch.config.siem import SiemList
from sessionwatch.config.sigma import SigmaSettings
from sessionwatch.config.ssf import SsfSettings
from sessionwatch.config.store import StoreSettings
from sessionwatch.config.value_types import AppName
from sessionwatch.known_rules import rule_classes


class Settings(Section):
    """What `load` returns: frozen, durations in microseconds, paths resolved.

    Attributes:
        rules: by rule id, for the rules that the file names; the others run with their defaults.
    """

    kafka: KafkaSettings = KafkaSettings()
    store: StoreSettings = StoreSettings()
    api: ApiSettings = ApiSettings()
    dashboard: DashboardSettings = DashboardSettings()
    apps: dict[AppName, AppSettings] = Field(default_factory=dict)
    networks: Annotated[tuple[NetworkSettings, ...], Field(strict=False)] = ()
    geo: GeoSettings = GeoSettings()
    rules: Annotated[Mapping[str, RuleSetting], SkipValidation] = Field(default_factory=dict)
    exceptions: Annotated[tuple[ExceptionSettings, ...], Field(strict=False)] = ()
    lists: Annotated[tuple[ListSettings, ...], Field(strict=False)] = ()
    sigma: SigmaSettings = SigmaSettings()
    models: ModelSettings = ModelSettings()
    chat: Annotated[tuple[ChatSettings, ...], Field(strict=False)] = ()
    links: LinkSettings = LinkSettings()
    on_call: Annotated[tuple[OnCallSettings, ...], Field(strict=False)] = ()
    digest: DigestSettings = DigestSettings()
    campaigns: CampaignSettings = CampaignSettings()
    response: ResponseSettings = ResponseSettings()
    ssf: SsfSettings = SsfSettings()
    siem: SiemList = ()
    _rule_classes: Mapping[str, type[AnyRule]] | None = PrivateAttr(default=None)

    @property
    def rule_classes(self) -> Mapping[str, type[AnyRule]]:
        """The rules there are under this configuration, by id: those of the installation, and those in Sigma."""
        return rule_classes() if self._rule_classes is None else self._rule_classes

    def knowing(self, rules: Mapping[str, type[AnyRule]]) -> Settings:
        """Return these settings with the rules that they set."""
        self._rule_classes = rules
        return self
