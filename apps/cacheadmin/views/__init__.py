"""What is shown and done under ``/admin/cache/``, a module for each subject."""
