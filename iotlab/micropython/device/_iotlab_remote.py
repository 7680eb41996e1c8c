# Runs on the board, once a task or a proxy is used: functions that the host sent, and objects that it knows
# by a number. A value goes back in frames of channel 41, its size in front; it is kept until the next one, in
# case something of it gets lost on the way.
import struct
import time
from _iotlab import send, _in

_names = {}  # of each function: its globals
_count = 0
_last = (0, b"")
_PLAIN = (type(None), bool, int, float, str, bytes, bytearray)
_MANY = (list, tuple, set, dict)
# Functions have negative numbers, which the host chose.
o = {}


def define(number, name, source, file, consts):
    names = {"__name__": name}
    names.update(consts)
    try:
        source = compile(source, file, "exec")
    except NameError:
        pass
    exec(source, names)
    o[number], _names[number] = names[name], names


# The other functions that it calls, by the names that it has for them.
def link(number, others):
    for name in others:
        _names[number][name] = o[others[name]]


def drop(*numbers):
    for number in numbers:
        o.pop(number, None)
        _names.pop(number, None)


def keep(value):
    global _count
    _count += 1
    o[_count] = value
    return _count


def _is_plain(value):
    kind = type(value)
    if kind is dict:
        return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
    return kind in _PLAIN or kind in _MANY and all(_is_plain(v) for v in value)


# How what may stay here is told: 0 and the value, or its number and its kind. how 2: it stays in any case.
def told(value, how=1):
    if how < 2 and _is_plain(value):
        return 0, value
    return keep(value), type(value).__name__


# how 0: by value, 1: by value where it is plain, 2: it stays here.
def give(ask, how, value):
    global _last
    _last = 0, b""
    if how:
        value = told(value, how)
    if isinstance(value, bytes):
        data = b"b" + value
    elif isinstance(value, bytearray):
        data = b"a" + value
    else:
        data = b"=" + repr(value).encode()
    data = len(data).to_bytes(4, "big") + data
    _last = ask, data
    for k in range(0, len(data), 2048):
        send(41, data[k : k + 2048])


def again(ask):
    return _last[1] if _last[0] == ask else None


def run(ask, how, number, values, named):
    give(ask, how, o[number](*values, **named))


# Items of what is safe to read ahead come many at a time.
def each(value):
    return keep((iter(value), 32 if type(value) in _MANY or isinstance(value, (str, bytes, bytearray)) else 1))


def some(number):
    items, count = o[number]
    found = []
    for item in items:
        found.append(told(item))
        count -= 1
        if not count:
            return found
    found.append(None)
    return found


def put(there, key, value):
    there[key] = value


def remove(there, key):
    del there[key]


def enter(there):
    if hasattr(there, "__enter__"):
        there.__enter__()


def leave(there):
    if hasattr(there, "__exit__"):
        there.__exit__(None, None, None)


# For each byte that comes: that byte, ticks_us when it came and when this went, and ticks_ms, in channel 45.
def clock(count):
    ticks_us, read, mask = time.ticks_us, _in.read, 0x3FFFFFFF
    for _ in range(count):
        asked = read(1)
        came = ticks_us()
        send(45, asked + struct.pack("<III", came & mask, ticks_us() & mask, time.ticks_ms() & mask))
