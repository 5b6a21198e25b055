"""Which code runs."""

import subprocess
from pathlib import Path


def git_revision() -> str | None:
    """Revision of the checkout that this code runs from, with "-dirty" if it is changed; None if it is no checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
