"""The passes that one step of a method cannot do without, and nothing else: no optimizer, data, noise or energies.

They are those of the method's ``cost`` (a test counts them), in the modes of batch norm that the method names, on the
weights that the method differentiates; x stands for every image.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainers.method import NEED_CLEAN, MethodSpec
from trainers.spec import TrainConfig


def bare_passes(model: nn.Module, x: Tensor, y: Tensor, method: MethodSpec, config: TrainConfig) -> None:
    """The passes of one step; the model is in training mode, before and after."""
    weights = list(model.parameters())
    if method.step == "replay":
        for _ in range(config.replays):
            leaf = x.detach().requires_grad_(True)
            losses = [cross_entropy(model(image), y) for image in ([x, leaf] if method.needs_clean else [leaf])]
            torch.autograd.grad(sum(losses), [leaf, *weights])  # type: ignore[arg-type]
        return
    losses = _attack(model, x, y, method)
    if method.step == "perturb-weights" and config.awp_gamma > 0:
        proxy = [cross_entropy(model(x), y) for _ in range(2 if method.loss in NEED_CLEAN else 1)]
        torch.autograd.grad(sum(proxy), [w for w in weights if w.dim() > 1])  # type: ignore[arg-type]
    if method.needs_clean and not losses:
        losses.append(cross_entropy(model(x), y))
    if method.attack is not None:
        losses.append(cross_entropy(model(x), y))
    losses += [REGULARIZERS[name](model, x, y) for name in method.regularizers if name in REGULARIZERS]
    torch.autograd.grad(sum(losses), weights)  # type: ignore[arg-type]


def recording_pass(model: nn.Module, x: Tensor) -> None:
    """The pass that recording E(x) costs a method that never forwards x itself."""
    with torch.no_grad():
        model(x)


def _attack(model: nn.Module, x: Tensor, y: Tensor, method: MethodSpec) -> list[Tensor]:
    """The attack's passes; the loss of x among them if it is to be trained on."""
    trained: list[Tensor] = []
    if method.attack is None:
        return trained
    model.train(method.attack.batch_norm == "train")
    if method.attack.objective != "cross-entropy":
        recording_pass(model, x)
    for i in range(method.attack.steps):
        leaf = x.detach().requires_grad_(True)
        loss = cross_entropy(model(leaf), y)
        keep = method.needs_clean and method.attack_forwards_clean and i == 0
        torch.autograd.grad(loss, leaf, retain_graph=keep)
        trained += [loss] if keep else []
    model.train()
    return trained


def _alignment(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(cross_entropy(model(leaf), y), leaf, create_graph=True)
    return gradient.square().sum()


def _linearity(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(torch.cat([x, x, x])), y.repeat(3))


REGULARIZERS: Mapping[str, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    "grad-align": _alignment,
    "elle": _linearity,
    "elle-adaptive": _linearity,
}
"""The passes of regularizers that have any of their own."""
