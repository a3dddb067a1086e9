"""libolm is there for some Pythons only: without it, every other test is still found."""

import subprocess
import sys

_HIDDEN = """
import sys, pytest

sys.modules["olm"] = None
what = ["tests/e2e", "tests/unit/test_libolm_interop.py"]
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *what]))
"""


def test_everything_is_collected() -> None:
    run = subprocess.run([sys.executable, "-c", _HIDDEN], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "test_moments.py" in run.stdout
