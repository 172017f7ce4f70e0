"""What may stand in the addresses of articles, tags and authors.

Anything else, such as a NUL that a database would refuse, is a page that does not exist.
"""

from __future__ import annotations

from django.urls.converters import StringConverter


class SlugConverter(StringConverter):
    """Letters of any script, digits, hyphens, underscores."""

    regex = r"[-\w]{1,120}"


class UsernameConverter(StringConverter):
    """What Django allows in a user name, except the at sign, which ours cannot have."""

    regex = r"[\w.+-]{1,150}"
