"""Tests that run side by side start their servers on ports of their own."""

import subprocess
import sys

import pytest
from conftest import ROOT
from ports import free_port

ASK = "import ports, sys; print(ports.free_port(candidates=[int(port) for port in sys.argv[1:]]))"


def another_process_gets(*candidates):
    asked = subprocess.run([sys.executable, "-c", ASK, *map(str, candidates)], cwd=ROOT / "test",
                           capture_output=True, text=True)
    return int(asked.stdout) if asked.returncode == 0 else None


def test_a_port_that_nobody_has_bound_yet():
    port, other = free_port(), free_port()
    assert port != other
    assert another_process_gets(port, other) is None
    with pytest.raises(RuntimeError):
        free_port(candidates=[port, other])


def test_a_port_of_a_process_that_has_ended():
    port = another_process_gets(*range(10000, 11000))
    assert another_process_gets(port) == port
