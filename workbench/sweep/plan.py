"""What a sweep is to do, from what it was asked for: nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from trainers.checkpoints import load_weights
from trainers.dataname import absolute_data
from trainers.errors import WorkbenchError
from workbench.sampling.settings import Settings
from workbench.sampling.spec import defaults_for, parse_classes
from workbench.sweep.grid import AXES, Cell, make_cells
from workbench.sweep.results import CELLS
from workbench.target import Target, find_target
from workbench.training_data import load_training_data

DEFAULT_LISTS: Mapping[str, tuple[Any, ...]] = {
    "start": ("pca", "noise"),
    "start_scale": (0.35, 1.0),
    "steps": (0, 60),
    "stop": ("adaptive", "fixed"),
    "min_steps": (0, 10),
}
"""The grid where no other is asked for; each list stands by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a sweep is asked for, in plain values.

    Attributes:
        path: run or checkpoint.
        epoch: which checkpoint of a run.
        data: the data that starts come from; None for the checkpoint's own.
        against: the reference data.
        split: which of its images.
        features: network of the scores.
        judge: of class agreement; None for the default.
        k: neighbours.
        classes: as in ``--class``.
        num: images of each cell.
        seed: of everything.
        lists: values by axis, of those that were given.
    """

    path: str
    epoch: str = "best"
    data: str | None = None
    against: str
    split: str = "train"
    features: str = "inception"
    judge: str | None = None
    k: int = 5
    classes: str = "all"
    num: int = 500
    seed: int = 0
    lists: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        for name, least in (("num", 2), ("k", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise WorkbenchError(f"--{name} must be at least {least}; got {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "lists": {name: list(values) for name, values in self.lists.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values.

        Raises:
            WorkbenchError: something is missing, unknown or of another type.
        """
        known = {field.name: field.type for field in fields(cls)}
        lists = values.get("lists")
        right = set(values) <= set(known) and {"path", "against"} <= set(values)
        right = right and isinstance(lists, Mapping) and set(lists) <= set(AXES)
        right = right and all(isinstance(item, list | tuple) and len(item) for item in (lists or {}).values())
        for name in ("num", "k", "seed"):
            right = right and type(values.get(name, 1)) is int
        if not right:
            raise WorkbenchError("the options of this sweep cannot be read; give them again without --resume")
        return cls(**values)

    def absolute(self) -> Self:
        """The same with the paths of data and networks made absolute: it can be asked for again from any folder.

        Raises:
            WorkbenchError: a path begins with the home of a user whom nobody knows.
        """
        return replace(
            self,
            data=None if self.data is None else absolute_data(self.data),
            against=absolute_data(self.against),
            features=absolute_data(self.features),
            judge=None if self.judge is None else absolute_data(self.judge),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Cells and the checkpoint that they sample from.

    Attributes:
        options: what was asked for.
        target: the checkpoint.
        digest: SHA-256 of its weights.
        class_names: its classes.
        image_shape: (C, H, W) of its images; None where it does not say.
        cells: in the order of the grid.
    """

    options: Options
    target: Target
    digest: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    cells: tuple[Cell, ...]

    @property
    def num_chains(self) -> int:
        """Of all cells together."""
        return len(self.cells) * self.options.num

    def sampling(self, cell: Cell) -> Settings:
        """The settings of a cell as ``workbench sample`` has them."""
        return Settings(
            checkpoint=self.target.checkpoint.absolute(),
            checkpoint_digest=self.digest,
            data=self.options.data,
            spec=cell.spec,
        )

    def identity(self) -> dict[str, Any]:
        """What must be equal for images to be; plain values."""
        return {
            "checkpoint": self.digest,
            "data": self.options.data,
            "split": self.options.split,
            "seed": self.options.seed,
            "num": self.options.num,
            "classes": list(self.cells[0].spec.labels),
            "grid": [{"name": cell.name, **cell.spec.to_dict()} for cell in self.cells],
        }


def make_plan(options: Options) -> Plan:
    """Find the checkpoint and make the cells; the options of the plan have absolute paths.

    Raises:
        WorkbenchError: no such checkpoint or class, or a value out of its range.
    """
    options = options.absolute()
    target = find_target(Path(options.path).expanduser(), options.epoch)
    _, facts = load_weights(target.checkpoint)
    names = facts.get("class_names") or load_training_data(facts, options.data).class_names
    shape = facts.get("image_shape")
    kind = {name: (value,) for name, value in defaults_for(options.data or facts.get("data")).items()}
    cells = make_cells(
        {**kind, **DEFAULT_LISTS, **options.lists},
        labels=parse_classes(options.classes, [str(name) for name in names]),
        num=options.num,
        seed=options.seed,
    )
    return Plan(
        options=options,
        target=target,
        digest=target.digest(),
        class_names=tuple(map(str, names)),
        image_shape=tuple(shape) if shape else None,
        cells=cells,
    )


def folder_of(out: Path, cell: Cell) -> Path:
    """Where the samples of a cell lie."""
    return out / CELLS / cell.name
