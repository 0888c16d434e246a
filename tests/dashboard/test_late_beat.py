"""The one place where the console changes how Streamlit runs: it stands on names that an upgrade may move."""

from __future__ import annotations

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from dashboard import late_beat


def test_it_is_put_in_once() -> None:
    late_beat.settle()
    run = ScriptRunner._run_script
    late_beat.settle()
    assert ScriptRunner._run_script is run
