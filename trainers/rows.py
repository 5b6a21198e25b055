"""The rows of the method table, without their -der twins: one per published method."""

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
_TRADES_STEP = 0.007 / 0.031

OPTION_MEANINGS: Mapping[str, str] = {
    "kl_beta": "Weight β of KL(p(x)‖p(x*))",
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
)
