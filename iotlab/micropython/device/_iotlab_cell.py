# Runs on the board, once a notebook's cell ran there: how values are shown, and how a cell asks for input.
# What few cells need comes from the host when it is first used.
import builtins
import sys
import binascii
import __main__
from _iotlab import send

_MIMES = (("png", "image/png"), ("jpeg", "image/jpeg"), ("svg", "image/svg+xml"), ("html", "text/html"), ("markdown", "text/markdown"), ("json", "application/json"))
_more = {}


def _form(mime, data):
    if data is not None:
        if mime.endswith("json") and not isinstance(data, str):
            data = __import__("json").dumps(data)
        send(3, mime.encode() + b"\0" + (data if isinstance(data, bytes) else data.encode()))


# The text comes last: with it the picture is complete.
def _send(channel, value):
    text = repr(value)
    if not isinstance(value, type):
        for name, mime in _MIMES:
            m = getattr(value, "_repr_" + name + "_", None)
            if m:
                _form(mime, m())
        m = getattr(value, "_repr_mimebundle_", None)
        if m:
            forms = m()
            for mime, data in (forms[0] if isinstance(forms, tuple) else forms).items():
                if mime == "text/plain":
                    text = data
                else:
                    _form(mime, data)
        elif hasattr(value, "pixel") and hasattr(value, "blit"):
            more("_iotlab_picture")["picture"](value)
    if len(text) > 40000:  # nobody reads more, and it takes memory to send
        text = "%s\n... %d characters left out here ...\n%s" % (text[:38000], len(text) - 39000, text[-1000:])
    send(channel, text.encode())


# Parts of the helper that the host sends in portions, each when it is asked for.
def more(name):
    if name not in _more:
        source = b""
        while True:
            send(21, ("%s %d" % (name, len(source))).encode())
            part = binascii.a2b_base64(sys.stdin.readline().strip()[1:])
            if not part:
                break
            source += part
        names = {"__name__": name}
        exec(code(source.decode(), name), names)
        _more[name] = names
    return _more[name]


def show(value):
    if value is not None:
        __main__._ = value
        _send(2, value)


def display(*values, display_id=None, update=False):
    for value in values:
        if display_id:
            send(23 if update else 22, str(display_id).encode())
        _send(4, value)


def clear_output(wait=False):
    send(5, b"1" if wait else b"0")


# One sample of a live plot: numbers, or numbers by name.
def plot(*values, **named):
    import time

    for v in values:
        if isinstance(v, dict):
            named.update(v)
    values = [v for v in values if not isinstance(v, dict)]
    for v in values + list(named.values()):
        float(v)  # what is no number is told where it stands
    if not values and not named:
        raise TypeError("plot takes numbers")
    send(24, repr((time.ticks_ms(), values, named)).encode())


# What a cell writes to sys.stderr.
try:
    import io

    class _Err(io.IOBase):
        def write(self, data):
            send(20, data.encode() if isinstance(data, str) else bytes(data))
            return len(data)

    err = _Err()
except (ImportError, AttributeError):  # a firmware without streams in Python
    err = getattr(sys, "stderr", sys.stdout)


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
_GIVEN = (display, clear_output, plot, input)


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
