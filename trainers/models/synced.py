"""Batch norm over the whole batch of a run in several processes, on every device."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Sum(torch.autograd.Function):
    """The sum over the processes. Its gradient is that of the sum of all processes' losses, as often as wanted."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _over_processes(gradients[0].contiguous())


def _over_processes(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


class SyncedBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance in training mode are those of all processes' samples together.

    torch's own needs CUDA, takes no gradient of a gradient (grad-align), and is not used for that reason.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (B, C, ...) by the statistics of all processes' x; in evaluation mode by the running ones."""
        if not self.training:
            normalised: Tensor = super().forward(x)
            return normalised
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
        values = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        # Sums of squares around something near the mean, the same in every process, keep their digits.
        near = torch.zeros_like(values[:0].sum(axes)) if self.running_mean is None else self.running_mean.clone()
        values = values - near.view(shape)
        count = values.new_tensor([float(values.numel() // values.shape[1])])
        sums = _over_processes(torch.cat([values.sum(axes), values.square().sum(axes), count]))
        channels = values.shape[1]
        number = sums[-1].detach()
        mean = sums[:channels] / number
        variance = (sums[channels:-1] / number - mean.square()).clamp_min(0.0)
        if self.track_running_stats and self.running_mean is not None:
            self._remember(mean.detach() + near, variance.detach() * number / (number - 1.0))
        normalised = (values - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def synchronise(module: nn.Module) -> None:
    """Replace every batch norm inside a module by a synchronised one of the same parameters, buffers and names."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            synced = SyncedBatchNorm(
                child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
            )
            synced._parameters, synced._buffers = child._parameters, child._buffers
            synced.train(child.training)
            setattr(module, name, synced)
        else:
            synchronise(child)
