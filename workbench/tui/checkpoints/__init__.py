"""The pane of checkpoints: which a run keeps, which it names, what they are worth."""
