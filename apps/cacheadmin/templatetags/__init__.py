"""Tags for the templates of the administration."""
