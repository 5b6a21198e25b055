"""Checkpoints: safetensors only, whole or not at all."""

from trainers.atomic import write_atomically
from trainers.checkpoints.resume import ResumeState, load_resume, optimizer_tensors, restore_optimizer, save_resume
from trainers.checkpoints.store import CheckpointStore
from trainers.checkpoints.weights import load_weights, save_weights

__all__ = [
    "CheckpointStore",
    "ResumeState",
    "load_resume",
    "load_weights",
    "optimizer_tensors",
    "restore_optimizer",
    "save_resume",
    "save_weights",
    "write_atomically",
]
