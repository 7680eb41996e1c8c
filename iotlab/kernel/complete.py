"""Whether a cell is whole, for front ends that have to know when the user has typed enough."""

from __future__ import annotations

import codeop
import re
import warnings

_LINE_MAGIC = re.compile(r"^%[A-Za-z].*$", re.MULTILINE)
_QUESTION = re.compile(r"^\?{0,2}[\w.]+\?{1,2}\s*$|^\?{1,2}[\w.]+\s*$")
_INDENT = 4


def judged(code: str) -> tuple[str, str]:
    """``complete``, ``incomplete`` or ``invalid``, and the indentation of the line that is missing.

    The judge is CPython's ``codeop``. MicroPython takes a few things that CPython calls invalid (``print(b"é")``)
    and refuses some that it calls complete (``match``, a ``/`` among parameters): the board has the last word
    when the cell runs.

    >>> judged("for i in range(3):")
    ('incomplete', '    ')
    >>> judged("x = = 1")
    ('invalid', '')
    """
    if code.lstrip().startswith("%%"):  # its end is an empty line
        return (
            ("complete", "")
            if code.endswith("\n") and not code.rsplit("\n", 2)[-2].strip()
            else ("incomplete", "")
        )
    if _QUESTION.match(code.strip()):
        return "complete", ""
    source = _LINE_MAGIC.sub("pass", code)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            whole = codeop.compile_command(source, "<cell>", "exec") is not None
    except (SyntaxError, ValueError, OverflowError):
        return "invalid", ""
    lines = source.split("\n")
    last = lines[-1]
    if whole and not (len(lines) > 1 and last.startswith((" ", "\t")) and last.strip()):
        return "complete", ""
    indent = last[: len(last) - len(last.lstrip())]
    return "incomplete", indent + " " * (_INDENT if last.rstrip().endswith(":") else 0)
