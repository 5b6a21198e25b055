"""Abnormal adversarial examples (Lin, Yu & Liu 2023, AAER): those on which the attack lowered the loss."""

import torch
from torch import Tensor

from trainers.energy import cross_entropy
from trainers.regularizers.view import View


def aaer(view: View) -> Tensor:
    """λ1·(#abnormal/B)·[λ2·mean_abn(CE before − CE after) + λ3·max(v_abn − v_norm, 0)], a scalar.

    "Before" is where the attack starts, x + η; v is the mean squared l2 distance between the logits there and at x*.
    As in the authors' code only v_abn has a gradient, and only through x*: the second factor's CE terms are numbers.
    The term is 0 unless there are both abnormal and normal examples.
    """
    start = view.ascent.start_logits
    assert start is not None
    config, adv = view.config, view.adv_logits
    before, after = cross_entropy(start, view.y), cross_entropy(adv, view.y).detach()
    abnormal = (before > after).to(before.dtype)
    normal = 1.0 - abnormal
    moved = (start - adv).square().sum(1)
    num_abnormal, num_normal = view.share.total(torch.stack([abnormal.sum(), normal.sum()])).unbind()
    gap = _mean(moved, abnormal, num_abnormal) - _mean(moved.detach(), normal, num_normal)
    excess = gap * (view.share.total(gap) > 0)
    both = (num_abnormal > 0) & (num_normal > 0)
    inner = config.aaer_lambda2 * _mean(before - after, abnormal, num_abnormal) + config.aaer_lambda3 * excess
    return config.aaer_lambda1 * num_abnormal / (num_abnormal + num_normal) * inner * both


def _mean(values: Tensor, chosen: Tensor, num: Tensor) -> Tensor:
    """Over the samples whose flag is 1, ``num`` in the whole batch; 0 without any."""
    return (values * chosen).sum() / num.clamp_min(1)
