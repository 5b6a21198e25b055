"""Commands of this command line that run beside the app, one long one at a time; they outlive the screens."""
