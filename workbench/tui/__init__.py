"""The terminal application: what a run did, epoch by epoch. Torch-free; its way in is ``app.run``."""
