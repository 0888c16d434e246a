"""A note on an alert: kept with it, replaces the one before, and stands in the audit log."""

from __future__ import annotations

import streamlit as st

from dashboard import dialog, sign_in
from dashboard.dialog import Dialog
from dashboard.errors import ConsoleError
from dashboard.safe import html_text
from schemas.api import MAX_NOTE, AlertPatch


@st.dialog("Note", icon=":material/edit_note:", on_dismiss=dialog.close)
def note_dialog(asked: Dialog) -> None:
    """Ask for the text and keep it."""
    with st.form("note_form", border=False):
        text = st.text_area(
            "Note, for whoever comes next",
            value=asked.note,
            max_chars=MAX_NOTE,
            height=120,
            key=f"note_{asked.alert_id}",
        )
        with st.container(horizontal=True, horizontal_alignment="right"):
            keep = st.form_submit_button("Keep note", type="primary", key="note_keep")
            cancel = st.form_submit_button("Cancel", key="note_cancel")
    if keep:
        try:
            sign_in.api().decide(str(asked.alert_id), AlertPatch(note=text or ""))
        except ConsoleError as refused:
            st.html(f'<div class="sw-band" role="alert">Not kept: {html_text(refused)}</div>')
            return
    if keep or cancel:
        dialog.close()
        st.rerun()
