"""The class-wise PCA of a checkpoint: fitted once, then read from beside the run."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.dataname import absolute_data
from trainers.errors import WorkbenchError
from workbench.pca.features import penultimate_features
from workbench.pca.fit import Say, fit_class_pca, silent
from workbench.pca.spec import FEATURES, PCASpec
from workbench.pca.store import load_pca, pca_path, save_pca
from workbench.pca.values import ClassPCA, PCAFacts
from workbench.target import Target

if TYPE_CHECKING:
    from trainers.data import Data


def class_pca_for(
    target: Target,
    data_option: str | None,
    spec: PCASpec,
    *,
    refit: bool = False,
    folder: Path | None = None,
    must_keep: bool = True,
    say: Say = silent,
    note: Say = silent,
) -> tuple[ClassPCA, bool]:
    """The class-wise PCA of a checkpoint's training data, from its file if there is one of the same data and spec.

    A file that matches is used without loading the data: that costs milliseconds. It matches if it holds what ``spec``
    asks for, of the classes, image shape and split sizes that the checkpoint names, of the data of that name, and (for
    features) of the same weights. Where the names alone cannot tell, the data are loaded and their digest decides.
    That the images of a folder were changed since is not noticed; ``refit`` is for that.

    Args:
        target: the checkpoint.
        data_option: data set to fit on instead of the one that the checkpoint names; it must be of the same classes
            and image shape.
        spec: what to fit.
        refit: fit even if there is a file.
        folder: where the file lies; ``target.derived`` by default.
        must_keep: whether a file that cannot be written is an error; if not, the PCA is used without being kept.
        say: told, in a few words, what is being done.
        note: told why a file that is there is not used, or why there will be none.

    Returns:
        The PCA, and whether it was fitted now.

    Raises:
        WorkbenchError: no data are known, they do not fit the model, a class is empty, the model gives no features, or
            the file cannot be written and must be.
    """
    from trainers.checkpoints import load_weights

    model, known = load_weights(target.checkpoint)
    path = pca_path(target.derived if folder is None else folder, spec)
    digest = target.digest() if spec.space == FEATURES else None
    cached = None if refit else _read_cached(path, spec, known, digest, note)
    name = known.get("data") if data_option is None else data_option
    if cached is not None and isinstance(name, str) and _same_data(cached.facts, name, given=data_option is not None):
        return cached, False

    from workbench.training_data import load_training_data

    say("loading the data")
    data = load_training_data(known, data_option)
    facts = _facts(data, str(name), known, spec, digest)
    if cached is not None:
        if _same_content(cached.facts, facts):
            return cached, False
        note(f"{path.name} is of other data ({cached.facts.data}); fitting it again")
    images = data.train.images
    if spec.space == FEATURES:
        x, scale = penultimate_features(model, data.train, say=say), 1.0
    else:
        x, scale = images.numpy().reshape(len(images), -1), data.train.scale
    pca = fit_class_pca(x, data.train.labels.numpy(), facts, scale=scale, say=say)
    try:
        save_pca(path, pca)
    except WorkbenchError as error:
        if must_keep:
            raise
        note(f"the PCA is not kept for the next time: {error}")
    return pca, True


def _read_cached(path: Path, spec: PCASpec, known: Mapping[str, Any], digest: str | None, note: Say) -> ClassPCA | None:
    """The PCA of a file if it is what the spec asks for and of the checkpoint; its data remain to be compared."""
    if not path.exists():
        return None
    try:
        cached = load_pca(path)
    except WorkbenchError as error:
        note(f"{error} (done now)")
        return None
    facts = cached.facts
    agrees = {
        "settings": _same_spec(facts.spec, spec),
        "weights": facts.checkpoint_digest == digest,
        "classes": known.get("class_names") is None or tuple(known["class_names"]) == facts.class_names,
        "image shape": known.get("image_shape") is None or tuple(known["image_shape"]) == facts.image_shape,
        "split": (facts.train_size, facts.probe_size) == _sizes(known),
    }
    others = [what for what, same in agrees.items() if not same]
    if others:
        note(f"{path.name} is of other {' and '.join(others)}; fitting it again")
        return None
    return cached


def _same_spec(one: PCASpec, other: PCASpec) -> bool:
    return replace(one, seed=0) == replace(other, seed=0) and (one.seed == other.seed or not one.seeded)


def _same_data(facts: PCAFacts, name: str, *, given: bool) -> bool:
    """Whether a PCA is of the data of a name, without looking into them.

    A path that the checkpoint names and that leads nowhere from here (another folder, another machine) is trusted by
    its name; one that the user gives is not.
    """
    if facts.data_source == absolute_data(name):
        return True
    return not given and facts.data == name and not Path(absolute_data(name).partition(":")[2]).exists()


def _same_content(one: PCAFacts, other: PCAFacts) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("data_digest", "class_names", "image_shape"))


def _sizes(known: Mapping[str, Any]) -> tuple[int | None, int | None]:
    train, probe = (known.get(name) for name in ("train_size", "probe_size"))
    return (train if isinstance(train, int) else None, probe if isinstance(probe, int) else None)


def _facts(data: "Data", name: str, known: Mapping[str, Any], spec: PCASpec, digest: str | None) -> PCAFacts:
    from trainers.provenance import now, versions

    train_size, probe_size = _sizes(known)
    return PCAFacts(
        data=name,
        data_source=absolute_data(name),
        data_digest=data.train.digest(),
        train_size=train_size,
        probe_size=probe_size,
        class_names=tuple(map(str, data.class_names)),
        image_shape=tuple(int(size) for size in np.shape(data.train.images)[1:]),
        space=spec.space,
        variance=spec.variance,
        num_components=spec.components,
        local=spec.local,
        seed=spec.seed,
        checkpoint_digest=digest,
        versions=versions() | {"scikit-learn": version("scikit-learn")},
        created=now(),
    )
