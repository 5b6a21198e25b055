"""Features of the Inception network that papers score with, through the optional torch-fidelity."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.errors import WorkbenchError
from workbench.quality.extractors import Extractor

NETWORK = "inception-v3-compat"
FEATURES, LOGITS = "2048", "logits_unbiased"
_OFFLINE = "--features classifier:CHECKPOINT works offline"


def load_inception(weights: Path | None, device: torch.device) -> Extractor:
    """The Inception-v3 of the original FID and IS, as torch-fidelity converted it: 2,048 pooled features, 1,008 logits.

    Images are scaled to 299×299 as TensorFlow 1 did, so that scores compare with papers; grey ones are repeated to
    three channels first. Logits are without the bias, as in the reference implementation of IS.

    Args:
        weights: torch-fidelity's weights file; None for the one that torch.hub keeps, downloaded if it is not there.
        device: where to compute.

    Raises:
        WorkbenchError: torch-fidelity or the weights are not to be had.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises RuntimeError
        name = error.name if isinstance(error, ModuleNotFoundError) else None
        reason = f"{name.replace('_', '-')} is not installed" if name else f"torch-fidelity: {_first_line(error)}"
        raise _not_run(reason, "pip install 'workbench[fid]'") from None
    state = _download(URL_INCEPTION_V3) if weights is None else _read(weights)
    try:
        network = FeatureExtractorInceptionV3(NETWORK, [FEATURES, LOGITS], _rewritten(state)).to(device)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[:2][-1].strip()[:100]  # torch puts the first fault on its second line
        raise _not_run(f"{weights or 'the download'} holds other weights ({reason} …)", _file_advice()) from None

    def embed(images: Tensor) -> tuple[Tensor, Tensor]:
        levels = (images * 255.0).round_().clamp_(0.0, 255.0).to(torch.uint8)
        if levels.shape[1] == 1:
            levels = levels.expand(-1, 3, -1, -1)
        found = network.convert_features_tuple_to_dict(network(levels))
        return found[FEATURES], found[LOGITS]

    return Extractor(
        name="inception",
        slug="inception",
        digest=_digest(state),
        comparable=True,
        embed=embed,
        device=device,
    )


def _download(url: str) -> Mapping[str, Tensor]:
    """The weights that torch.hub keeps, or downloads, which it says on stderr."""
    try:
        state = torch.hub.load_state_dict_from_url(url, map_location="cpu", weights_only=True)
    except (OSError, HTTPException) as error:
        raise _not_run(f"the weights could not be downloaded from {url} ({error})", _file_advice()) from None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise _not_run(f"the weights from {url} are damaged ({type(error).__name__})", _file_advice()) from None
    return _checked(state, url)


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise _not_run(f"there is no weights file {path}", _file_advice()) from None
    except OSError as error:
        raise _not_run(f"{path}: {error.strerror or error}", _file_advice()) from None
    except (RuntimeError, ValueError, KeyError, pickle.UnpicklingError, EOFError):
        raise _not_run(f"{path} is not a PyTorch file of tensors and nothing else", _file_advice()) from None
    return _checked(state, str(path))


def _checked(state: Any, where: str) -> Mapping[str, Tensor]:
    if not (isinstance(state, Mapping) and state and all(isinstance(value, Tensor) for value in state.values())):
        raise _not_run(f"{where} holds no dictionary of tensors", _file_advice())
    return state


def _rewritten(state: Mapping[str, Tensor]) -> io.BytesIO:
    """Weights that were read safely, as a file: torch-fidelity unpickles whatever file it is given."""
    file = io.BytesIO()
    torch.save(dict(state), file)
    file.seek(0)
    return file


def _digest(state: Mapping[str, Tensor]) -> str:
    """Identity of the weights, whatever file they came in, and of the way images are scaled."""
    found = hashlib.sha256(f"{NETWORK} {FEATURES} {LOGITS}".encode())
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _not_run(reason: str, advice: str) -> WorkbenchError:
    return WorkbenchError(f"Inception scores were not run: {reason}; {advice}, or {_OFFLINE}")


def _file_advice() -> str:
    return "give torch-fidelity's weights as --features inception:FILE"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:100]
