"""Class-wise PCA: for every class the mean, the leading directions and the spread of its training images."""

from workbench.pca.cached import class_pca_for
from workbench.pca.fit import fit_class_pca
from workbench.pca.spec import PCASpec
from workbench.pca.store import load_pca, pca_path, save_pca
from workbench.pca.values import ClassPCA, PCAFacts

__all__ = [
    "ClassPCA",
    "PCAFacts",
    "PCASpec",
    "class_pca_for",
    "fit_class_pca",
    "load_pca",
    "pca_path",
    "save_pca",
]
