"""The learned detector of an installation: its model, where there is one that may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sessionwatch.config.models import CARD, ModelSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.learned.model import OutlierModel
    from detectors.plan import RuleSetting

SESSION_OUTLIER = "session-outlier"

log = structlog.get_logger(__name__)


def find_model(models: ModelSettings, rules: Mapping[str, RuleSetting]) -> OutlierModel | None:
    """Return the model; None where there is none, or none that can be used: that is logged in one line.

    A model that has seen too little stays in shadow whatever is set, which is logged too.

    Args:
        models: where it stands.
        rules: how rules are set.
    """
    setting = rules.get(SESSION_OUTLIER)
    if setting is not None and setting.mode == "off" and not setting.by_app:
        return None
    if not (models.path / CARD).exists():
        return None
    # Most installations have none, and scikit-learn takes a second to import.
    from sessionwatch.model_file import ModelError, load

    try:
        model = load(models.path)
    except ModelError as error:
        log.warning("session-outlier is absent", why=str(error))
        return None
    if model is not None and model.young and _wants_more(setting):
        log.warning(
            "session-outlier stays in shadow: its model has seen too little",
            model_id=model.model_id,
            sessions=model.sessions,
            days=model.days,
        )
    return model


def _wants_more(setting: RuleSetting | None) -> bool:
    modes = [] if setting is None else [setting.mode, *(local.mode for local in setting.by_app.values())]
    return any(mode in ("alert", "enforce") for mode in modes)
