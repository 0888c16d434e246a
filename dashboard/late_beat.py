"""Keep a late beat of a page that was left from emptying the page that is shown.

A timer of the browser, and a key pressed while the next page is on its way, name the page that the browser still
shows. Streamlit 1.67 runs such a fragment as a run of the page that was left: the browser takes that for a change of
page, clears the new one, and only the fragment comes back. A fragment is a part of what is shown and leads nowhere,
so its run belongs to the page that this session shows.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

_MARK = "runs_fragments_where_they_are"


def settle() -> None:
    """Have every run of fragments belong to the page that its session shows; once in a process."""
    run_script = ScriptRunner._run_script
    if hasattr(run_script, _MARK):
        return

    @wraps(run_script)
    def run(self: ScriptRunner, rerun_data: RerunData) -> None:
        shown = self._pages_manager.current_page_script_hash
        if rerun_data.fragment_id_queue and shown and rerun_data.page_script_hash != shown:
            rerun_data = replace(rerun_data, page_script_hash=shown)
        run_script(self, rerun_data)

    setattr(run, _MARK, True)
    ScriptRunner._run_script = run  # type: ignore[method-assign]
