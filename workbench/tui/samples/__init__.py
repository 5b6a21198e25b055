"""The samples of a run: a table of any length, one sample's energies over epochs, and its images."""
