"""What the app reads of runs, off the event loop: first frame, views, tables, files that other commands made."""
