"""Compiles the catalogues of ``cacheadmin`` while its distribution is built.

Compiled catalogues are not kept in version control, and hatchling would leave out what git
ignores; so they are made into a directory of their own and added to the wheel by name.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface[Any]):
    """Adds a ``.mo`` beside each ``.po`` of the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every catalogue and name the results in *build_data*."""
        if self.target_name != "wheel":
            return
        self.compiled = tempfile.TemporaryDirectory(prefix="cacheadmin-catalogues-")
        sources = Path(self.root) / "apps"
        for source in sorted(sources.glob("cacheadmin/locale/*/LC_MESSAGES/*.po")):
            name = source.relative_to(sources).with_suffix(".mo")
            target = Path(self.compiled.name) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            polib.pofile(str(source)).save_as_mofile(str(target))
            build_data["force_include"][str(target)] = str(name)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the compiled copies; the wheel holds its own."""
        if self.target_name == "wheel":
            self.compiled.cleanup()
