"""Code and commands of pages."""

import re


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind and the text of each block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def files(page: str) -> dict[str, str]:
    """Blocks that begin with their file's name."""
    return {match[1]: text for _, text in blocks(page) if (match := re.match(r"# ([\w.]+)\n", text))}


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Each command of the page, with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(text for kind, text in blocks(page) if kind == "console").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def holds(printed: str, expected: list[str]) -> bool:
    """Whether the lines come in this order; `…` stands for anything."""
    pattern = ".*".join(re.escape(part.strip()) for part in "\n".join(expected).split("…"))
    return re.search(pattern, printed, re.DOTALL) is not None
