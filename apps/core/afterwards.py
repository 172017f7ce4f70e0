"""Work that nobody has to wait for, on hosts that allow no background threads too."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpResponseRedirect

logger = logging.getLogger(__name__)


class RedirectThen(HttpResponseRedirect):
    """A redirect that runs *task* when the server is done with sending it.

    How long the task takes, or whether there is one, cannot be told from the answer.
    """

    def __init__(self, url: str, task: Callable[[], None]) -> None:
        super().__init__(url)
        self._task: Callable[[], None] | None = task

    def close(self) -> None:
        """Run the task, then let go of the request's resources."""
        task, self._task = self._task, None
        try:
            if task is not None:
                task()
        except Exception:
            # The answer is out; all that is left is to say so where the owner looks.
            logger.exception("Work put off until after an answer has failed.")
        finally:
            super().close()
