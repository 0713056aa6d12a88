"""Where a script that was started by hand leaves its files."""

from pathlib import Path

#: In the current folder.
NAME = "hone-output"
#: Neither belongs into a repository nor into the source of a study.
IGNORE_FILES = (".gitignore", ".honeignore")


def local_folder() -> Path:
    """Makes the folder, if it is not there, and marks it as one to leave out."""
    folder = Path(NAME).absolute()
    if not folder.exists():
        folder.mkdir()
        for name in IGNORE_FILES:
            (folder / name).write_text("*\n")
    return folder
