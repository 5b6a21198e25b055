"""Kill -9 at random moments of a process that writes an energy log, and see what is left.

Command:  python benchmarks/kill.py [--kills 200] [--seed 0] [--mode swmr|segments]
Result:   counts: how often every epoch that was said to be committed was readable and bit-equal, whether a reader that
          looked all the while ever saw a wrong or an uncommitted row, and whether the run could go on. Exit 1 if not.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).parent.parent))  # the run whose numbers are known lives with the tests

from tests.energylog.kills import FAULTS, Killed, kill_once
from trainers.spec import LogMode


def main() -> None:
    """Kill writers one after the other and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=[mode for mode in get_args(LogMode) if mode != "auto"], default="swmr")
    arguments = parser.parse_args()
    start = time.perf_counter()
    survived: list[Killed] = []
    faults: Counter[str] = Counter()
    for number in range(arguments.kills):
        seed = arguments.seed * 1_000_003 + number
        with tempfile.TemporaryDirectory() as folder:
            try:
                survived.append(kill_once(Path(folder), arguments.mode, seed))
            except FAULTS as error:
                text = (str(error).strip().splitlines() or [""])[0]
                faults[f"{type(error).__name__}: {text}"] += 1
                print(f"seed {seed}: {type(error).__name__}: {text}", file=sys.stderr)
    names = ("reported", "committed", "looks", "checked_live")
    total = {name: sum(getattr(killed, name) for killed in survived) for name in names}
    print(f"mode {arguments.mode}, {arguments.kills} kills, seed {arguments.seed}")
    print(f"survived              {len(survived)}")
    print(f"not survived          {sum(faults.values())}")
    print(f"epochs committed      {total['reported']} reported, {total['committed']} found, all bit-equal")
    print(f"looks of the reader   {total['looks']}, {total['checked_live']} epochs compared live")
    print(f"kills between a commit and its report: {total['committed'] - total['reported']}")
    print(f"{time.perf_counter() - start:.0f} s")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
