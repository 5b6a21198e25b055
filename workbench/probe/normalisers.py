"""``--mean``, ``--std`` and ``--input-range``: what a network wants done to images in [0, 1]."""

from collections.abc import Mapping

from trainers.checkpoints.foreign import Normaliser
from trainers.errors import WorkbenchError
from trainers.spec import parse_fraction

_CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
NAMED: Mapping[str, Normaliser] = {
    "cifar10": Normaliser(_CIFAR_MEAN, (0.2471, 0.2435, 0.2616)),
    "engstrom": Normaliser(_CIFAR_MEAN, (0.2023, 0.1994, 0.2010)),
    "svhn": Normaliser((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": Normaliser((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "pm1": Normaliser((0.5,), (0.5,)),
    "none": Normaliser((0.0,), (1.0,)),
}
"""Normalisers by name: σ of Wong, Rice and AWP; of Engstrom; SVHN; ImageNet; 2x − 1; x as it is."""


def parse_normaliser(mean: str | None, std: str | None, input_range: str | None) -> Normaliser | None:
    """The normaliser that options describe, of images in [0, 1]; None where nothing was asked for.

    Args:
        mean: a name of NAMED, which stands for the std too, or numbers between commas, one per channel or one for all.
        std: likewise; with numbers both are needed.
        input_range: LOW,HIGH: the network's pixels lie in this range, to which ``mean`` and ``std`` refer.

    Raises:
        WorkbenchError: unknown names, no numbers, one without the other, or a std that is not above 0.
    """
    low, high = _range(input_range)
    given = {text for text in (mean, std) if text is not None}
    if not given and input_range is None:
        return None
    if len(given) <= 1 and given <= NAMED.keys():
        base = NAMED[next(iter(given), "none")]
    elif mean is None or std is None or given & NAMED.keys():
        raise WorkbenchError("--mean and --std go together: numbers for both, or one name that stands for both")
    else:
        base = Normaliser(_numbers("--mean", mean), _numbers("--std", std))
    channels = max(len(base.mean), len(base.std))
    if {len(base.mean), len(base.std)} - {1, channels}:
        raise WorkbenchError(f"--mean has {len(base.mean)} numbers, --std {len(base.std)}; give one per channel")
    means, stds = (values * channels if len(values) == 1 else values for values in base)
    if min(stds) <= 0:
        raise WorkbenchError("--std must be above 0")
    span = high - low  # (low + span·x − mean) / std = (x − (mean − low)/span) / (std/span)
    return Normaliser(tuple((m - low) / span for m in means), tuple(s / span for s in stds))


def for_channels(normaliser: Normaliser | None, channels: int) -> Normaliser | None:
    """One number for all channels, spread over them.

    Raises:
        WorkbenchError: another number of channels.
    """
    if normaliser is None or len(normaliser.mean) == channels:
        return normaliser
    if len(normaliser.mean) == 1:
        return Normaliser(normaliser.mean * channels, normaliser.std * channels)
    raise WorkbenchError(f"--mean and --std are of {len(normaliser.mean)} channels, the images have {channels}")


def _range(text: str | None) -> tuple[float, float]:
    values = (0.0, 1.0) if text is None else _numbers("--input-range", text)
    if len(values) != 2 or not values[0] < values[1]:
        raise WorkbenchError(f"--input-range must be LOW,HIGH such as 0,255 or -1,1; got {text!r}")
    return values[0], values[1]


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(parse_fraction(part.strip()) for part in text.split(","))
    except WorkbenchError:
        known = f" or one of {', '.join(NAMED)}" if option != "--input-range" else ""
        raise WorkbenchError(f"{option} must be numbers between commas{known}; got {text!r}") from None
