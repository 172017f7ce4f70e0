"""Whole pages, measured beside plain Django, ``cache_page`` and nginx on the same machine in the same run."""
