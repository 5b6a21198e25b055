"""Follow a growing log as the app and ``onset --watch`` do: no lock errors, no wrong rows, and how far behind.

Command:  python benchmarks/live.py [--mode swmr|segments] [--epochs 60] [--readers 4] [--most 1.5] [--seed 0]
Result:   per mode: epochs seen, read errors (target 0), wrong rows (target 0), epochs never seen (target 0), and the
          seconds between a commit and its being read and summarized (target: at most 1.5 s). Exit 1 if not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the run whose numbers are known lives with the tests

import numpy as np

from tests.energylog.following import follow
from workbench.cli.watching import POLL_SECONDS

MOST_LAG = 1.5


def main() -> None:
    """Write, follow, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["swmr", "segments"], default="swmr")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--most", type=float, default=1.5, help="longest pause between two commits, in seconds")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        followed = follow(
            Path(folder),
            arguments.mode,
            num_epochs=arguments.epochs,
            most_seconds=arguments.most,
            num_readers=arguments.readers,
            poll_seconds=POLL_SECONDS,
            seed=arguments.seed,
        )
    lags = np.array(followed.lags)
    print(f"mode {arguments.mode}, {arguments.epochs} epochs, {arguments.readers} readers, every {POLL_SECONDS} s")
    print(f"read errors     {len(followed.errors)}")
    print(f"wrong rows      {len(followed.wrong)}")
    print(f"never seen      {followed.missed}")
    print(f"lag in seconds  median {np.median(lags):.2f}, most {lags.max():.2f}, of {len(lags)}")
    for text in followed.errors + followed.wrong:
        print(text, file=sys.stderr)
    failed = followed.errors or followed.wrong or followed.missed or lags.max() > MOST_LAG
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
