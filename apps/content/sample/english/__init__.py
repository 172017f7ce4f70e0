"""English sample texts: the frames of the language, and six subjects to fill them with."""

from __future__ import annotations

from content.sample.english.frames import TONGUE
from content.sample.english.indoors import BREAD, SOFTWARE, TRAINS
from content.sample.english.outdoors import ASTRONOMY, GARDENS, RIVERS

THEMES = (GARDENS, TRAINS, BREAD, ASTRONOMY, SOFTWARE, RIVERS)

__all__ = ["THEMES", "TONGUE"]
