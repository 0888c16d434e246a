"""Rules of other packages: found by entry points, and contained where they are broken."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from detectors.rules import BUILTIN
from sessionwatch.known_rules import GROUP, gather
from sessionwatch.workshop.template import write_rule


def point(value: str, name: str = "mine") -> EntryPoint:
    return EntryPoint(name, value, GROUP)


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, with a rule in it."""
    monkeypatch.syspath_prepend(tmp_path)
    write_rule("too-many-uses", tmp_path, "session")
    return tmp_path


@pytest.mark.parametrize("value", ["too_many_uses", "too_many_uses:TooManyUses"])
def test_a_module_or_a_class_may_be_named(plug_in: Path, value: str) -> None:
    known = gather(BUILTIN, [point(value)])
    assert known.rules["too-many-uses"].title == "Too many uses"
    assert known.rules.keys() - {"too-many-uses"} == BUILTIN.keys()
    assert known.problems == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", 'rule plug-in "mine" (broken) cannot be loaded: ZeroDivisionError: division by zero'),
        ("import missing_library", "ModuleNotFoundError: No module named 'missing_library'"),
        ("raise SystemError('two\\nlines')", "SystemError: two"),
        ("x = 1", "names no rule: expected a subclass of detectors.rule.Rule, or its module"),
        (
            "from detectors.rule import Rule\nclass Half(Rule):\n    id = 'half'\n",
            "Half has no title, key, needs, severity, runbook",
        ),
        (
            "from detectors.rules.session_hijack import SessionHijack\nclass Other(SessionHijack):\n    pass\n",
            'a rule "session-hijack" is there already',
        ),
    ],
)
def test_a_broken_one_is_one_line_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    (tmp_path / "broken.py").write_text(text)
    known = gather(BUILTIN, [point("broken")])
    assert known.rules == BUILTIN
    [line] = known.problems
    assert says in line
    assert "\n" not in line


def test_an_installed_one_is_listed_configured_and_replayed(plug_in: Path) -> None:
    """As pip would leave it: a folder on the path with its metadata beside."""
    metadata = plug_in / "too_many_uses-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: too-many-uses\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nmine = too_many_uses\nbroken = nowhere\n")
    (plug_in / "sessionwatch.toml").write_text('[rules.too-many-uses]\nuses = 2\nwindow = "10m"\n')
    events = (Path(__file__).parents[2] / "sample_logs" / "carrier-nat.jsonl").resolve()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        paths = ":".join([str(plug_in), str(Path(__file__).parents[2])])
        return subprocess.run(
            [sys.executable, "-m", "sessionwatch", *arguments], cwd=plug_in, env={"PYTHONPATH": paths, "PATH": ""},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    listed = run("rules", "list", "--json")
    assert '"rule_id":"too-many-uses"' in listed.stdout
    [line] = listed.stderr.splitlines()
    assert line.startswith('sessionwatch: rule plug-in "broken" (nowhere) cannot be loaded: ModuleNotFoundError')
    replayed = run("replay", str(events), "--rules", "too-many-uses", "--json")
    assert replayed.returncode == 0
    assert '"rule_id":"too-many-uses"' in replayed.stdout
