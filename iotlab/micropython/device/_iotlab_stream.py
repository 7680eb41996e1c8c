# Runs on the board: a generator whose items go to the host, many in one frame. In front of them stand, as
# "<III", the number of the first one, and ticks_us and ticks_ms when they were sent. Channel 40: packed
# items; 43: the same in base64, which a board makes faster than it escapes bytes; 44: their number, two bytes, and a list
# of them as text;
# 42: how many items were left out so far because they were late.
import struct
import time
from binascii import b2a_base64
from _iotlab import send, send_clear
from _iotlab_remote import o

_MASK = 0x3FFFFFFF
_AGE_MS = 20
_HEAD = 12
_pack = struct.pack_into
_ticks = time.ticks_ms
_ticks_us = time.ticks_us
_diff = time.ticks_diff
_add = time.ticks_add
_sent = _missed = 0


def run(number, values, named, how, format, size, limit, stamped, pace):
    global _sent, _missed
    _sent = _missed = 0
    items = o[number](*values, **named)
    try:
        if how in ("fields", "field") and not stamped and not pace:
            _packed(zip(items) if how == "field" else items, format, size, limit)
        else:
            put, flush = {"fields": _packer, "field": _packer, "text": _writer, "blocks": _passer}[how](format, size, limit, pace)
            _general(items, put, flush, stamped, pace)
    finally:
        items.close()


def sent():
    return _sent


# Sends a block, whose head it fills, with so many items. Where the board is what takes the time, and not a
# slow line or a pace, it need not look for bytes to escape. "slow": microseconds that the line took in excess.
def _sender(channel, paced):
    told, slow = 0, 60000

    def flush(block, count):
        global _sent
        nonlocal slow, told
        if told != _missed:
            told = _missed
            send(42, told.to_bytes(4, "big"))
        now = _ticks_us()
        _pack("<III", block, 0, _sent & 0xFFFFFFFF, now & _MASK, _ticks() & _MASK)
        _sent += count
        if channel == 44:
            send(44, block)
        elif paced or slow > 50000:
            send(40, block)
        else:
            send_clear(43, b2a_base64(block)[:-1])
        slow = max(-200000, min(200000, slow + _diff(_ticks_us(), now) - 5 * len(block)))

    return flush


# As few bytecodes for an item as can be. What comes later than the last block was sent by _AGE_MS goes at once,
# and so does the first item.
def _packed(items, format, size, limit):
    block = bytearray(limit)
    view, flush = memoryview(block), _sender(40, False)
    pack, ticks, diff, end = _pack, _ticks, _diff, _HEAD
    due = _add(ticks(), -1)
    try:
        for item in items:
            pack(format, block, end, *item)
            end += size
            if end == limit or diff(ticks(), due) > 0:
                full, end = end, _HEAD
                flush(view[:full], (full - _HEAD) // size)
                due = _add(ticks(), _AGE_MS)
    finally:
        if end > _HEAD:
            flush(view[:end], (end - _HEAD) // size)


# What becomes of an item: put() says whether there is enough to be sent, flush() sends it.
def _packer(format, size, limit, pace):
    block = bytearray(limit)
    view, send_block, end = memoryview(block), _sender(40, pace), _HEAD

    def put(item):
        nonlocal end
        _pack(format, block, end, *(item if isinstance(item, (tuple, list)) else (item,)))
        end += size
        return end == limit

    def flush():
        nonlocal end
        full, end = end, _HEAD
        send_block(view[:full], (full - _HEAD) // size)

    return put, flush


def _writer(format, size, limit, pace):
    parts, length, send_block = [], 0, _sender(44, pace)

    def put(item):
        nonlocal length
        parts.append(repr(item))
        length += len(parts[-1]) + 1
        return length >= limit

    def flush():
        nonlocal length
        count, length = len(parts), 0
        block = bytearray(_HEAD) + count.to_bytes(2, "big") + ("[" + ",".join(parts) + "]").encode()
        parts.clear()
        send_block(block, count)

    return put, flush


# The generator packs by itself, and yields blocks of whole items.
def _passer(format, size, limit, pace):
    block, send_block = b"", _sender(40, pace)

    def put(item):
        nonlocal block
        if len(item) % size:
            raise ValueError("a block is of whole items of %d bytes" % size)
        block = item
        return True

    def flush():
        if len(block):
            send_block(bytearray(_HEAD) + block, len(block) // size)

    return put, flush


# An item is taken when its time has come. What could not be taken for longer than slack is left out.
def _general(items, put, flush, stamped, pace):
    global _missed
    error, waiting, due = 0, False, _add(_ticks(), -1)
    us, rest, parts, slack = pace or (0, 0, 1, 0)
    at, last = _ticks_us(), _ticks()
    try:
        while True:
            if us:
                left = _diff(at, _ticks_us())
                if waiting and left > 0 and _diff(_add(_ticks(), left // 1000), due) >= 0:
                    waiting = False
                    flush()
                    due = _add(_ticks(), _AGE_MS)
                    left = _diff(at, _ticks_us())
                now = _ticks()
                if _diff(now, last) > 400000:  # ticks_us came round meanwhile
                    _missed += _diff(now, last) * 1000 // us
                    at = _ticks_us()
                elif left > 0:
                    time.sleep_us(left)
                elif left < -slack:
                    skip = -left // us
                    _missed += skip
                    at = _add(at, skip * us)
                last = now
                at = _add(at, us)
                error += rest
                if error >= parts:
                    error -= parts
                    at = _add(at, 1)
            stamp = _ticks_us() & _MASK
            item = next(items)
            if stamped:
                item = (stamp,) + (tuple(item) if isinstance(item, (tuple, list)) else (item,))
            waiting = True
            if put(item) or _diff(_ticks(), due) > 0:
                waiting = False
                flush()
                due = _add(_ticks(), _AGE_MS)
    except StopIteration:
        pass
    finally:
        if waiting:
            waiting = False
            flush()
