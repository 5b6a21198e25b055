"""Look at adversarial-training runs: energies, onset, reports and the terminal app."""
