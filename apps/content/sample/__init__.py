"""Sample content: articles that a new site can be looked at with, in each of its languages.

Everything is composed here, by chance from a seed: there is no text and no picture of others in it.
"""

from __future__ import annotations

from content.sample.create import create_sample_content

__all__ = ["create_sample_content"]
