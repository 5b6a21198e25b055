"""One training run: train, evaluate, log, save; stop and go on, or go back and on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import tomli_w
from numpy.typing import NDArray
from torch import Tensor

from trainers.callbacks import Answer, BatchReport, Callback, EpochReport, Notebook, Rollback, StartReport, Stop
from trainers.checkpoints import (
    CheckpointStore,
    ResumeState,
    load_resume,
    optimizer_tensors,
    restore_optimizer,
    save_resume,
    save_weights,
    write_atomically,
)
from trainers.data import Split
from trainers.data.augment import Draws, augmented, draw
from trainers.divergence import DivergedError, explained, way_back
from trainers.energylog import STEP_DTYPE, EnergyLog, LogWriter, SampleKeys, best_epoch
from trainers.errors import WorkbenchError
from trainers.evaluate import Evaluation, evaluate
from trainers.models.average import WeightAverage
from trainers.provenance import describe_run
from trainers.rollback import RAMP_EPOCHS, der_beta, roll_back
from trainers.rundir import CHECKPOINTS, CONFIG_NAME, LOG_NAME, RESUME_NAME, holds_run
from trainers.schedules import Shape, learning_rate
from trainers.seeding import seeded_generator
from trainers.setup import Parts, epoch_batches, prepare, with_changes
from trainers.spec import RolledBack, TrainConfig, read_toml
from trainers.steps import BY_PLACE, train_step
from trainers.tally import EnergyTally

_HOW = f"β takes {RAMP_EPOCHS} epochs to get there, momentum starts at zero"
_Kind = TypeVar("_Kind", bound=Answer)


class Outcome(Enum):
    """How a call of ``fit`` or ``resume`` ended; in all processes but the first of a run: FOLLOWED."""

    FINISHED = "finished"
    STOPPED = "stopped"
    ALREADY_FINISHED = "already finished"
    FOLLOWED = "followed"


class _Position(NamedTuple):
    """The next batch to train on, and the seconds already spent in its epoch."""

    epoch: int
    batch: int
    seconds: float


class _Stopped(NamedTuple):
    """Where a run was told to stop in the middle of an epoch, and the answer that did it."""

    position: _Position
    stop: Stop


def fit(config: TrainConfig, out: Path, callbacks: Sequence[Callback] = ()) -> Outcome:
    """Train a new run into ``out``: ``config.toml``, ``run.h5`` and ``checkpoints/``.

    Data and model are made before anything is written. The run ends early, committed and resumable, when a callback
    answers Stop. When one answers Rollback, older weights come back and the settings change, but nothing is taken back:
    epochs, steps and the learning-rate schedule go on counting, and the run ends after the epochs that were planned.

    Raises:
        WorkbenchError: ``out`` holds a run, the configuration does not fit the data, the loss is no longer finite, or
            the disk is full; committed epochs are safe.
        OSError: ``out`` cannot be made.
    """
    if holds_run(out):
        raise _taken(out)
    parts = prepare(config)
    with parts.team:
        if not parts.team.leads:
            return _follow(parts, out)
        out.mkdir(parents=True, exist_ok=True)
        try:
            write_atomically(out / CONFIG_NAME, tomli_w.dumps(config.to_dict()).encode(), exclusive=True)
        except FileExistsError:
            raise _taken(out) from None
        return _run(parts, out, callbacks)


def resume(
    out: Path, callbacks: Sequence[Callback] = (), *, devices: int | None = None, num_nodes: int | None = None
) -> Outcome:
    """Continue the run in ``out`` from its last saved state; on a CPU the result equals the uninterrupted run.

    Args:
        out: the run's directory.
        callbacks: as for ``fit``.
        devices: how many to go on with on each node; as in the configuration if None. With another number the result
            is the same up to rounding.
        num_nodes: how many nodes, likewise.

    Raises:
        WorkbenchError: ``out`` holds no run, a damaged one, one that another process is training, or one whose data
            have changed; or the disk is full. Committed epochs are safe.
    """
    config = read_config(out)
    if (out / LOG_NAME).exists():
        with EnergyLog.open(out) as log:
            if log.status == "finished":
                return Outcome.ALREADY_FINISHED
    parts = prepare(
        replace(
            config,
            devices=config.devices if devices is None else devices,
            num_nodes=config.num_nodes if num_nodes is None else num_nodes,
        )
    )
    with parts.team:
        return _run(parts, out, callbacks) if parts.team.leads else _follow(parts, out)


def read_config(out: Path) -> TrainConfig:
    """The configuration of the run in ``out``.

    Raises:
        WorkbenchError: there is none, or it is not valid.
    """
    if not (out / CONFIG_NAME).exists():
        raise WorkbenchError(f"{out} holds no run to resume: there is no {CONFIG_NAME} in it")
    return TrainConfig.from_dict(read_toml(out / CONFIG_NAME))


def _taken(out: Path) -> WorkbenchError:
    return WorkbenchError(f"{out} already holds a run; continue it with --resume {out}, or choose another --out")


def _run(parts: Parts, out: Path, callbacks: Sequence[Callback]) -> Outcome:
    """Train from the last saved state, or from the start, to the end or to the first Stop."""
    past = _past_steps(out)
    store = CheckpointStore(out, keep_last=parts.config.keep_last, keep_best=parts.config.keep_best)
    store.open()
    with _open_log(parts, out) as writer:
        num_recorded = parts.config.num_recorded(len(parts.data.train))
        tally = EnergyTally(writer, num_recorded=num_recorded, device=parts.device)
        position = _Position(0, 0, 0.0)
        rollbacks: tuple[RolledBack, ...] = ()
        if store.resume_path.exists():
            state = load_resume(store.resume_path)
            _restore(parts, state, store.resume_path, tally)
            _check_order(out, state, writer)
            position = _Position(state.epoch, state.next_batch, state.seconds)
            rollbacks = state.rollbacks
        try:
            outcome = _epochs(
                parts,
                store=store,
                writer=writer,
                tally=tally,
                callbacks=callbacks,
                position=position,
                rollbacks=rollbacks,
                past=past,
            )
        except KeyboardInterrupt:
            writer.close("stopped")
            raise
        writer.close(outcome.value)
    parts.team.tell(_Order.END)
    return outcome


class _Order(Enum):
    """What the first process bids the others do with it."""

    TRAIN = "train"
    GATHER = "gather"
    MEASURE = "measure"
    MEASURE_AVERAGE = "measure the average"
    ROLL_BACK = "roll back"
    END = "end"


def _follow(given: Parts, out: Path) -> Outcome:
    """Do what the first process says, until the run ends. Nothing is written here."""
    team, parts = given.team, given
    store = CheckpointStore(out, keep_last=given.config.keep_last, keep_best=given.config.keep_best)
    if store.resume_path.exists():
        _restore(given, load_resume(store.resume_path), store.resume_path)
    while True:
        order, *words = team.tell()
        if order is _Order.TRAIN:
            position, step, rollbacks = words
            parts = with_changes(given, rollbacks)
            tally = EnergyTally(None, num_recorded=0, device=parts.device, first_step=step)
            batches = epoch_batches(parts, position.epoch)
            moments = _moments(parts.config, given.config, rollbacks, position.epoch, len(batches))
            _train_epoch(parts, tally, (), position, batches, moments)
        elif order is _Order.GATHER:
            _memory(parts)
        elif order is _Order.MEASURE:
            _measure(parts)
        elif order is _Order.MEASURE_AVERAGE:
            assert parts.average is not None
            _measure_average(parts, parts.average)
        elif order is _Order.ROLL_BACK:
            parts = roll_back(parts, store, words[0])
        else:
            return Outcome.FOLLOWED


def _open_log(parts: Parts, out: Path) -> LogWriter:
    """The log of the run, new or continued.

    Raises:
        WorkbenchError: the log is of other data.
    """
    train = _keys(parts.data.train.first(parts.config.num_recorded(len(parts.data.train))))
    probe = _keys(parts.data.probe)
    path = out / LOG_NAME
    if path.exists():
        with EnergyLog.open(out) as log:
            if not (log.keys("train").same_as(train) and log.keys("probe").same_as(probe)):
                raise WorkbenchError(
                    f"{parts.config.data} has changed since {out} began: its samples are no longer those of the log; "
                    "restore the data, or start a new run"
                )
        writer = LogWriter.resume(path, mode=parts.config.log_mode)
        writer.append_event(kind="restart", epoch=writer.committed, step=writer.num_steps, message="resumed")
        return writer
    return LogWriter.create(
        path,
        describe_run(parts.config, parts.method, parts.data),
        train=train,
        probe=probe,
        steps_per_epoch=len(epoch_batches(parts, 0)),
        mode=parts.config.log_mode,
    )


def _past_steps(out: Path) -> NDArray[np.void]:
    """The steps that the log in ``out`` holds; empty without a log."""
    if not (out / LOG_NAME).exists():
        return np.empty(0, dtype=STEP_DTYPE)
    with EnergyLog.open(out) as log:
        return log.steps()


def _check_order(out: Path, state: ResumeState, writer: LogWriter) -> None:
    """A log may be ahead of the resume state, never behind it."""
    if state.epoch > writer.committed:
        raise WorkbenchError(
            f"{out / LOG_NAME} ends at epoch {writer.committed}, before the resume state (epoch {state.epoch}); "
            f"restore both from one copy, or delete {out / CHECKPOINTS / RESUME_NAME} to train again from the start"
        )


def _keys(split: Split) -> SampleKeys:
    return SampleKeys(index=split.index.cpu().numpy(), label=split.labels.cpu().numpy().astype(np.int32))


def _epochs(
    given: Parts,
    *,
    store: CheckpointStore,
    writer: LogWriter,
    tally: EnergyTally,
    callbacks: Sequence[Callback],
    position: _Position,
    rollbacks: tuple[RolledBack, ...],
    past: NDArray[np.void],
) -> Outcome:
    """Epoch after epoch. One whose row the log holds already keeps that row, and is reported like any other.

    What the callbacks answer after an epoch takes effect before the resume state moves past that epoch: whatever a kill
    cuts off is done again in the same way.
    """

    def note(kind: str, epoch: int, message: str) -> None:
        writer.append_event(kind=kind, epoch=epoch, step=tally.next_step, message=message)

    notebook = Notebook(note=note, keep=store.keep, kept=store.kept)
    parts = with_changes(given, rollbacks)
    for rolled in rollbacks:
        _keep(store, rolled)
    logged, events = writer.epochs(), writer.events()
    rows = list(logged[: position.epoch])
    start = StartReport(
        config=given.config,
        train_attack=given.method.attack.name if given.method.attack else None,
        adversarial=given.method.attack is not None,
        rows=logged[: position.epoch],
        steps=past[past["epoch"] < position.epoch],
        events=events,
        notebook=notebook,
        rollbacks=rollbacks,
    )
    for callback in callbacks:
        callback.on_start(start)
    store.prune(best_epoch(rows), last_epoch=position.epoch - 1)
    while position.epoch < parts.config.epochs:
        epoch = position.epoch
        batches = epoch_batches(parts, epoch)
        moments = _moments(parts.config, given.config, rollbacks, epoch, len(batches))
        parts.team.tell(_Order.TRAIN, position, tally.next_step, rollbacks)
        try:
            after = _train_epoch(parts, tally, callbacks, position, batches, moments)
            if isinstance(after, _Stopped):
                save_resume(store.resume_path, _state(parts, tally, after.position, rollbacks))
                note("stop", epoch, after.stop.reason or "stopped before the end of the epoch")
                return Outcome.STOPPED
            tally.flush(epoch)
            _check_finite(tally, epoch)
        except DivergedError as error:
            parts, rolled = _go_back(error, parts, store, tally, rollbacks)
            rollbacks = (*rollbacks, rolled)
            message = f"{rolled.sentence}; the loss of step {error.step} was not finite, momentum starts at zero"
            if message.encode() not in events["message"]:
                note("rollback", rolled.epoch, message)
            position = _Position(epoch, 0, 0.0)
            save_resume(store.resume_path, _state(parts, tally, position, rollbacks))
            continue
        steps = tally.steps
        row = _end_epoch(parts, store, tally, epoch, after.seconds, note, events)
        rows.append(logged[epoch] if row is None else row)
        report = EpochReport(row=rows[-1], steps=steps, notebook=notebook)
        answers = [callback.on_epoch(report) for callback in callbacks]
        position = _Position(epoch + 1, 0, 0.0)
        goes_on = position.epoch < parts.config.epochs
        if goes_on and (rollback := _first(Rollback, answers)) is not None:
            rolled = RolledBack(epoch=epoch, checkpoint=rollback.checkpoint, changes=dict(rollback.changes))
            parts = _roll_back(parts, store, rolled)
            rollbacks = (*rollbacks, rolled)
            _keep(store, rolled)
            if not _holds(events, "rollback", epoch):
                note("rollback", epoch, f"{rolled.sentence}; {_HOW}")
        save_resume(store.resume_path, _state(parts, tally, position, rollbacks))
        store.prune(best_epoch(rows), last_epoch=epoch)
        if goes_on and (stop := _first(Stop, answers)) is not None:
            note("stop", epoch, stop.reason or "stopped after the epoch")
            return Outcome.STOPPED
    return Outcome.FINISHED


def _go_back(
    error: DivergedError,
    parts: Parts,
    store: CheckpointStore,
    tally: EnergyTally,
    rollbacks: tuple[RolledBack, ...],
) -> tuple[Parts, RolledBack]:
    """After a loss that is not finite: the weights that the epoch began with, at half the learning rate.

    Raises:
        WorkbenchError: the run is to stop, or cannot go back.
    """
    if parts.config.on_nan == "stop":
        raise explained(error, parts, store) from None
    rolled = way_back(error, parts, store, rollbacks)
    parts = _roll_back(parts, store, rolled)
    _keep(store, rolled)
    tally.give_up(error.epoch)
    return parts, rolled


def _roll_back(parts: Parts, store: CheckpointStore, rolled: RolledBack) -> Parts:
    parts.team.tell(_Order.ROLL_BACK, rolled)
    return roll_back(parts, store, rolled)


def _moments(
    config: TrainConfig, given: TrainConfig, rollbacks: Sequence[RolledBack], epoch: int, num_batches: int
) -> list[TrainConfig]:
    """The settings of an epoch's batches, each at its middle; ``given`` are those before any rollback."""
    return [
        _at(config, moment, der_beta(given, rollbacks, moment))
        for moment in (epoch + (number + 0.5) / num_batches for number in range(num_batches))
    ]


def _keep(store: CheckpointStore, rolled: RolledBack) -> None:
    if rolled.checkpoint is not None:
        store.keep(rolled.checkpoint)


def _first(kind: type[_Kind], answers: Sequence[Answer]) -> _Kind | None:
    return next((answer for answer in answers if isinstance(answer, kind)), None)


def _holds(events: NDArray[Any], kind: str, epoch: int) -> bool:
    """Whether the log held an event before this process began: it was killed after it wrote that."""
    return bool(np.any((events["kind"] == kind.encode()) & (events["epoch"] == epoch)))


def _train_epoch(
    parts: Parts,
    tally: EnergyTally,
    callbacks: Sequence[Callback],
    position: _Position,
    batches: Sequence[Tensor],
    moments: Sequence[TrainConfig],
) -> _Position | _Stopped:
    """Train from ``position`` to the end of its epoch, made of ``batches``, or to a Stop; the position reached.

    ``moments`` are the settings of each batch.
    A Stop after the last batch is asked for again after the epoch. With several processes, the first one says after
    every batch whether the epoch goes on.
    """
    epoch = position.epoch
    total_steps = parts.config.epochs * len(batches)
    shape = Shape(parts.config.lr_peak, parts.config.drops)
    started = time.perf_counter() - position.seconds
    parts.model.train()
    for number in range(position.batch, len(batches)):
        rate = learning_rate(parts.config.schedule, parts.config.lr, epoch * len(batches) + number, total_steps, shape)
        _train_batch(parts, tally, epoch, batches[number], rate, moments[number])
        stop: Stop | None = None
        if tally.diverged is None:
            report = BatchReport(epoch=epoch, batch=number, num_batches=len(batches), latest=tally.latest)
            answers = [callback.on_batch(report) for callback in callbacks]
            assert _first(Rollback, answers) is None, "a run goes back after an epoch only"
            stop = _first(Stop, answers) if number + 1 < len(batches) else None
        goes_on = parts.team.agree(tally.diverged is None and stop is None)
        _check_finite(tally, epoch)
        if not goes_on:
            return _Stopped(_Position(epoch, number + 1, time.perf_counter() - started), stop or Stop())
    return _Position(epoch, len(batches), time.perf_counter() - started)


def _check_finite(tally: EnergyTally, epoch: int) -> None:
    if tally.diverged is not None:
        raise DivergedError(tally.diverged, epoch)


def _train_batch(parts: Parts, tally: EnergyTally, epoch: int, rows: Tensor, rate: float, config: TrainConfig) -> None:
    """Train on some rows at a learning rate, under the settings of this moment, and record it."""
    for group in parts.sgd.param_groups:
        group["lr"] = rate
    share = parts.team.share(len(rows))
    x, y = parts.data.train.batch(share.of(rows))
    if config.augment != "none":
        draws = draw(len(rows), device=parts.device, seed=config.seed, step=tally.next_step)
        x = augmented(x, config.augment, Draws(*map(share.of, draws)))
    x = x.contiguous(memory_format=parts.memory_format)
    parts.team.align(parts.module)
    result = train_step(
        parts.fabric,
        parts.model,
        parts.optimizer,
        x,
        y,
        method=parts.method,
        config=config,
        generator=seeded_generator(parts.device, config.seed, "attack", tally.next_step, share),
        record=config.record != "probe",
        memory=parts.memory,
        share=share,
    )
    if parts.average is not None:
        parts.average.update(parts.module)
    tally.batch(
        epoch=epoch,
        learning_rate=rate,
        rows=rows,
        y=share.whole(y),
        clean_logits=None if result.clean_logits is None else share.whole(result.clean_logits),
        adv_logits=None if result.adv_logits is None else share.whole(result.adv_logits),
        loss=share.total(result.loss),
        regularizer=share.total(result.regularizer),
    )


def _at(config: TrainConfig, moment: float, beta: float) -> TrainConfig:
    """The settings of one batch: those that change along a run are functions of where it stands, in epochs."""
    gamma = 0.0 if moment < config.awp_warmup else config.awp_gamma
    eps = config.eps * min(moment / config.eps_warmup, 1.0) if config.eps_warmup > 0 else config.eps
    if (beta, gamma, eps) == (config.der_beta, config.awp_gamma, config.eps):
        return config
    return replace(config, der_beta=beta, awp_gamma=gamma, eps=eps)


def _end_epoch(
    parts: Parts,
    store: CheckpointStore,
    tally: EnergyTally,
    epoch: int,
    seconds: float,
    note: Callable[[str, int, str], None],
    events: NDArray[np.void],
) -> np.void | None:
    """Evaluate, save the weights, commit the epoch to the log; its row, or None if the log already held it.

    What the averaged weights are worth is noted, unless it is among ``events``, those that the log already held.
    """
    config, data = parts.config, parts.data
    started = time.perf_counter()
    parts.team.tell(_Order.MEASURE)
    probe, train_pgd = _measure(parts)
    accuracies = {
        "clean_accuracy": probe.clean_accuracy,
        "fgsm_accuracy": probe.fgsm_accuracy,
        "pgd_accuracy": probe.pgd_accuracy,
        "train_pgd_accuracy": train_pgd,
    }
    facts = {
        "epoch": epoch,
        "method": config.method,
        "data": config.data,
        "eps": config.eps,
        "norm": config.norm,
        "class_names": data.class_names,
        "image_shape": tuple(data.train.images.shape[1:]),
        "train_size": config.train_size,
        "probe_size": config.probe_size,
        **{name: value for name, value in accuracies.items() if np.isfinite(value)},
    }
    averaged = _save_average(parts, store.averaged_path(epoch), facts)
    save_weights(store.path(epoch), parts.module, parts.model_spec, facts)
    measures = {
        "epoch": epoch,
        "train_seconds": seconds,
        "evaluation_seconds": time.perf_counter() - started,
        **accuracies,
    }
    row = tally.end_epoch(measures, probe.table)
    if averaged and averaged.encode() not in events["message"][events["epoch"] == epoch]:
        note("note", epoch, averaged)
    return row


def _save_average(parts: Parts, path: Path, facts: Mapping[str, Any]) -> str:
    """Evaluate the averaged weights on the probe set and save them with their own accuracies; a sentence about them.

    ``facts`` are those of the raw weights. Without averaged weights nothing is done, and the sentence is empty.
    """
    if parts.average is None:
        return ""
    config = parts.config
    parts.team.tell(_Order.MEASURE_AVERAGE)
    probe = _measure_average(parts, parts.average)
    accuracies = {name: getattr(probe, name) for name in ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy")}
    kept = {name: value for name, value in facts.items() if name != "train_pgd_accuracy"}
    save_weights(path, parts.average.module, parts.model_spec, kept | accuracies | {"ema": config.ema})
    words = ", ".join(f"{name.removesuffix('_accuracy')} {value:.2%}" for name, value in accuracies.items())
    return f"averaged weights on the probe set: {words}"


def _measure(parts: Parts) -> tuple[Evaluation, float]:
    """The probe set under attack, and the PGD accuracy of the training samples that are measured in the same way."""
    config, team = parts.config, parts.team
    team.align(parts.module)
    subset = parts.data.train.first(config.train_probe_size)
    probe = evaluate(parts.module, parts.data.probe, ball=config.ball, seed=config.seed, team=team)
    if not len(subset):
        return probe, float("nan")
    return probe, evaluate(parts.module, subset, ball=config.ball, seed=config.seed, team=team).pgd_accuracy


def _measure_average(parts: Parts, average: WeightAverage) -> Evaluation:
    """The probe set under attack on the averaged weights."""
    parts.team.align(average.module)
    return evaluate(average.module, parts.data.probe, ball=parts.config.ball, seed=parts.config.seed, team=parts.team)


def _memory(parts: Parts) -> Mapping[str, Tensor]:
    """What the method remembers, of all processes."""
    return {
        name: parts.team.joined(value) if name in BY_PLACE else value for name, value in sorted(parts.memory.items())
    }


def _state(parts: Parts, tally: EnergyTally, position: _Position, rollbacks: tuple[RolledBack, ...]) -> ResumeState:
    parts.team.tell(_Order.GATHER)
    return ResumeState(
        epoch=position.epoch,
        next_batch=position.batch,
        seconds=position.seconds,
        model=parts.module.state_dict(),
        optimizer=optimizer_tensors(parts.module, parts.sgd),
        recorder=tally.state_dict(),
        memory=_memory(parts),
        average={} if parts.average is None else parts.average.state_dict(),
        rollbacks=rollbacks,
    )


def _restore(parts: Parts, state: ResumeState, path: Path, tally: EnergyTally | None = None) -> None:
    share = parts.team.share(0)
    try:
        parts.module.load_state_dict(state.model)
        restore_optimizer(parts.module, parts.sgd, state.optimizer)
        if tally is not None:
            tally.load_state_dict(state.recorder)
        parts.memory.update(
            {
                name: (share.of(value) if name in BY_PLACE else value).to(parts.device)
                for name, value in state.memory.items()
            }
        )
        if parts.average is not None:
            parts.average.load_state_dict(state.average)
    except (RuntimeError, KeyError) as error:
        raise WorkbenchError(f"{path} is of another model or data set: {str(error).splitlines()[0]}") from None
