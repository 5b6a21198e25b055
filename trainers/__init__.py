"""Make adversarial-training runs and their energy logs. Never imports ``workbench``."""
