"""Puts the program `hone` into the wheel, where `HONE_WHEEL_BINARY` names it; `python/wheel` does that.

Otherwise the wheel is one for every platform, with the package alone, and nothing is compiled.
"""

import os
import platform
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProgramInside(BuildHookInterface[Any]):
    """The hook of wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the program as a script, and says where it runs."""
        program = os.environ.get("HONE_WHEEL_BINARY")
        if program and version != "editable":
            build_data["shared_scripts"][program] = "hone"
            build_data["tag"] = f"py3-none-{platform_tag(Path(program))}"
            build_data["pure_python"] = False


def platform_tag(program: Path) -> str:
    """The platforms on which a program runs, by the newest version of glibc that it asks for (PEP 600)."""
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", program.read_bytes())
    if not versions:
        raise ValueError(f"`{program}` asks for no glibc; a wheel is made of a program for Linux with glibc")
    major, minor = max((int(major), int(minor)) for major, minor in versions)
    return f"manylinux_{major}_{minor}_{platform.machine()}"
