"""How good samples are: FID, IS, KID, precision and recall, density and coverage, class agreement."""

from workbench.quality.against import Against, fit_samples, load_against
from workbench.quality.extractors import Extractor, load_extractor
from workbench.quality.judges import Judge, find_judge
from workbench.quality.reference import Reference, default_cache, reference_statistics
from workbench.quality.score import Measure, Scores, score, to_json
from workbench.quality.store import save_scores
from workbench.quality.working import Working

__all__ = [
    "Against",
    "Extractor",
    "Judge",
    "Measure",
    "Reference",
    "Scores",
    "Working",
    "default_cache",
    "find_judge",
    "fit_samples",
    "load_against",
    "load_extractor",
    "reference_statistics",
    "save_scores",
    "score",
    "to_json",
]
