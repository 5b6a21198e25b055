"""From a key to a command that runs, and what is said of what it made."""
