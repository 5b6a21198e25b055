"""Images that the terminal itself draws, over the half cells that are there in any case."""
