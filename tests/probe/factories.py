"""Models of a user's own, as ``--model package.module:factory`` finds them."""

from torch import nn


class Net(nn.Module):
    """One convolution and a linear layer, for grey images of 8×8."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.linear = nn.Linear(256, num_classes)

    def forward(self, x):
        return self.linear(self.conv(x).relu().flatten(1))


def with_classes(num_classes: int = 1000) -> nn.Module:
    return Net(num_classes)


def with_anything(**settings: int) -> nn.Module:
    assert settings == {"num_classes": 10}
    return Net(10)


def without_arguments() -> nn.Module:
    return Net(10)


def wrong_number() -> nn.Module:
    return Net(7)


def no_module() -> str:
    return "net"


def fails() -> nn.Module:
    raise LookupError("no such backbone\nat all")


NOT_CALLABLE = 3
