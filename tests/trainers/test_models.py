"""The networks against a forward pass and parameter counts written from the papers, not from the modules."""

import pytest
import torch
from refusals import refuses
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.models import CONVENTIONAL, MODELS, ModelSpec, Normalize, build_model
from trainers.recipes import MODEL_WIDTHS

BLOCKS = {"small-cnn": (1, 1, 1), "preact-resnet18": (2, 2, 2, 2), "resnet18": (2, 2, 2, 2)}
BLOCKS |= {"wide-resnet-28-10": (4, 4, 4), "wide-resnet-34-10": (5, 5, 5)}
GREY = {"in_channels": 1, "mean": (0.3,), "std": (0.4,)}
COLOUR = {"in_channels": 3, "mean": (0.49, 0.48, 0.45), "std": (0.247, 0.243, 0.262)}
SHAPES = {"8x8 grey": (GREY, (1, 8, 8)), "32x32 colour": (COLOUR, (3, 32, 32))}
models = pytest.mark.parametrize("name", MODELS)


def build(name: str, seed: int = 0, *, width: int = 4, num_classes: int = 10, **fields: object) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(ModelSpec(name=name, width=width, num_classes=num_classes, **(GREY | fields)))


def is_wide(name: str) -> bool:
    return name.startswith("wide")


def is_preactivated(name: str) -> bool:
    return name in CONVENTIONAL or is_wide(name)


def published_count(name: str, width: int, in_channels: int, num_classes: int) -> int:
    """He et al. 2016: 3×3 convolutions without bias, two batch norms per block, one 1×1 where the shape changes.

    Zagoruyko and Komodakis 2016: the same with a stem of 16 channels. ResNets have a batch norm after the projection
    and one after the stem, the others one before the pooling.
    """
    blocks, stem = BLOCKS[name], 16 if is_wide(name) else width
    total, channels = 9 * in_channels * stem, stem
    total += 0 if is_preactivated(name) else 2 * stem
    for stage, depth in enumerate(blocks):
        out = width * 2**stage
        for block in range(depth):
            total += 2 * (channels if is_preactivated(name) else out) + 9 * channels * out + 2 * out + 9 * out * out
            if block == 0 and (stage > 0 or channels != out):
                total += channels * out + (0 if is_preactivated(name) else 2 * out)
            channels = out
    return total + (2 * channels if is_preactivated(name) else 0) + channels * num_classes + num_classes


@models
@pytest.mark.parametrize("fields", [GREY, COLOUR])
@pytest.mark.parametrize("num_classes", [2, 10])
def test_parameter_count_is_that_of_the_architecture(name: str, fields: dict[str, object], num_classes: int) -> None:
    model = build(name, width=8, num_classes=num_classes, **fields)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == published_count(name, 8, fields["in_channels"], num_classes)


def test_sizes_are_those_that_the_field_knows() -> None:
    # PreActResNet-18 has 11,172,170 parameters in the field's listings: 11,171,146 and 1,024 of the last batch norm.
    assert published_count("preact-resnet18", 64, 3, 10) == 11_171_146 + 1_024
    resnet = build("preact-resnet18", width=MODEL_WIDTHS["preact-resnet18"], **COLOUR)
    assert sum(parameter.numel() for parameter in resnet.parameters()) == 11_172_170
    small = build("small-cnn", width=16)
    assert 77_000 < sum(parameter.numel() for parameter in small.parameters()) < 78_000


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet18", 11_173_962), ("wide-resnet-28-10", 36_479_194), ("wide-resnet-34-10", 46_160_474)],
)
def test_the_published_number_of_parameters(name: str, parameters: int) -> None:
    """As RobustBench and the papers' repositories count them, for ten classes of colour images."""
    with torch.device("meta"):
        model = build_model(ModelSpec(name=name, width=MODEL_WIDTHS[name], num_classes=10, **COLOUR))
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("name", sorted(MODELS.keys() - set(CONVENTIONAL)))
def test_only_some_models_have_conventions_to_choose(name: str) -> None:
    for fields in ({"shortcut": "raw"}, {"final_bn": False}):
        with refuses(name, "shortcut"):
            build(name, **fields)


def test_every_model_has_a_default_width() -> None:
    assert MODELS.keys() == MODEL_WIDTHS.keys() == BLOCKS.keys()


State = dict[str, Tensor]


def norm(state: State, name: str, value: Tensor) -> Tensor:
    """Batch norm with running statistics."""
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    scale = state[f"{name}.weight"] / (variance + 1e-5).sqrt()
    return (value - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None]


def forward_wide(state: State, blocks: tuple[int, ...], x: Tensor) -> Tensor:
    """TRADES' wide network in evaluation mode: activation before the branch where shapes change, else inside it."""
    x = (x - state["normalize.mean"]) / state["normalize.std"]
    x = F.conv2d(x, state["conv1.weight"], padding=1)
    for stage, depth in enumerate(blocks, start=1):
        for block in range(depth):
            name = f"block{stage}.layer.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            if f"{name}.convShortcut.weight" in state:
                x = norm(state, f"{name}.bn1", x).clamp(min=0)
                inner, shortcut = x, F.conv2d(x, state[f"{name}.convShortcut.weight"], stride=stride)
            else:
                inner, shortcut = norm(state, f"{name}.bn1", x).clamp(min=0), x
            inner = F.conv2d(inner, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = norm(state, f"{name}.bn2", inner).clamp(min=0)
            x = F.conv2d(inner, state[f"{name}.conv2.weight"], padding=1) + shortcut
    features = norm(state, "bn1", x).clamp(min=0).mean((2, 3))
    return features @ state["fc.weight"].T + state["fc.bias"]


def forward_resnet(state: State, blocks: tuple[int, ...], x: Tensor) -> Tensor:
    """A residual network in evaluation mode: normalise after each convolution, activate after the sum."""
    x = (x - state["normalize.mean"]) / state["normalize.std"]
    x = norm(state, "bn1", F.conv2d(x, state["conv1.weight"], padding=1)).clamp(min=0)
    for stage, depth in enumerate(blocks, start=1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            shortcut = x
            if f"{name}.shortcut.0.weight" in state:
                shortcut = F.conv2d(x, state[f"{name}.shortcut.0.weight"], stride=stride)
                shortcut = norm(state, f"{name}.shortcut.1", shortcut)
            inner = F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = norm(state, f"{name}.bn1", inner).clamp(min=0)
            inner = norm(state, f"{name}.bn2", F.conv2d(inner, state[f"{name}.conv2.weight"], padding=1))
            x = (inner + shortcut).clamp(min=0)
    return x.mean((2, 3)) @ state["linear.weight"].T + state["linear.bias"]


def forward_preactivated(state: State, blocks: tuple[int, ...], x: Tensor) -> Tensor:
    """Evaluation mode by the formulas, with the projection of relu(bn(x)) (the convention of robust_overfitting)."""
    x = (x - state["normalize.mean"]) / state["normalize.std"]
    x = F.conv2d(x, state["conv1.weight"], padding=1)
    for stage, depth in enumerate(blocks, start=1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            inner = norm(state, f"{name}.bn1", x).clamp(min=0)
            shortcut = x
            if f"{name}.shortcut.0.weight" in state:
                shortcut = F.conv2d(inner, state[f"{name}.shortcut.0.weight"], stride=stride)
            inner = F.conv2d(inner, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = norm(state, f"{name}.bn2", inner).clamp(min=0)
            x = F.conv2d(inner, state[f"{name}.conv2.weight"], padding=1) + shortcut
    features = norm(state, "bn", x).clamp(min=0).mean((2, 3))
    return features @ state["linear.weight"].T + state["linear.bias"]


def forward(name: str, state: State, x: Tensor) -> Tensor:
    """The published forward pass of a model."""
    formula = forward_wide if is_wide(name) else forward_preactivated if is_preactivated(name) else forward_resnet
    return formula(state, BLOCKS[name], x)


@models
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_those_of_the_published_forward_pass(name: str, shape: str) -> None:
    fields, size = SHAPES[shape]
    model = build(name, num_classes=7, **fields).double().train()
    x = torch.rand(5, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for _ in range(3):  # running statistics that are not the initial 0 and 1
        model(2 * x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval()
    state = {key: value.detach() for key, value in model.state_dict().items()}
    logits = model(x)
    assert logits.shape == (5, 7)
    assert torch.allclose(logits, forward(name, state, x), rtol=1e-9, atol=1e-9)
    features = model.features(x)
    last = "fc" if is_wide(name) else "linear"
    assert torch.allclose(features @ state[f"{last}.weight"].T + state[f"{last}.bias"], logits)


@models
def test_images_are_taken_in_the_unit_range_and_normalised_inside(name: str) -> None:
    inside, outside = (
        build(name, **COLOUR).eval(),
        build(name, **COLOUR | {"mean": (0.0,) * 3, "std": (1.0,) * 3}).eval(),
    )
    x = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    mean, std = (torch.tensor(COLOUR[key])[:, None, None] for key in ("mean", "std"))
    assert torch.allclose(inside(x), outside((x - mean) / std), atol=1e-5)
    assert not torch.allclose(inside(x), outside(x), atol=1e-2)


def test_normalisation_is_per_channel_and_travels_with_the_weights() -> None:
    layer = Normalize((0.25, 0.5), (0.5, 0.25))
    x = torch.tensor([0.75, 0.75]).view(1, 2, 1, 1)
    assert layer(x).flatten().tolist() == [1.0, 1.0]
    assert set(layer.state_dict()) == {"mean", "std"}
    assert not list(layer.parameters())


@models
def test_the_seed_alone_decides_the_weights(name: str) -> None:
    first, again, other = build(name, 3), build(name, 3), build(name, 4)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())
    assert not torch.equal(first.get_parameter("conv1.weight"), other.get_parameter("conv1.weight"))


@models
def test_a_sample_does_not_see_its_batch_in_evaluation_mode(name: str) -> None:
    model = build(name).eval()
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(model(x)[:1], model(x[:1]), atol=1e-5)


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with refuses("resnet-9000", *MODELS):
        build("resnet-9000")
