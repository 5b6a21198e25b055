"""What a run screen is made of. Every widget shows a ``View`` at an epoch and knows nothing of the others."""
