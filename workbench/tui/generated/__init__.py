"""What sampling has left in a run's folder, read for the screen: only what is shown, and nothing is believed."""
