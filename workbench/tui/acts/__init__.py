"""What can be done on every screen: copy it, picture it, export it, jump in it."""
