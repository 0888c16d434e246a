"""Serves the console: `python -m sessionwatch.demo.console CONFIGURATION PORT API`.

Ends when its standard input does, as every part of the demo.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path

from sessionwatch.commands.dashboard import API_ADDRESS, console_script, streamlit_command
from sessionwatch.config import load
from sessionwatch.demo.standard_input import at_end_of_input


def main() -> None:
    """Serve until told to stop."""
    configuration, port, api = sys.argv[1:]
    script = console_script()
    if script is None:
        sys.exit("the console is not installed here")
    os.environ[API_ADDRESS] = api
    # What it says belongs to the log; standard output is where the other parts tell their story.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    at_end_of_input(lambda: os.kill(os.getpid(), signal.SIGTERM))
    command = streamlit_command(load(Path(configuration), environ={}), script, int(port))
    # Streamlit looks for its theme in the folder it is started in.
    os.chdir(script.parent)
    sys.argv = command[2:]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
