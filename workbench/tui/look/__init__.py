"""How things look: colours by what they stand for, themes, and text and pictures made fit for a terminal."""
