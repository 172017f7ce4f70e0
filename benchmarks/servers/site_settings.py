"""The site's real settings, with a few plain views beside its URLs."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.servers.site_urls"
# A load test is one visitor in a great hurry: limits would measure themselves.
RATELIMIT_ENABLE = False
