"""Stands in for ``workbench``: ``fake_workbench.py SCENARIO sample --class=… --out=DIR -- RUN``. Quick, no torch."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

HOSTILE = "[red]x[/] \x1b[31mred\x1b]0;title\x07 \u202etfel [@click=app.quit]q[/] "
THREE = ("        ", "  ####  ", " #    # ", "      # ", "   ###  ", "      # ", " #    # ", "  ####  ")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def option(name: str) -> str:
    for index, word in enumerate(sys.argv):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}":
            return sys.argv[index + 1]
    raise SystemExit(f"no --{name}")


def write_images(out: Path, first: int, last: int) -> None:
    """Threes whose top left pixels say their number."""
    import numpy as np
    from PIL import Image

    folder = out / "images" / "3"
    folder.mkdir(parents=True, exist_ok=True)
    (out / "sampling.toml").write_text("")
    for number in range(first, last):
        pixels = np.array([[255 * (char == "#") for char in row] for row in THREE], np.uint8)
        pixels[0, 0] = number % 256
        aside = folder / f"{number:06d}.png.tmp"
        Image.fromarray(pixels).save(aside, format="PNG")
        aside.replace(folder / f"{number:06d}.png")


def works(out: Path, num: int) -> int:
    say(f"sample  0/{num}  active {num}  E(x,y) -5.51  – images/s")
    write_images(out, 0, num)
    (out / "grid.png").touch()
    say(f"sample  {num}/{num}  active 0  E(x,y) -6.54  17.4 images/s")
    answer(f"{num} images in {out}: {num} reached their class's mean energy")
    answer("Median stop at step 20 of 60; 336 passes")
    answer(f"  workbench score {out} --against digits")
    return 0


def waits(out: Path, num: int) -> int:
    """Half of the images, then nothing until it is stopped."""
    say(f"sample  0/{num}  active {num}  E(x,y) -5.51  – images/s")
    write_images(out, 0, num // 2)
    say(f"sample  {num // 2}/{num}  active {num - num // 2}  E(x,y) -6.02  8.1 images/s")
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        say(f"stopped; go on with: workbench sample --resume {out}")
        return 130
    return 0


def silent(out: Path, num: int) -> int:
    """Says that it is there, then nothing; SIGINT ends it without a word."""
    say("ready")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    time.sleep(60)
    return 0


def deaf(out: Path, num: int) -> int:
    """Does not stop when it is asked to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_images(out, 0, 1)
    say(f"sample  1/{num}  active {num - 1}  E(x,y) -6.02  8.1 images/s")
    time.sleep(60)
    return 0


def fails(out: Path, num: int) -> int:
    say("UserWarning: something")
    say(f"workbench: cannot make {out} (Permission denied); choose another --out")
    return 2


def crashes(out: Path, num: int) -> int:
    write_images(out, 0, 2)
    raise RuntimeError(HOSTILE)


def mute(out: Path, num: int) -> int:
    return 7


def noisy(out: Path, num: int) -> int:
    """Hostile and endless lines, rubbish among the images."""
    sys.stderr.write("y" * 1_000_000)
    say("")
    say(HOSTILE)
    write_images(out, 0, num)
    (out / "images" / "3" / "000099.png").write_bytes(b"rubbish")
    (out / "images" / "3" / "no-number.png").write_bytes(b"rubbish")
    (out / "images" / "rubbish").write_bytes(b"rubbish")
    answer(HOSTILE)
    return 0


def floods(out: Path, num: int) -> int:
    """An image and a line of progress every few milliseconds."""
    for number in range(num * 1000):
        write_images(out, number, number + 1)
        say(f"sample  {number}/{num * 1000}  active 1  E(x,y) -6.02  8.1 images/s")
        time.sleep(0.005)
    return 0


def pca(out: Path, num: int) -> int:
    """What a file next to this scenario's run says."""
    answer((Path(sys.argv[-1]) / "answer.json").read_text())
    return 0


def images(out: Path, num: int) -> int:
    """Pictures of the samples that were asked for: a bright column at the place of the index's last digit."""
    import numpy as np

    from trainers.rundir import weights_name
    from workbench.pictured.spec import pictures_path
    from workbench.pictured.store import save_pictures
    from workbench.pictured.values import PictureFacts, Pictures
    from workbench.target import find_target

    target = find_target(Path(sys.argv[-1]), option("epoch"))
    samples = np.array([int(word) for word in option("sample").split(",")])
    say(f"images  0/{len(samples)}  attacking")
    natural = np.zeros((len(samples), 1, 8, 8), np.float32)
    natural[np.arange(len(samples)), 0, :, samples % 8] = 1.0
    columns, labels = np.arange(64).reshape(1, 1, 8, 8) % 3 - 1, samples % 3
    facts = PictureFacts(
        checkpoint=weights_name(0),
        checkpoint_digest=target.digest(),
        epoch=target.epoch,
        data="digits",
        data_digest="",
        split=option("split"),
        attack=option("attack"),
        eps=0.25,
        seed=0,
        class_names=("a", "b", "c"),
        image_shape=(1, 8, 8),
        versions={},
        created="2025-06-15T15:00:00+00:00",
    )
    energy = -1.0 - 0.01 * samples.astype(np.float32)
    made = Pictures(
        index=samples,
        label=labels,
        predicted=labels,
        predicted_adv=(labels + 1) % 3,
        energy=energy,
        energy_adv=energy - 0.5,
        joint_energy=energy,
        joint_energy_adv=energy,
        natural=natural,
        adversarial=np.clip(natural + 0.25 * columns.astype(np.float32), 0, 1),
        facts=facts,
    )
    path = pictures_path(target.derived, digest=facts.checkpoint_digest, split=facts.split, attack=facts.attack)
    assert path is not None
    save_pictures(path, made)
    return 0


def words(out: Path, num: int) -> int:
    """What a command says that makes no pictures."""
    answer("score  value")
    answer("FID  2.5")
    return 0


SCENARIOS: dict[str, Callable[[Path, int], int]] = {
    scenario.__name__: scenario
    for scenario in (works, waits, silent, deaf, fails, crashes, mute, noisy, floods, pca, images, words)
}

if __name__ == "__main__":
    run = SCENARIOS[sys.argv[1]]
    sampling = sys.argv[2] == "sample"
    sys.exit(run(Path(option("out")), int(option("num"))) if sampling else run(Path(), 0))
