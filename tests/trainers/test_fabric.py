"""What loading the training engine costs, and that nothing is left of how it is kept low."""

import subprocess
import sys

import pytest

from trainers.fabric import known_by_version

WHOLE = "import sys, trainers.loop; print(*sorted({'scipy', 'transformers', 'torchmetrics'} & set(sys.modules)))"
LATER = "import trainers.loop, torchmetrics; print(torchmetrics.MeanMetric.__name__)"


def answer(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_training_loads_no_metrics_and_metrics_can_be_loaded_after_it() -> None:
    assert answer("import sys, lightning_fabric; print('torchmetrics' in sys.modules)") == "True", "the control"
    assert answer(WHOLE) == ""
    assert answer(LATER) == "MeanMetric"


def test_only_what_is_not_loaded_is_stood_for() -> None:
    with known_by_version("pytest"):
        assert sys.modules["pytest"] is pytest
    assert "no-such-package" not in sys.modules
    with known_by_version("no-such-package"):
        assert "no-such-package" not in sys.modules
