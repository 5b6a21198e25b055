"""A pre-activation ResNet-18 as a function of a state dict, in both conventions; nothing here imports the package."""

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


def make_state(seed: int, *, width: int = 4, channels: int = 3, num_classes: int = 10, final_bn: bool = True) -> State:
    """Random weights under the names that the field's PreActResNet-18 has; batch norms far from the identity."""
    noise = torch.Generator().manual_seed(seed)
    state: State = {"conv1.weight": torch.randn(width, channels, 3, 3, generator=noise) * 0.3}

    def bn(name: str, size: int) -> None:
        for part, low, high in (("weight", 0.5, 1.5), ("bias", -0.3, 0.3), ("running_mean", -0.3, 0.3)):
            state[f"{name}.{part}"] = torch.rand(size, generator=noise) * (high - low) + low
        state[f"{name}.running_var"] = torch.rand(size, generator=noise) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    inside = width
    for stage in range(4):
        out = width * 2**stage
        for block in range(2):
            name = f"layer{stage + 1}.{block}"
            bn(f"{name}.bn1", inside)
            state[f"{name}.conv1.weight"] = torch.randn(out, inside, 3, 3, generator=noise) * 0.2
            bn(f"{name}.bn2", out)
            state[f"{name}.conv2.weight"] = torch.randn(out, out, 3, 3, generator=noise) * 0.2
            if inside != out:
                state[f"{name}.shortcut.0.weight"] = torch.randn(out, inside, 1, 1, generator=noise) * 0.4
            inside = out
    if final_bn:
        bn("bn", inside)
    state["linear.weight"] = torch.randn(num_classes, inside, generator=noise) * 0.3
    state["linear.bias"] = torch.randn(num_classes, generator=noise)
    return state


def forward(state: State, x: Tensor, *, raw: bool) -> Tensor:
    """Logits in evaluation mode; ``raw``: projections take x itself and not relu(bn(x))."""

    def bn(name: str, h: Tensor) -> Tensor:
        view = [
            state[f"{name}.{part}"].float()[:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        ]
        mean, var, weight, bias = view
        return (h - mean) / (var + 1e-5).sqrt() * weight + bias

    h = F.conv2d(x, state["conv1.weight"].float(), padding=1)
    for stage in range(4):
        for block in range(2):
            name, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            active = bn(f"{name}.bn1", h).relu()
            out = F.conv2d(active, state[f"{name}.conv1.weight"].float(), stride=stride, padding=1)
            out = F.conv2d(bn(f"{name}.bn2", out).relu(), state[f"{name}.conv2.weight"].float(), padding=1)
            key = f"{name}.shortcut.0.weight"
            h = out + (F.conv2d(h if raw else active, state[key].float(), stride=stride) if key in state else h)
    if "bn.weight" in state:
        h = bn("bn", h).relu()
    return h.mean((2, 3)) @ state["linear.weight"].float().T + state["linear.bias"].float()
