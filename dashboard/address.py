"""Filters in the address: a link brings them, Back restores them, and each choice is written there at once.

Streamlit's own binding writes the labels that people read, glyphs and colours included, into the address.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def named(name: str, allowed: Collection[str]) -> list[str] | None:
    """Return what the address says, where it was changed by somebody other than the widget; else None.

    Args:
        name: of the widget's key and of the address's parameter.
        allowed: values that mean something; others are ignored.
    """
    values = [value for value in st.query_params.get_all(name) if value in allowed]
    if name in st.session_state and values == st.session_state.get(_written(name)):
        return None
    st.session_state[_written(name)] = values
    return values


def write(name: str, chosen: list[str]) -> None:
    """Put a choice into the address; an empty one leaves it."""
    st.session_state[_written(name)] = chosen
    if st.query_params.get_all(name) == chosen:
        return
    if chosen:
        st.query_params[name] = chosen
    else:
        st.query_params.pop(name, None)


def _written(name: str) -> str:
    return f"address_{name}"
