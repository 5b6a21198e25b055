"""Scores as a file beside the samples."""

import hashlib
import json
from pathlib import Path

from trainers.atomic import write_atomically
from trainers.dataname import absolute_data, data_kind
from workbench.quality.extractors import Extractor
from workbench.quality.score import Scores, to_json


def save_scores(folder: Path, scores: Scores, extractor: Extractor) -> Path:
    """Write scores as JSON; those of the same question replace each other, no others do.

    The name says network, kind of data and split (``score-inception-digits-train-1a2b3c4d.json``). Its last eight
    digits stand for all that makes two scorings differ: network, data, split, numbers of images, k, seed and judge.

    Returns:
        The file.

    Raises:
        WorkbenchError: it cannot be written.
    """
    question = {
        "features": scores.features_digest,
        "data": absolute_data(scores.against),
        "split": scores.split,
        "num_reference": scores.num_reference,
        "num": scores.num,
        "k": scores.k,
        "seed": scores.seed,
        "judge": scores.judge_digest or scores.judge,
    }
    mark = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:8]
    kind = data_kind(scores.against)
    path = folder / f"score-{extractor.slug}-{kind}-{scores.split}-{mark}.json"
    write_atomically(path, json.dumps(to_json(scores), indent=2, allow_nan=False).encode() + b"\n")
    return path
