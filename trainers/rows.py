"""The rows of the method table, without their -der twins: one per published method."""

import math
from collections.abc import Mapping

from trainers.method import MethodSpec
from trainers.spec import AttackSpec, fgsm, pgd, trades_kl

_CYCLIC = "15 epochs, triangular 0 → 0.2 → 0 with the peak at 1/2, weight decay 5e-4"
_EPS_UNITS = (
    "ε and steps are in [0, 1] pixels with normalisation in the model; the original has them per normalised channel"
)
_ONE_CLEAN_PASS = (
    "x is forwarded once and its logits serve the loss, the KL and the record; the original forwards it twice, "
    "so its running statistics see x twice"
)
_KL_IN_LOG_SPACE = "KL is taken in log space: the original's gradient is NaN where p(x) underflows (torch ≥ 1.13)"
_ELLE_DEVIATIONS = (
    "one optimizer step per batch; the original's loop takes two with the same gradient",
    "x* is clipped to [0, 1]; the original clips it to the ball only",
    "the original also forwards x in training mode for its metrics, which moves running statistics",
)
_AWP_DEVIATIONS = (
    "the direction is the gradient itself; the original's is a step of SGD on a copy: the same up to rounding",
    "the attack's mode is the same on every batch; AT_AWP attacks the first batch after an evaluation in eval mode",
    "energies in the log are those of the moved weights, where the loss is taken",
)
_WEAT_DEVIATIONS = (
    "log(1 + exp|E|) is a softplus: the original's overflows beyond |E| = 88, which makes a weight of 0",
    _KL_IN_LOG_SPACE,
)
_TRADES_STEP = 0.007 / 0.031


def _align_lambda(eps: float) -> float:
    """The authors' λ at 8, 12 and 16/255 (0.2, 0.632, 2.0) lies on 0.2·10^((255ε − 8)/8); 2.0 beyond."""
    return min(0.2 * math.pow(10.0, (255.0 * eps - 8.0) / 8.0), 2.0)


def _elle_lambda(eps: float) -> float:
    """The authors' scripts for CIFAR-10: 1000 to 8/255, 5000 to 20/255, 10000 beyond."""
    return next((weight for most, weight in ((9, 1000.0), (21, 5000.0)) if 255.0 * eps < most), 10000.0)


OPTION_MEANINGS: Mapping[str, str] = {
    "kl_beta": "Weight β of KL(p(x)‖p(x*))",
    "replays": "Updates on each batch, m",
    "align_lambda": "Weight λ of gradient alignment",
    "elle_lambda": "Weight λ of local linearity; of elle-a, what λ jumps to",
    "elle_decay": "Factor of λ after a step without a jump",
    "aaer_lambda1": "Weight λ1 of the whole term",
    "aaer_lambda2": "Weight λ2 of the fallen loss",
    "aaer_lambda3": "Weight λ3 of the logits' excess variation",
    "awp_gamma": "How far the weights are moved, γ, in units of their length",
    "awp_warmup": "Epochs before the weights are moved at all",
}
"""What the settings are that only some methods have."""

ROWS: tuple[MethodSpec, ...] = (
    MethodSpec(
        name="standard",
        summary="cross-entropy on natural images",
        source="the undefended baseline",
        formula=("loss = mean CE(x)",),
        attack=None,
        loss="clean",
    ),
    MethodSpec(
        name="fgsm",
        summary="cross-entropy on FGSM images from zero: x + ε·sign ∇CE(x)",
        source="Goodfellow et al. 2015; as in Wong et al. 2020, --delta-init zero",
        formula=("x* = clip01(x + ε·sign ∇CE(x)), train-mode batch norm", "loss = mean CE(x*)"),
        attack=fgsm("train"),
        loss="adversarial",
        schedule=_CYCLIC,
        deviations=(_EPS_UNITS,),
    ),
    MethodSpec(
        name="rs-fgsm",
        summary="FGSM from a random start U(±ε), step 1.25·ε, clipped to the ball",
        source="Wong et al. 2020, Fast is better than free",
        formula=(
            "x0 = clip01(x + U(±ε))",
            "x* = clip01(clip_ε(x0 + 1.25·ε·sign ∇CE(x0))), train-mode batch norm",
            "loss = mean CE(x*)",
        ),
        attack=AttackSpec(name="rs-fgsm", start="uniform", step_size=1.25),
        loss="adversarial",
        schedule=_CYCLIC,
        deviations=(_EPS_UNITS,),
    ),
    MethodSpec(
        name="n-fgsm",
        summary="FGSM around a noisy image U(±2ε), step ε, not clipped to the ball",
        source="de Jorge et al. 2022, Make some noise",
        formula=(
            "x0 = clip01(x + U(±2ε))",
            "x* = clip01(x0 + ε·sign ∇CE(x0)), train-mode batch norm",
            "loss = mean CE(x*)",
        ),
        attack=AttackSpec(name="n-fgsm", start="uniform", start_radius=2.0, clip_to_ball=False),
        loss="adversarial",
        norms=("linf",),
        schedule="30 epochs, triangular 0 → 0.2 → 0 with the peak at 1/2, weight decay 5e-4",
        deviations=(_EPS_UNITS,),
    ),
    MethodSpec(
        name="pgd",
        summary="cross-entropy on PGD-10 images, step ε/4, random start",
        source="Madry et al. 2018; as in Rice et al. 2020",
        formula=(
            "x0 = clip01(x + U(±ε))",
            "x_k+1 = clip01(clip_ε(x_k + ε/4·sign ∇CE(x_k))), 10 steps, train-mode batch norm",
            "loss = mean CE(x_10)",
        ),
        attack=pgd(10, "train"),
        loss="adversarial",
        schedule="200 epochs, lr 0.1, ×0.1 at 1/2 and 3/4, weight decay 5e-4",
    ),
    MethodSpec(
        name="free",
        summary="m updates on each batch; the same gradient moves the perturbation by ε",
        source="Shafahi et al. 2019, Adversarial training for free; as in Wong et al. 2020, train_free.py",
        formula=(
            "δ goes on from the batch before, by place in the batch; 0 at the start of the run",
            "m times: one gradient of loss = mean CE(x + δ), train-mode batch norm",
            "δ = clip01(x + clip_ε(δ + ε·sign ∇_δ loss)) − x, and one optimizer step",
        ),
        attack=AttackSpec(name="free", start="carried"),
        loss="adversarial",
        step="replay",
        options={"replays": 8},
        norms=("linf",),
        schedule="11 epochs of 8 replays each, triangular 0 → 0.04 → 0 with the peak at 1/2, weight decay 5e-4",
        deviations=(
            _EPS_UNITS,
            "δ is fitted to the image range of a new batch before its first pass; the original's first x* may leave it",
            "the learning rate changes from batch to batch, in the original from replay to replay",
            "energies and loss in the log are those of the last replay; with -der, δ ascends the regularized loss",
        ),
    ),
    MethodSpec(
        name="grad-align",
        summary="FGSM + λ·(1 − cos of the gradients at x and at x + U(±ε))",
        source="Andriushchenko & Flammarion 2020, GradAlign; tml-epfl/understanding-fast-adv-training",
        formula=(
            "x* = clip01(x + ε·sign g1), g1 = ∇CE(x), train-mode batch norm",
            "g2 = ∇CE(x + U(±ε)), with its graph",
            "loss = mean CE(x*) + λ·(1 − mean cos(g1, g2)), over samples whose gradients are not zero; g1 detached",
        ),
        attack=fgsm("train"),
        loss="adversarial",
        regularizers=("grad-align",),
        options={"align_lambda": _align_lambda},
        norms=("linf",),
        schedule="30 epochs, triangular 0 → 0.3 → 0 with the peak at 2/5, weight decay 5e-4",
        deviations=(
            "λ by ε is 0.2·10^((255ε − 8)/8), which meets the published 0.2, 0.632 and 2.0, and 2.0 beyond 16/255",
            "without any gradient the term is 0; the original's is NaN",
        ),
    ),
    MethodSpec(
        name="elle",
        summary="FGSM + λ·squared error of a linear loss between two noisy images",
        source="Abad Rocamora et al. 2024, ELLE; LIONS-EPFL/ELLE",
        formula=(
            "x* = clip01(x + ε·sign ∇CE(x)), train-mode batch norm",
            "x_a, x_b = x + U(±ε); a ~ U(0, 1); x_c = (1 − a)·x_a + a·x_b; one pass of all three",
            "loss = mean CE(x*) + λ·mean (CE(x_c) − (1 − a)·CE(x_a) − a·CE(x_b))²",
        ),
        attack=fgsm("train"),
        loss="adversarial",
        regularizers=("elle",),
        options={"elle_lambda": _elle_lambda},
        norms=("linf",),
        schedule="30 epochs, triangular 0 → 0.2 → 0 with the peak at 1/2, weight decay 5e-4",
        deviations=_ELLE_DEVIATIONS,
    ),
    MethodSpec(
        name="elle-a",
        summary="ELLE whose λ jumps up when linearity breaks and decays after",
        source="Abad Rocamora et al. 2024, ELLE-A; LIONS-EPFL/ELLE",
        formula=(
            "as elle, R its squared error, with λ = 0 at the start of the run; after a step:",
            "λ = λmax (--elle-lambda) if R > μ + 2σ over all R before (more than 2), else 0.99·λ (--elle-decay)",
        ),
        attack=fgsm("train"),
        loss="adversarial",
        regularizers=("elle-adaptive",),
        options={"elle_lambda": 4000.0, "elle_decay": 0.99},
        norms=("linf",),
        schedule="30 epochs, triangular 0 → 0.2 → 0 with the peak at 1/2, weight decay 5e-4",
        deviations=(*_ELLE_DEVIATIONS, "a rollback sets λ and its statistics back to the start, as it does momentum"),
    ),
    MethodSpec(
        name="aaer",
        summary="N-FGSM + a penalty where the attack lowered the loss",
        source="Lin, Yu & Liu 2023, AAER; tmllab/2023_NeurIPS_AAER",
        formula=(
            "x0 = clip01(x + U(±2ε)); x* = clip01(x0 + ε·sign ∇CE(x0)), train-mode batch norm",
            "abnormal: CE(x0) > CE(x*); v = mean ‖f(x0) − f(x*)‖² of the abnormal and of the normal samples",
            "loss = mean CE(x*) + λ1·(#abnormal/B)·[λ2·mean_abnormal(CE(x0) − CE(x*)) + λ3·max(v_abn − v_norm, 0)]",
            "the added term is 0 unless both groups have samples; of it, only v_abn has a gradient, through x*",
        ),
        attack=AttackSpec(name="n-fgsm", start="uniform", start_radius=2.0, clip_to_ball=False),
        loss="adversarial",
        regularizers=("aaer",),
        options={"aaer_lambda1": 1.0, "aaer_lambda2": 4.0, "aaer_lambda3": 1.5},
        norms=("linf",),
        schedule="30 epochs, triangular 0 → 0.2 → 0 with the peak at 1/2, weight decay 5e-4",
        deviations=(
            _EPS_UNITS,
            "none in the term: as in the authors' code its CE difference is a number without gradient",
        ),
    ),
    MethodSpec(
        name="trades",
        summary="CE(x) + β·KL(p(x)‖p(x*)), x* maximises the KL",
        source="Zhang et al. 2019, TRADES; yaodongyu/TRADES",
        formula=(
            "x0 = x + 0.001·N(0, 1)",
            "x_k+1 = clip01(clip_ε(x_k + 0.226·ε·sign ∇KL(p(x)‖p(x_k)))), 10 steps, eval-mode batch norm",
            "loss = mean CE(x) + β·mean KL(p(x)‖p(x_10)), gradient through both",
        ),
        attack=trades_kl(10, step_size=_TRADES_STEP),
        loss="trades",
        options={"kl_beta": 6.0},
        schedule="ε 0.031, 76 epochs, lr 0.1, ×0.1 after 75, weight decay 2e-4",
        deviations=(_ONE_CLEAN_PASS, _KL_IN_LOG_SPACE),
    ),
    MethodSpec(
        name="mart",
        summary="boosted CE(x*) + β·KL(p(x)‖p(x*)) where the model doubts x",
        source="Wang et al. 2020, MART; YisenWang/MART",
        formula=(
            "x0 = x + 0.001·N(0, 1)",
            "x_k+1 = clip01(clip_ε(x_k + 0.226·ε·sign ∇CE(x_k))), 10 steps, eval-mode batch norm",
            "BCE = CE(x*) − log(1.0001 − max p(x*)[wrong class] + 1e-12)",
            "loss = mean BCE + β·mean KL(p(x)‖p(x*))·(1.0000001 − p(x)[y])",
        ),
        attack=AttackSpec(
            name="pgd-10-near",
            start="normal",
            start_radius=0.001,
            steps=10,
            step_size=_TRADES_STEP,
            clip_start=False,
            batch_norm="eval",
        ),
        loss="mart",
        options={"kl_beta": 5.0},
        schedule="ε 0.031, 120 epochs, lr 0.01, ×0.1 after 75, 90 and 100, weight decay 3.5e-3",
        deviations=(_KL_IN_LOG_SPACE,),
    ),
    MethodSpec(
        name="pgd-awp",
        summary="pgd whose gradient is taken at weights moved uphill",
        source="Wu, Xia & Wang 2020, AWP; csdongxian/AWP, AT_AWP",
        formula=(
            "x* as pgd",
            "g = ∇_w mean CE(x*); per weight tensor of more than one dimension v = ‖w‖/(‖g‖ + 1e-20)·g",
            "w += γ·v; loss = mean CE(x*), one optimizer step; w −= γ·v; not in the first --awp-warmup epochs",
        ),
        attack=pgd(10, "train"),
        loss="adversarial",
        step="perturb-weights",
        options={"awp_gamma": 0.01, "awp_warmup": 0},
        schedule="200 epochs, lr 0.1, ×0.1 at 1/2 and 3/4, weight decay 5e-4",
        deviations=_AWP_DEVIATIONS,
    ),
    MethodSpec(
        name="trades-awp",
        summary="trades whose gradient is taken at weights moved uphill",
        source="Wu, Xia & Wang 2020, AWP; csdongxian/AWP, trades_AWP",
        formula=(
            "x* as trades, with steps of ε/4",
            "g = ∇_w of the loss of trades; v, w += γ·v, the step and w −= γ·v as pgd-awp",
        ),
        attack=trades_kl(10),
        loss="trades",
        step="perturb-weights",
        options={"kl_beta": 6.0, "awp_gamma": 0.005, "awp_warmup": 10},
        schedule="200 epochs, lr 0.1, ×0.1 at 1/2 and 3/4, weight decay 5e-4",
        deviations=(
            *_AWP_DEVIATIONS,
            _ONE_CLEAN_PASS,
            _KL_IN_LOG_SPACE,
            "the warm-up is 10 whole epochs; the original counts epochs from 1 and has 9",
        ),
    ),
    MethodSpec(
        name="weat-nat",
        summary="trades, each sample weighted by 1/log(1 + exp|E(x)|)",
        source="Mirza et al. 2024, WEAT; OmnAI-Lab/Robust-Classifiers-under-the-lens-of-EBM",
        formula=(
            "x* as trades, with steps of ε/4",
            "w = 1/log(1 + exp|E(x)|), E(x) = −logsumexp f(x) in train mode, detached",
            "loss = mean w·(CE(x) + β·KL(p(x)‖p(x*)))",
        ),
        attack=trades_kl(10),
        loss="trades",
        weight="energy",
        options={"kl_beta": 6.0},
        schedule="100 epochs, one-cycle to lr 0.1, weight decay 5e-4",
        deviations=_WEAT_DEVIATIONS,
    ),
    MethodSpec(
        name="weat-adv",
        summary="as weat-nat, with CE(x*) in place of CE(x)",
        source="Mirza et al. 2024, WEAT; OmnAI-Lab/Robust-Classifiers-under-the-lens-of-EBM",
        formula=("x* and w as weat-nat", "loss = mean w·(CE(x*) + β·KL(p(x)‖p(x*)))"),
        attack=trades_kl(10),
        loss="trades-adversarial",
        weight="energy",
        options={"kl_beta": 6.0},
        schedule="100 epochs, one-cycle to lr 0.1, weight decay 5e-4",
        deviations=_WEAT_DEVIATIONS,
    ),
)
