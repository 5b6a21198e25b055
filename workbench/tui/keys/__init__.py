"""The tables of keys, one file each; ``table.py`` says what they are."""
