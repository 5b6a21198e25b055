"""Single samples as pictures: natural and adversarial images of a checkpoint, kept beside the run.

Import the modules themselves: only ``make`` needs torch, and only ``store`` safetensors.
"""
