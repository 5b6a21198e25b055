"""How the app feels: key presses, memory, many runs; beside it TensorBoard and W&B LEET on the same scalars.

Command:  python benchmarks/app_session.py [--presses 60] [--rounds 5] [--leet WANDB] [--out TABLE.json]
Result:   per pane the 50th and 95th percentile of a key press on the epoch cursor until its repaint is over, the most
          memory held, the time until a list of 20 runs is complete against a list of one, and (where installed)
          the time until TensorBoard answers with the same scalars and until LEET shows them. Some minutes.
Targets:  95 % of key presses <= 50 ms; <= 200 MiB; 20 runs <= 2 x one run.

The log has 200 epochs of 50,000 samples and is made first; the 20 runs are links to it, each read by itself. A repaint
is over with the last byte after which the terminal is silent for 60 ms; numbers that a pane reads from the log in the
background (samples, classes, energies) come later and are not waited for. LEET is given as the path of a ``wandb``
command, which may live in another environment; its run is logged offline with the same numbers of epochs and scalars.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from big_log import write_big_log
from terminal import TIMEOUT_SECONDS, Terminal

from workbench.tui.panes import PANES

os.environ.update({"WORKBENCH_CONFIG": f"{__file__}.none", "WORKBENCH_STATE": f"{__file__}/none"})  # nobody's

EPOCHS = 200
MANY = 20
WORKBENCH = (sys.executable, "-m", "workbench")
LEFT, RIGHT = "\x1b[D", "\x1b[C"

LOG_OFFLINE = """
import math, sys, wandb
run = wandb.init(project="workbench-benchmark", dir=sys.argv[1], mode="offline")
for epoch in range(int(sys.argv[2])):
    rise = 1 - math.exp(-epoch / 30)
    run.log({"clean_accuracy": rise, "fgsm_accuracy": rise / 2, "pgd_accuracy": rise / 3, "train_loss": 2 - rise,
             "learning_rate": 0.1, "delta_energy_mean": -rise, "delta_energy_q05": -2 * rise})
run.finish()
"""


def percentile(values: list[float], share: float) -> float:
    """The value that a share of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def key_presses(log: Path, presses: int) -> tuple[dict[str, list[float]], float]:
    """Seconds of each press by pane, and the most memory held in MiB."""
    with Terminal([*WORKBENCH, "inspect", str(log)], dict(os.environ)) as terminal:
        terminal.until("share")
        terminal.drain(1.5)
        times = {pane.name: pane_presses(terminal, pane.key, presses) for pane in PANES}
        return times, terminal.resident()


def pane_presses(terminal: Terminal, key: str, presses: int) -> list[float]:
    """Open a pane, then go back and on through the epochs from the last one."""
    terminal.press(key, "")
    terminal.drain(1.0)
    half = presses // 2
    there = [terminal.press(LEFT, f"epoch {EPOCHS - 1 - back}") for back in range(1, half + 1)]
    return there + [terminal.press(RIGHT, f"epoch {EPOCHS - 1 - back}") for back in range(half - 1, -1, -1)]


def list_seconds(folder: Path, num: int) -> float:
    """Time from the start until a list of runs is complete."""
    with Terminal([*WORKBENCH, "inspect", str(folder)], dict(os.environ)) as terminal:
        return terminal.until(f"{num} runs \N{MIDDLE DOT}")


def link_runs(log: Path, folder: Path, num: int) -> Path:
    """A folder with links to a log, as so many runs."""
    for number in range(num):
        run = folder / f"run-{number:02d}"
        run.mkdir(parents=True)
        os.link(log, run / "run.h5")
    return folder


def tensorboard_seconds(log: Path, folder: Path) -> float | None:
    """Time until TensorBoard serves the scalars of a run, exported before; None where it is not installed."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        return None
    export = [*WORKBENCH, "export", str(log), "--format", "tensorboard", "--out", str(folder)]
    subprocess.run(export, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - start < TIMEOUT_SECONDS:
            if serves_scalars(port):
                return time.perf_counter() - start
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    raise RuntimeError("TensorBoard did not serve the scalars")


def serves_scalars(port: int) -> bool:
    """Whether TensorBoard answers with all points of a scalar."""
    base = f"http://127.0.0.1:{port}/data/plugin/scalars"
    try:
        tags = json.load(urllib.request.urlopen(f"{base}/tags", timeout=5))
        run, names = next((run, names) for run, names in tags.items() if names)
        tag = next(iter(names))
        query = urllib.parse.urlencode({"run": run, "tag": tag})
        points = json.load(urllib.request.urlopen(f"{base}/scalars?{query}", timeout=5))
    except (OSError, ValueError, StopIteration):
        return False
    return len(points) >= EPOCHS


def leet_seconds(wandb: Path | None, run: Path | None) -> float | None:
    """Time until LEET shows a chart of an offline run."""
    if wandb is None or run is None:
        return None
    with Terminal([str(wandb), "leet", "run", str(run)], dict(os.environ)) as terminal:
        return terminal.until("pgd_accuracy")


def offline_run(wandb: Path | None, folder: Path) -> Path | None:
    """An offline run of W&B with as many epochs."""
    if wandb is None:
        return None
    quiet = dict(os.environ) | {"WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
    command = [str(wandb.with_name("python")), "-c", LOG_OFFLINE, str(folder), str(EPOCHS)]
    subprocess.run(command, check=True, env=quiet, capture_output=True, timeout=TIMEOUT_SECONDS)
    return next(folder.glob("wandb/offline-run-*"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--leet", type=Path, metavar="WANDB", help="a wandb command that has LEET")
    parser.add_argument("--out", type=Path, help="write the table as JSON, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = write_big_log(folder / "run.h5")
        one, many = link_runs(log, folder / "one", 1), link_runs(log, folder / "many", MANY)
        (folder / "offline").mkdir()
        leet_run = offline_run(arguments.leet, folder / "offline")
        presses, memory = key_presses(folder / "run.h5", arguments.presses)
        starts: dict[str, list[float]] = {}
        for turn in range(arguments.rounds):
            timed = {
                "list of 1 run": list_seconds(one, 1),
                f"list of {MANY} runs": list_seconds(many, MANY),
                "TensorBoard, same scalars": tensorboard_seconds(log, folder / f"events-{turn}"),
                "W&B LEET, as many scalars": leet_seconds(arguments.leet, leet_run),
            }
            for case, seconds in timed.items():
                if seconds is not None:
                    starts.setdefault(case, []).append(seconds)
            print(f"round {turn + 1} of {arguments.rounds}\r", end="", file=sys.stderr)
    report(presses, memory, starts)
    if arguments.out:
        arguments.out.write_text(json.dumps({"presses": presses, "memory": memory, "starts": starts}, indent=2) + "\n")


def report(presses: dict[str, list[float]], memory: float, starts: dict[str, list[float]]) -> None:
    """Print the tables."""
    print(f"{'pane':28}{'median ms':>11}{'95 % ms':>9}{'most ms':>9}")
    everything = [seconds for times in presses.values() for seconds in times]
    for name, times in [*presses.items(), ("all", everything)]:
        row = (1e3 * value for value in (statistics.median(times), percentile(times, 0.95), max(times)))
        print(f"{name:28}" + "".join(f"{value:{width}.0f}" for value, width in zip(row, (11, 9, 9), strict=True)))
    print(f"\nmost memory held: {memory:.0f} MiB")
    one = statistics.median(starts["list of 1 run"])
    print(f"\n{'until it shows':28}{'median s':>10}{'x one run':>10}")
    for case, times in starts.items():
        print(f"{case:28}{statistics.median(times):10.3f}{statistics.median(times) / one:10.2f}")


if __name__ == "__main__":
    main()
