"""The forms of the wizard, one for each step."""
