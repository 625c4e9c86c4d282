"""Measure and write bench/README.md: `python -m bench` all of it, `python -m bench loss` a part.

Every section is a module of this folder with a function ``section() -> str`` that measures
and returns markdown: a heading, what was measured against what, goal, figure, pass or miss.
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

from bench.report import compose, replace_section
from bench.surroundings import surroundings

SECTIONS = [
    "loss",
    "scale",
    "reading",
    "waiting",
    "augmentation",
    "snorm",
    "metrics",
    "embedding",
    "fine_tuning",
]
REPORT = Path(__file__).with_name("README.md")


def main() -> None:
    """Measure the sections asked for, print them and put them into the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="*", help=f"{', '.join(SECTIONS)}; default: all of them")
    wanted = parser.parse_args().section or SECTIONS
    for name in wanted:
        if name not in SECTIONS:
            parser.error(f"no section {name!r}: choose from {', '.join(SECTIONS)}")

    line = surroundings()
    print(line, flush=True)
    measured = {}
    for name in wanted:
        measured[name] = import_module(f"bench.{name}").section()
        print(f"\n{measured[name]}", flush=True)

    if REPORT.exists() and set(wanted) != set(SECTIONS):
        text = REPORT.read_text(encoding="utf-8")
        for name, section in measured.items():
            text = replace_section(text, name, section, line)
    else:
        text = compose(measured, line)
    temporary = REPORT.with_name(f".{REPORT.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, REPORT)


if __name__ == "__main__":
    main()
