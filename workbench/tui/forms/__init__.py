"""What the app asks before it starts a command: forms as data. Nothing here knows a screen."""
