"""What a link in a chat message may ask for."""

from __future__ import annotations

from typing import Literal, get_args

LinkAct = Literal["acknowledge", "take", "false_alarm", "benign", "revoke_session"]
LINK_ACTS: tuple[LinkAct, ...] = get_args(LinkAct)
