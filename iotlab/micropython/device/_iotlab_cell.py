# Runs on the board, once a notebook's cell ran there: how values are shown, and how a cell asks for input.
import builtins
import sys
import binascii
import __main__
from _iotlab import send

_SHOWN = (("_repr_png_", b"image/png"), ("_repr_jpeg_", b"image/jpeg"), ("_repr_svg_", b"image/svg+xml"), ("_repr_html_", b"text/html"))


# The text comes last: with it the picture is complete.
def _send(channel, value):
    if not isinstance(value, type):
        for name, mime in _SHOWN:
            m = getattr(value, name, None)
            data = m() if m else None
            if data:
                send(3, mime + b"\0" + (data if isinstance(data, bytes) else data.encode()))
    send(channel, repr(value).encode())


def show(value):
    if value is not None:
        __main__._ = value
        _send(2, value)


def display(*values):
    for value in values:
        _send(4, value)


def clear_output(wait=False):
    send(5, b"1" if wait else b"0")


def input(prompt=""):
    send(6, str(prompt).encode())
    line = sys.stdin.readline().strip()
    if line[:1] == "=":
        return binascii.a2b_base64(line[1:]).decode()
    raise EOFError if line == "eof" else RuntimeError("input() needs a front end that can ask: run the cell by hand")


# A cell under its own name, where the firmware can compile.
def code(source, name):
    try:
        return compile(source, name, "exec")
    except NameError:
        return source


# The names that a cell finds without an import, until the notebook lets go of the board.
_GIVEN = (display, clear_output, input)


def come():
    for f in _GIVEN:
        try:
            setattr(builtins, f.__name__, f)
        except AttributeError:  # a firmware without changeable builtins
            setattr(__main__, f.__name__, f)


def go():
    for f in _GIVEN:
        for place in (builtins, __main__):
            try:  # what is built in stands behind what was set, and comes back
                if place is builtins or getattr(place, f.__name__) is f:
                    delattr(place, f.__name__)
            except (AttributeError, KeyError):
                pass


come()
