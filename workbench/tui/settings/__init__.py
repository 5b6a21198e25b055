"""What users set once: theme, colours and keys, in a TOML file of theirs."""

from workbench.tui.settings.read import Settings, read_settings, settings_path

__all__ = ["Settings", "read_settings", "settings_path"]
