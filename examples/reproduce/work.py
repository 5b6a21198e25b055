"""Everything that a claim needs, piece by piece; what is there already is not done again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reproduce import generate, measure, records, runs
from reproduce.grid import Measure, Run, Sampler, Scale
from reproduce.runs import Deadline
from reproduce.subset import some_classes
from trainers.errors import WorkbenchError

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where things lie and what computes.

    Attributes:
        work: run directories, a folder for each scale; not kept for ever.
        records: what is kept of them.
        data: as ``--data`` takes it, by kind.
        device: auto, cpu, cuda or mps.
    """

    work: Path
    records: Path
    data: dict[str, str]
    device: str = "auto"

    def check(self, runs_to_do: Iterable[Run]) -> None:
        """See to it that the data of some runs are known.

        Raises:
            WorkbenchError: nobody said where they are.
        """
        missing = sorted({run.kind for run in runs_to_do} - set(self.data))
        if missing:
            options = " ".join(f"--data {runs.WHERE[kind]}" for kind in missing)
            raise WorkbenchError(f"say where the images are: {options}")

    def data_of(self, run: Run) -> str:
        """The name of the data of a run; a folder of some classes is made of links to the whole one.

        Raises:
            WorkbenchError: a class is missing.
        """
        whole = self.data[run.kind]
        return some_classes(whole, run.classes, self.work / "data") if run.classes else whole

    def run(self, run: Run) -> Path:
        """The run's directory."""
        return self.work / "runs" / run.name

    def record(self, run: Run) -> Path:
        """The run's record."""
        return self.records / f"{run.name}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Something that can be begun, stopped and gone on with.

    Attributes:
        title: in a few words.
        is_done: whether there is nothing left to do.
        do: do it, or go on with it, until the deadline at most.
    """

    title: str
    is_done: Callable[[], bool]
    do: Callable[[Deadline], None]


def pieces_of(run: Run, whole: Run, place: Place) -> Iterator[Piece]:
    """Train the run and measure it; its record is written anew after each. What a record holds is not done again.

    Args:
        run: with the measures that are wanted.
        whole: the same with all measures of the scale, which the record is to have if they were taken.
        place: where it lies.
    """
    out = place.run(run)

    def is_kept(wanted: Sequence[Measure]) -> bool:
        return records.holds(place.record(run), wanted)

    def keep() -> None:
        records.save(records.make(whole, out), place.record(run))

    def train(deadline: Deadline) -> None:
        if runs.train(run, out, data=place.data_of(run), device=place.device, deadline=deadline):
            keep()

    def is_trained() -> bool:
        return is_kept(run.measures) or (is_kept(()) and runs.is_trained(out))

    yield Piece(title=f"train {run.name}", is_done=is_trained, do=train)
    for wanted in run.measures:

        def take(deadline: Deadline, wanted: Measure = wanted) -> None:
            if not measure.is_measured(wanted, out):
                measure.take(wanted, out, data=place.data_of(run), device=place.device)
            keep()

        yield Piece(
            title=f"evaluate {run.name}, {wanted.epoch} epoch, under {wanted.attacks}",
            is_done=partial(is_kept, (wanted,)),
            do=take,
        )


def pieces_of_claim(claim: str, scale: Scale, place: Place) -> Iterator[Piece]:
    """All pieces of a claim, in the order of its blocks; samples come last."""
    whole = scale.every_run()
    for run in scale.runs(claim):
        yield from pieces_of(run, whole[run.name], place)
    sampler = scale.sampler
    if claim != "generation" or sampler is None:
        return
    (features,) = sampler.features.runs()
    yield from pieces_of(features, features, place)
    for run in scale.runs(claim):
        yield _sampled(run, features, sampler, place)


def _sampled(run: Run, features: Run, sampler: Sampler, place: Place) -> Piece:
    out, record = place.run(run), place.records / f"{generate.PREFIX}{run.name}.json"

    def do(deadline: Deadline) -> None:
        if not generate.is_sampled(out):
            generate.sample(out, place.run(features), sampler, data=place.data_of(run), device=place.device)
        generate.keep(run, features, out, record, sampler)

    return Piece(title=f"sample from {run.name}", is_done=record.exists, do=do)


def work_off(pieces: list[Piece], deadline: Deadline, say: Say) -> bool:
    """Do what is not done, in order, until the deadline; whether nothing went wrong.

    A piece that fails is said and passed over, so that one bad run does not hold up a night.
    """
    well = True
    for number, piece in enumerate(pieces):
        if piece.is_done():
            continue
        if deadline.passed:
            break
        say(f"[{number + 1}/{len(pieces)}] {piece.title}")
        try:
            piece.do(deadline)
        except WorkbenchError as error:
            say(f"failed: {error}")
            well = False
    return well
