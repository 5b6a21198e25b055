"""What each claim trains at each scale: tables, no code. ``grid.py`` says what the words mean."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reproduce.grid import Block, Measure, Sampler, Scale, Setting
from trainers.presets import PRESETS
from trainers.recipes import DELTA_ENERGY, DER_SUFFIX, METHODS

STRONG = Measure(attacks="pgd-50-10", num=500)
ENERGIES = "fgsm,pgd-10,targeted-pgd-10,trades-kl-10,apgd-100,random-noise"
"""The attacks whose energies claim 5 compares."""

OF_ATTACKS, OF_ATTACKS_FULL = Measure(attacks=ENERGIES, num=300), Measure(attacks=ENERGIES, num=1000)

SINGLE_STEP = ("fgsm", "rs-fgsm", "n-fgsm", "grad-align", "elle-a")
SINGLE_STEP_DER = ("fgsm-der", "rs-fgsm-der", "n-fgsm-der")

ENERGY = ("marginal", "joint", "both")
PENALTY = ("squared", "abs", "hinge")

# --- digits: 1,797 images of 8×8, seconds to minutes a run ---

DIGITS: Mapping[str, Any] = {
    "model": "small-cnn",
    "width": 16,
    "epochs": 30,
    "lr": 0.1,
    "schedule": "triangular",
    "batch_size": 64,
    "weight_decay": 1e-3,
    "probe_size": 300,
    "train_probe_size": 0,
    "keep_last": 1,
}
"""The demo's recipe with a narrower network and fewer epochs; at ε 0.28 plain fgsm overfits catastrophically."""

DIGITS_DER: Mapping[str, Any] = {"der_beta": 15.0, "der_energy": "marginal", "der_penalty": "abs"}

ON_DIGITS = Setting(kind="digits", settings=DIGITS, der=DIGITS_DER)
QUICK_ON_DIGITS = Setting(
    kind="digits",
    settings={**DIGITS, "width": 10, "epochs": 15, "train_size": 600, "probe_size": 300},
    der=DIGITS_DER,
)
"""For the smoke scale, and for the weight of the term beside every method that can have it, multi-step ones too."""

LONG_ON_DIGITS = Setting(
    kind="digits",
    settings={**DIGITS, "lr": 0.1, "schedule": "stepped", "train_size": 200, "train_probe_size": 150},
    der=DIGITS_DER,
)
TEST_DIGITS = Measure(attacks="pgd-50-10", num=100)

SMOKE = Scale(
    name="smoke",
    about="Handwritten digits, one seed, two ε: some minutes of two cores. Shows that all of it runs, little else.",
    blocks={
        "co": (
            Block(
                setting=QUICK_ON_DIGITS,
                methods=(*SINGLE_STEP, *SINGLE_STEP_DER),
                eps=("0.12", "0.28"),
                measures=(TEST_DIGITS,),
            ),
        ),
        "trace": (Block(setting=QUICK_ON_DIGITS, methods=("fgsm", "fgsm-der"), eps=("0.28",), traced=True),),
        "ro": (
            Block(
                setting=LONG_ON_DIGITS,
                methods=("pgd", "pgd-der"),
                eps=("0.1",),
                measures=(TEST_DIGITS, replace(TEST_DIGITS, epoch="best")),
            ),
        ),
        "form": (
            Block(setting=QUICK_ON_DIGITS, methods=("fgsm",), eps=("0.28",)),
            Block(
                setting=QUICK_ON_DIGITS,
                methods=("fgsm-der",),
                eps=("0.28",),
                vary={"der_energy": ENERGY, "der_penalty": PENALTY, "der_beta": (1.0, 15.0)},
            ),
        ),
        "attacks": (
            Block(
                setting=QUICK_ON_DIGITS,
                methods=("standard", "fgsm", "fgsm-der", "pgd"),
                eps=("0.28",),
                measures=(OF_ATTACKS,),
            ),
        ),
        "generation": (Block(setting=QUICK_ON_DIGITS, methods=("standard", "pgd", "fgsm-der"), eps=("0.28",)),),
    },
    sampler=Sampler(
        lists={"start": ("pca", "gaussian", "noise"), "stop": ("adaptive", "fixed"), "steps": (20,), "min_steps": (0,)},
        num=200,
        features=Block(setting=QUICK_ON_DIGITS, methods=("standard",), eps=("0.28",), seeds=(1,)),
        judge="svm",
    ),
)

# --- CIFAR-10 as a folder, three of its classes: minutes a run of one core ---

THREE_CLASSES = ("airplane", "automobile", "frog")

IMAGES: Mapping[str, Any] = {
    "model": "preact-resnet18",
    "width": 8,
    "epochs": 40,
    "lr": 0.1,
    "schedule": "flat",
    "batch_size": 32,
    "weight_decay": 5e-4,
    "channels_last": "auto",
    "train_size": 1500,
    "probe_size": 250,
    "train_probe_size": 0,
    "keep_last": 1,
}
"""What small networks learn of 1,500 images of ten classes at the ε where FGSM collapses is close to nothing."""

IMAGES_DER: Mapping[str, Any] = {"der_beta": 1.0, "der_energy": "marginal", "der_penalty": "abs"}

ON_IMAGES = Setting(kind="folder", classes=THREE_CLASSES, settings=IMAGES, der=IMAGES_DER)
LONG_ON_IMAGES = Setting(
    kind="folder",
    classes=THREE_CLASSES,
    settings={
        **IMAGES,
        "schedule": "stepped",
        "lr_drops": "1/2",
        "train_size": 1000,
        "probe_size": 300,
        "train_probe_size": 150,
    },
    der=IMAGES_DER,
)
BEST_AND_LAST = tuple(Measure(attacks="pgd-50-10,apgd-100", num=500, epoch=epoch) for epoch in ("best", "last"))

WITH_DER = tuple(name for name, method in METHODS.items() if DELTA_ENERGY in method.regularizers)
WITHOUT = tuple(name.removesuffix(DER_SUFFIX) for name in WITH_DER)

SMALL = Scale(
    name="small",
    about=(
        "Three classes of CIFAR-10 as a folder (1,000 or 1,500 images), a preact-resnet18 of width 8, digits for the "
        "form of the term: about six hours of one core, in as many parts as you like."
    ),
    blocks={
        "co": (
            Block(
                setting=ON_IMAGES,
                methods=("fgsm", "fgsm-der"),
                eps=("24/255", "16/255", "20/255", "8/255"),
                measures=(STRONG,),
            ),
            Block(
                setting=ON_IMAGES,
                methods=("fgsm", "fgsm-der"),
                eps=("24/255", "20/255"),
                seeds=(1, 2),
                measures=(STRONG,),
            ),
            Block(
                setting=ON_IMAGES,
                methods=(*SINGLE_STEP, *SINGLE_STEP_DER),
                eps=("24/255", "16/255", "20/255", "8/255"),
                measures=(STRONG,),
            ),
        ),
        "trace": (
            Block(setting=ON_IMAGES, methods=("fgsm", "fgsm-der"), eps=("24/255", "20/255"), traced=True),
            Block(setting=ON_IMAGES, methods=("fgsm",), eps=("20/255", "24/255"), seeds=(1, 2), traced=True),
        ),
        "ro": (
            Block(setting=LONG_ON_IMAGES, methods=("pgd", "pgd-der"), eps=("8/255",), measures=BEST_AND_LAST),
            Block(setting=LONG_ON_IMAGES, methods=("pgd-awp", "trades"), eps=("8/255",), measures=BEST_AND_LAST),
            Block(
                setting=LONG_ON_IMAGES, methods=("pgd", "pgd-der"), eps=("8/255",), seeds=(1, 2), measures=BEST_AND_LAST
            ),
        ),
        "form": (
            Block(setting=QUICK_ON_DIGITS, methods=WITHOUT, eps=("0.28",)),
            Block(setting=QUICK_ON_DIGITS, methods=WITH_DER, eps=("0.28",), vary={"der_beta": (1.0, 5.0, 15.0)}),
            Block(setting=ON_IMAGES, methods=("fgsm",), eps=("24/255",)),
            Block(
                setting=ON_IMAGES,
                methods=("fgsm-der",),
                eps=("24/255",),
                vary={"der_penalty": ("abs", "squared"), "der_beta": (1.0, 5.0, 0.3)},
            ),
            Block(
                setting=ON_IMAGES,
                methods=("fgsm-der",),
                eps=("24/255",),
                vary={"der_energy": ("joint",), "der_beta": (1.0, 0.3)},
            ),
            Block(setting=LONG_ON_IMAGES, methods=("pgd",), eps=("8/255",)),
            Block(setting=LONG_ON_IMAGES, methods=("pgd-der",), eps=("8/255",), vary={"der_beta": (1.0, 5.0, 0.3)}),
            Block(setting=ON_DIGITS, methods=("fgsm",), eps=("0.28",), seeds=(0, 1, 2)),
            Block(setting=ON_DIGITS, methods=("fgsm-der",), eps=("0.28",), seeds=(0, 1, 2)),
            Block(
                setting=ON_DIGITS,
                methods=("fgsm-der",),
                eps=("0.28",),
                vary={"der_energy": ENERGY, "der_penalty": PENALTY, "der_beta": (30.0, 10.0, 3.0, 1.0, 0.3, 0.1)},
            ),
            Block(
                setting=ON_DIGITS,
                methods=("fgsm-der",),
                eps=("0.28",),
                vary={
                    "der_gradient": ("adversarial",),
                    "der_energy": ("marginal", "joint"),
                    "der_penalty": ("squared", "abs"),
                    "der_beta": (10.0, 1.0),
                },
            ),
            Block(
                setting=ON_DIGITS,
                methods=("fgsm-der",),
                eps=("0.28",),
                seeds=(1, 2),
                vary={"der_energy": ENERGY, "der_penalty": PENALTY, "der_beta": (30.0, 10.0, 3.0, 1.0)},
            ),
        ),
        "attacks": (
            Block(setting=ON_IMAGES, methods=("standard",), eps=("8/255",), measures=(OF_ATTACKS,)),
            Block(setting=ON_IMAGES, methods=("fgsm", "fgsm-der"), eps=("24/255", "8/255"), measures=(OF_ATTACKS,)),
            Block(setting=LONG_ON_IMAGES, methods=("pgd", "pgd-der"), eps=("8/255",), measures=(OF_ATTACKS,)),
        ),
        "generation": (
            Block(setting=ON_IMAGES, methods=("standard",), eps=("8/255",)),
            Block(setting=LONG_ON_IMAGES, methods=("pgd", "pgd-der"), eps=("8/255",)),
        ),
    },
    sampler=Sampler(
        lists={
            "start": ("pca", "gaussian", "noise"),
            "stop": ("adaptive", "fixed"),
            "steps": (0, 40),
            "min_steps": (0, 10),
        },
        num=300,
        features=Block(setting=ON_IMAGES, methods=("standard",), eps=("8/255",), seeds=(1,)),
        judge="svm",
    ),
)

# --- all of CIFAR-10 at published settings: hours of a GPU a run ---

EPS = ("8/255", "4/255", "12/255", "16/255")
FULL_DER: Mapping[str, Any] = {"der_beta": 1.0, "der_energy": "marginal", "der_penalty": "squared"}
THREE_SEEDS = (0, 1, 2)


def _published(method: str) -> Setting:
    """The settings that a method was published with, without its ε: claims give it."""
    settings = PRESETS[f"{method.removesuffix(DER_SUFFIX)}-cifar10"].settings
    kept = {
        name: value for name, value in settings.items() if name not in ("method", "eps", "align_lambda", "elle_lambda")
    }
    return Setting(kind="cifar10", settings={**kept, "keep_last": 1}, der=FULL_DER)


FULL_STRONG = Measure(attacks="pgd-50-10", num=10_000)
FULL_ROBUST = tuple(Measure(attacks="pgd-50-10,apgd-100", num=10_000, epoch=epoch) for epoch in ("best", "last"))

FULL = Scale(
    name="full",
    about="All of CIFAR-10, preact-resnet18 of width 64, published settings: for a GPU. It has not been run.",
    blocks={
        "co": tuple(
            Block(setting=_published(method), methods=(method,), eps=EPS, seeds=THREE_SEEDS, measures=(FULL_STRONG,))
            for method in ("fgsm", "fgsm-der", "rs-fgsm", "rs-fgsm-der", "n-fgsm", "n-fgsm-der", "grad-align", "elle-a")
        ),
        "trace": tuple(
            Block(
                setting=_published(method), methods=(method,), eps=("8/255", "16/255"), seeds=THREE_SEEDS, traced=True
            )
            for method in ("fgsm", "fgsm-der")
        ),
        "ro": tuple(
            Block(
                setting=_published(method), methods=(method,), eps=("8/255",), seeds=THREE_SEEDS, measures=FULL_ROBUST
            )
            for method in ("pgd", "pgd-der", "trades", "pgd-awp")
        ),
        "form": (
            Block(setting=_published("fgsm"), methods=("fgsm",), eps=("8/255",), seeds=THREE_SEEDS),
            Block(
                setting=_published("fgsm"),
                methods=("fgsm-der",),
                eps=("8/255",),
                seeds=THREE_SEEDS,
                vary={"der_energy": ENERGY, "der_penalty": PENALTY, "der_beta": (0.1, 0.3, 1.0, 3.0)},
            ),
        ),
        "attacks": tuple(
            Block(setting=_published(method), methods=(method,), eps=("8/255",), measures=(OF_ATTACKS_FULL,))
            for method in ("fgsm", "fgsm-der", "pgd", "pgd-der", "trades")
        ),
        "generation": tuple(
            Block(setting=_published(method), methods=(method,), eps=("8/255",))
            for method in ("pgd", "pgd-der", "trades")
        ),
    },
    sampler=Sampler(
        lists={
            "start": ("pca", "gaussian", "noise"),
            "stop": ("adaptive", "fixed"),
            "steps": (0, 60),
            "min_steps": (0, 10),
        },
        num=10_000,
        features=Block(setting=_published("n-fgsm"), methods=("n-fgsm",), eps=("8/255",)),
        judge="svm",
    ),
)
SCALES: Mapping[str, Scale] = {scale.name: scale for scale in (SMOKE, SMALL, FULL)}
"""All scales by name, the smallest first."""
