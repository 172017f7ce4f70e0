"""The engines: each stores values under final keys; none knows aliases, groups or Django's handle."""
