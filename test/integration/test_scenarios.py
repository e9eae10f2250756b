"""SCENARIOS.md maps reports of users to tests: none of them may be renamed without it."""

import re

from conftest import ROOT


def test_the_tests_that_it_names_are_there():
    table = (ROOT / "test/SCENARIOS.md").read_text(encoding="utf-8")
    names = set(re.findall(r"[a-z]\w{20,}", " ".join(re.findall(r"`([^`]+)`", table))))
    sources = [path for folder in ("unit", "integration")
               for path in (ROOT / "test" / folder).rglob("*") if path.suffix in (".c", ".py")]
    known = set(re.findall(r"\w+", "".join(path.read_text(encoding="utf-8") for path in sources)))
    assert len(names) > 30
    assert names - known - {path.stem for path in sources} == set()
