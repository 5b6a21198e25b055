"""Probe checkpoints: each becomes an epoch of an energy log, in the order given."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.checkpoints.foreign import Foreign
from trainers.energylog import EnergyLog, LogWriter, RunMeta, SampleKeys
from trainers.energylog.attack_tables import NATURAL, append_attacks, attacks_path
from trainers.errors import WorkbenchError
from trainers.provenance import now, versions
from trainers.revision import git_revision
from workbench.probe.loading import check_fits
from workbench.probe.measure import Measured, Watch, measure
from workbench.probe.setting import CHECKPOINT_PATHS, ProbeSpec, Say, Setting, prepare


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochMeasured:
    """A checkpoint that is in the log: its number of all, its name, what was measured."""

    epoch: int
    total: int
    name: str
    measured: Measured


def probe(
    spec: ProbeSpec,
    log: Path,
    *,
    resume: bool = False,
    say: Say = lambda sentence: None,
    watch: Watch = lambda done, total: None,
    done: Callable[[EpochMeasured], None] = lambda epoch: None,
) -> None:
    """Measure every checkpoint and write the log, and beside it, for several attacks, their tables.

    Interrupted (KeyboardInterrupt, perhaps out of ``watch``), the log says stopped; ``resume`` goes on behind its last
    whole epoch.

    Args:
        spec: what to measure.
        log: the file; its folder is made.
        resume: go on with a log of the same settings.
        say: told what was stripped, ignored or inferred, where it differs from the checkpoint before.
        watch: called between batches.
        done: called after each epoch.

    Raises:
        WorkbenchError: a checkpoint, a model, data or a log that cannot be used.
    """
    setting = prepare(spec, say)
    keys = SampleKeys(
        index=setting.split.index.cpu().numpy(), label=setting.split.labels.cpu().numpy().astype(np.int32)
    )
    loaded: Foreign | None = None
    if resume:
        run_id, status = _begun(setting, log, keys)
        if status == "finished":
            say(f"{log} is already finished; nothing to do")
            return
        writer = LogWriter.resume(log)
    else:
        loaded = load_fitting(setting, spec.checkpoints[0])  # what cannot be loaded leaves no log behind
        writer, run_id = _create(setting, log, keys)
    names = setting.config["checkpoints"]
    told: tuple[str, ...] = ()
    with writer:
        try:
            for epoch in range(writer.committed, len(names)):
                began = time.perf_counter()
                foreign, loaded = loaded or load_fitting(setting, spec.checkpoints[epoch]), None
                for remark in setting.remarks if not told else ():
                    say(remark)
                if foreign.notes != told:
                    say(f"{names[epoch]}: {'; '.join(foreign.notes)}")
                    told = foreign.notes
                measured = _measure(setting, foreign, say, watch)
                seconds = time.perf_counter() - began
                if len(setting.attacks) > 1:
                    append_attacks(attacks_path(log), run_id, keys, epoch, measured.inputs)
                _write_epoch(writer, setting, epoch, foreign, measured, seconds)
                done(EpochMeasured(epoch=epoch, total=len(names), name=names[epoch], measured=measured))
        except KeyboardInterrupt:
            writer.close("stopped")
            raise


def load_fitting(setting: Setting, path: Path) -> Foreign:
    """A checkpoint's model with frozen weights, on the device of the images, which it takes.

    Raises:
        WorkbenchError: it cannot be loaded, or is for other images or classes.
    """
    foreign = setting.load(path, setting.shortcut)
    for parameter in foreign.model.to(setting.split.images.device).parameters():
        parameter.requires_grad_(False)  # a TorchScript module has no such method of its own
    check_fits(foreign, path, setting.split, setting.class_names)
    return foreign


def _measure(setting: Setting, foreign: Foreign, say: Say, watch: Watch) -> Measured:
    spec = setting.spec
    return measure(
        foreign.model,
        setting.split,
        setting.attacks,
        ball=setting.ball,
        seed=spec.seed,
        batch_size=spec.batch_size,
        watch=watch,
        say=say,
    )


def _write_epoch(
    writer: LogWriter, setting: Setting, epoch: int, foreign: Foreign, measured: Measured, seconds: float
) -> None:
    first = setting.attacks[0].name
    name = setting.config["checkpoints"][epoch]
    broken = [f"{measured.num_broken} images with logits that are not finite"] if measured.num_broken else []
    message = "; ".join((name, *broken, *foreign.notes))
    writer.append_event(kind="note", epoch=epoch, step=0, message=message)
    measures = {
        "epoch": epoch,
        "evaluation_seconds": seconds,
        "clean_accuracy": measured.accuracy(NATURAL),
        "fgsm_accuracy": measured.fgsm_accuracy,
        "pgd_accuracy": measured.accuracy(first),
    }
    writer.append_epoch(measures, None, measured.table(first))


def _create(setting: Setting, log: Path, keys: SampleKeys) -> tuple[LogWriter, str]:
    spec = setting.spec
    meta = RunMeta(
        run_id=f"{spec.method}-{setting.config['data'].partition(':')[0]}-s{spec.seed}-{uuid.uuid4().hex[:8]}",
        method=spec.method,
        dataset=setting.config["data"],
        class_names=setting.class_names,
        config=setting.config,
        seed=spec.seed,
        planned_epochs=len(spec.checkpoints),
        train_attack=None,
        probe_attack=setting.attacks[0].name,
        train_batch_norm="eval",
        versions=versions(),
        git_revision=git_revision(),
        created=now(),
    )
    if log.exists():
        raise WorkbenchError(f"{log} exists; go on with --resume, or choose another --out")
    if attacks_path(log).exists():
        raise WorkbenchError(f"{attacks_path(log)} exists, without its log; remove it, or choose another --out")
    log.parent.mkdir(parents=True, exist_ok=True)
    nothing = SampleKeys(index=np.empty(0, dtype=np.int64), label=np.empty(0, dtype=np.int32))
    return LogWriter.create(log, meta, train=nothing, probe=keys), meta.run_id


def _begun(setting: Setting, log: Path, keys: SampleKeys) -> tuple[str, str]:
    """Run id and status of a log that was begun with the same settings."""
    with EnergyLog.open(log) as before:
        meta, status, same = before.meta, before.status, keys.same_as(before.keys("probe"))
    compared = {name: value for name, value in setting.config.items() if name != CHECKPOINT_PATHS}
    differs = [name for name, value in compared.items() if meta.config.get(name) != value]
    if meta.method != setting.spec.method:
        differs.append("method")
    if differs or not same:
        what = ", ".join(differs) or "the images"
        raise WorkbenchError(f"{log} was begun with other settings ({what}); give the same ones, or another --out")
    return meta.run_id, status
