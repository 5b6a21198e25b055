"""The file of several attacks: what is written is read, statistics are numpy's, and damage is never shown as data."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import write_small_log
from trainers.energylog import EnergyLog, SampleKeys
from trainers.energylog.attack_tables import NATURAL, AttackTables, Inputs, append_attacks, attacks_path
from trainers.errors import WorkbenchError
from workbench.report import console, run_report
from workbench.summary import summarize_path, to_json

NAMES = (NATURAL, "pgd-10", "random-noise")
KEYS = SampleKeys(index=np.arange(5, 55), label=np.arange(50, dtype=np.int32) % 3)


def make_inputs(seed: int, names: tuple[str, ...] = NAMES) -> dict[str, Inputs]:
    draw = np.random.default_rng(seed)
    inputs = {}
    for number, name in enumerate(names):
        energy = draw.normal(-3 + number, 1, 50).astype(np.float32)
        correct = (draw.random(50) < 0.7).astype(np.uint8)
        inputs[name] = Inputs(energy, energy + 1, correct)
    inputs[NATURAL].energy[7] = np.nan
    return inputs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.attacks.h5"
    for epoch in range(3):
        append_attacks(path, "r", KEYS, epoch, make_inputs(epoch))
    return path


def test_what_is_written_is_read(file: Path) -> None:
    assert attacks_path(file.with_name("run.h5")) == file
    with AttackTables.open(file) as tables:
        assert (tables.run_id, tables.inputs, len(tables)) == ("r", NAMES, 3)
        assert tables.keys().same_as(KEYS)
        for epoch in range(3):
            inputs = make_inputs(epoch)
            for column in ("energy", "joint_energy", "correct"):
                expected = np.stack([getattr(values, column) for values in inputs.values()])
                assert np.array_equal(tables.values(column, epoch), expected, equal_nan=column != "correct")
        with pytest.raises(WorkbenchError, match="has no epoch 3; its epochs are 0 to 2"):
            tables.values("energy", 3)
    assert [path.name for path in file.parent.iterdir()] == ["run.attacks.h5"]


def test_plain_h5py_reads_it(file: Path) -> None:
    with h5py.File(file) as plain:
        assert json.loads(plain.attrs["inputs"]) == [NATURAL, "pgd-10", "random-noise"]
        assert plain["energy"].shape == (3, 3, 50)
        assert plain["energy"].fletcher32
        assert plain["energy"].compression == "gzip"
        assert plain["energy"].attrs["unit"] == b"nat"


def test_statistics_are_those_of_the_samples(file: Path) -> None:
    with AttackTables.open(file) as tables:
        rows = tables.statistics()
    for epoch in range(3):
        inputs = make_inputs(epoch)
        clean = inputs[NATURAL].energy.astype(float)
        for number, (name, values) in enumerate(inputs.items()):
            row, energy = rows[epoch, number], values.energy.astype(float)
            assert row["accuracy"] == values.correct.sum() / 50
            assert row["energy_mean"] == pytest.approx(np.nanmean(energy))
            assert row["energy_q05"] == pytest.approx(np.nanquantile(energy, 0.05))
            if name == NATURAL:
                assert np.isnan(row["delta_energy_mean"])
                assert np.isnan(row["share_lower"])
                continue
            delta = clean - energy
            assert row["delta_energy_mean"] == pytest.approx(np.nanmean(delta), rel=1e-5)
            assert row["delta_energy_std"] == pytest.approx(np.nanstd(delta), rel=1e-5)
            assert row["delta_energy_q95"] == pytest.approx(np.nanquantile(delta, 0.95), rel=1e-5)
            assert row["share_lower"] == pytest.approx((delta > 0).sum() / 49)


def test_an_epoch_that_is_measured_again_replaces_later_ones(file: Path) -> None:
    append_attacks(file, "r", KEYS, 1, make_inputs(9))
    with AttackTables.open(file) as tables:
        assert len(tables) == 2
        assert np.array_equal(tables.values("joint_energy", 1)[1], make_inputs(9)["pgd-10"].joint_energy)
        assert np.array_equal(tables.values("joint_energy", 0)[1], make_inputs(0)["pgd-10"].joint_energy)


@pytest.mark.parametrize(
    ("run_id", "epoch", "names"),
    [
        ("other", 3, NAMES),
        ("r", 4, NAMES),
        ("r", 3, (NATURAL,)),
    ],
)
def test_what_does_not_go_on_is_refused(file: Path, run_id: str, epoch: int, names: tuple[str, ...]) -> None:
    before = file.read_bytes()
    with pytest.raises(WorkbenchError, match="does not go with the log beside it"):
        append_attacks(file, run_id, KEYS, epoch, make_inputs(0, names))
    assert file.read_bytes() == before


def test_flipped_bits_are_never_shown_as_data(file: Path) -> None:
    content = file.read_bytes()
    with AttackTables.open(file) as tables:
        intact = tables.statistics().tobytes(), tables.values("energy", 2).tobytes(), tables.keys().label.tobytes()
    draw = np.random.default_rng(0)
    outcomes = {"refused": 0, "intact": 0}
    for _ in range(300):
        flipped = bytearray(content)
        flipped[draw.integers(len(content))] ^= 1 << draw.integers(8)
        file.write_bytes(flipped)
        try:
            with AttackTables.open(file) as tables:
                same = tables.inputs == NAMES
                found = (
                    tables.statistics().tobytes(),
                    tables.values("energy", 2).tobytes(),
                    tables.keys().label.tobytes(),
                )
            assert found == intact or not same
            outcomes["intact"] += 1
        except WorkbenchError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10, outcomes


def rebuilt(file: Path, name: str, **settings: object) -> None:
    with h5py.File(file, "r+") as plain:
        data, attributes = plain[name][...], dict(plain[name].attrs)
        del plain[name]
        options = {"chunks": (1, *data.shape[1:]), "fletcher32": True, "compression": "gzip", "data": data} | settings
        plain.create_dataset(name, **options)
        plain[name].attrs.update(attributes)


@pytest.mark.parametrize(
    "settings",
    [
        {"fletcher32": False},
        {"dtype": "f8"},
        {"data": np.zeros((3, 3, 49), dtype="f4"), "chunks": (1, 3, 49)},
        {"data": None, "shape": (10**6, 3, 50), "dtype": "f4"},
        {"chunks": None, "fletcher32": False, "compression": None},
    ],
    ids=["no checksums", "another type", "another shape", "declared and empty", "contiguous"],
)
def test_another_structure_is_refused(file: Path, settings: dict[str, object]) -> None:
    rebuilt(file, "energy", **settings)
    with pytest.raises(WorkbenchError, match="is truncated or damaged"):
        AttackTables.open(file)


def test_links_that_lead_elsewhere_are_refused(file: Path) -> None:
    with h5py.File(file, "r+") as plain:
        del plain["energy"]
        plain["energy"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(WorkbenchError, match="missing or a link to elsewhere"):
        AttackTables.open(file)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A log of one epoch with tables of one epoch more, as after a kill between the two."""
    folder = write_small_log(tmp_path)
    for epoch in range(2):
        append_attacks(folder / "run.attacks.h5", "r", KEYS, epoch, make_inputs(epoch, (NATURAL, "a\x1b[31m[red]")))
    return folder


def shown(run: Path) -> str:
    screen = console()
    with screen.capture() as captured:
        screen.print(run_report(summarize_path(run)))
    return captured.get()


def test_inspect_shows_committed_epochs_only(run: Path) -> None:
    attacks = to_json(summarize_path(run))["attacks"]
    assert attacks["error"] is None
    assert [(row["epoch"], row["attack"]) for row in attacks["epochs"]] == [(0, NATURAL), (0, "a\x1b[31m[red]")]
    assert attacks["energies"]["epoch"] == 0
    edges, counts = attacks["energies"]["edges"], attacks["energies"]["counts"]
    energy = make_inputs(0)["pgd-10"].energy.astype(float)
    assert list(counts["a\x1b[31m[red]"]) == np.histogram(energy.clip(edges[0], edges[-1]), edges)[0].tolist()
    assert sum(counts[NATURAL]) == 49
    natural, attacked = attacks["epochs"]
    assert natural["delta_energy"] == dict.fromkeys(("mean", "std", "q05", "q50", "q95"))
    assert attacked["accuracy"] == make_inputs(0)["pgd-10"].correct.mean()
    text = shown(run)
    assert "Attacks side by side, epoch 0" in text
    ours = text[text.index("Attacks") : text.index("Robust overfitting")].splitlines()
    assert max(map(len, ours)) <= 80
    assert "\x1b" not in text
    assert r"a\x1b[31m[red]" in text


def test_tables_of_another_run_or_damaged_ones_do_not_hide_the_log(run: Path) -> None:
    file = run / "run.attacks.h5"
    append_attacks(file, "another", KEYS, 0, make_inputs(0))
    summary = summarize_path(run)
    assert summary.committed == 1
    assert "is of another run, another" in shown(run)
    file.write_bytes(file.read_bytes()[:500])
    assert to_json(summarize_path(run))["attacks"]["epochs"] == []
    assert "truncated or damaged" in to_json(summarize_path(run))["attacks"]["error"]
    with EnergyLog.open(run) as log:
        assert log.committed == 1
