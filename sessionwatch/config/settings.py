"""The whole configuration, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SkipValidation

from detectors.plan import RuleSetting
from sessionwatch.config.api import ApiSettings, DashboardSettings
from sessionwatch.config.app import AppSettings
from sessionwatch.config.chat import ChatSettings
from sessionwatch.config.kafka import KafkaSettings
from sessionwatch.config.network import NetworkSettings
from sessionwatch.config.response import ResponseSettings
from sessionwatch.config.section import Section
from sessionwatch.config.store import StoreSettings
from sessionwatch.config.value_types import AppName


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
    rules: Annotated[Mapping[str, RuleSetting], SkipValidation] = Field(default_factory=dict)
    chat: Annotated[tuple[ChatSettings, ...], Field(strict=False)] = ()
    response: ResponseSettings = ResponseSettings()
