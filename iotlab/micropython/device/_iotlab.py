# Runs on the board: what the host needs there. The host puts it into sys.modules as an object, so
# that nothing of it stands among the user's own names. It is kept small: it lives in the board's RAM.
#
# A frame is DLE [ ... DLE US around channel, sequence number, payload and CRC-32 (big-endian), with
# seven byte values escaped (iotlab/micropython/frames.py has the table), so that neither a REPL nor a
# serial line with flow control takes one of them for something else.
import sys
import binascii
import builtins
import io
import os
import time
import __main__

# All of them here and not where they are used: an import looks through the files first, which takes longer than a
# call, and may ask the host for them, with blocks under way.
try:
    import deflate
except ImportError:
    pass
try:
    import hashlib
except ImportError:
    pass

try:
    import select

    _poll = select.poll()
    _poll.register(sys.stdin, 1)
    _waiting = _poll.ipoll
except (ImportError, AttributeError, OSError):

    def _waiting(_):
        return ()


_PAIRS = tuple((bytes((b,)), bytes((16, b | 64))) for b in b"\x10\x03\x04\n\r\x11\x13")
# What comes holds no byte that the raw REPL obeys: DLE comes last, or what it made of others is taken for it.
_BACK = tuple((bytes((16, b | 64)), bytes((b,))) for b in b"\x01\x02\x05\x03\x04\n\r\x11\x13\x10")
_crc = binascii.crc32
_seq = 0
_out = getattr(sys.stdout, "buffer", sys.stdout)
_in = getattr(sys.stdin, "buffer", sys.stdin)
_cache = {}
_main = __main__.__dict__
_names = globals()
# The last call: its number, and the frame that ended it, in case it gets lost on the way.
_number = 0
_ending = (12, b"")


# What runs for each line, value and block is in small functions: where arguments, locals and what an expression
# needs come to more than 11 words (a try takes 3 of them), MicroPython takes each call's from the heap, which is
# ten times as slow (VM_MAX_STATE_ON_STACK in py/objfun.c).


# A timer's callback may print, and so send, at any loop or jump: there are none where the number is taken.
def _head(channel):
    global _seq
    s = _seq
    _seq = s + 1
    return bytes((channel, s & 255))


def send(channel, payload):
    write(_head(channel) + payload)


# The payload holds nothing that is to be escaped.
def send_clear(channel, payload):
    head = _head(channel)
    crc = _crc(payload, _crc(head)).to_bytes(4, "big")
    _put(b"".join((b"\x10[", _escaped(head), payload, _escaped(crc), b"\x10\x1f")))


def write(body):
    _put(b"\x10[" + _escaped(body + _crc(body).to_bytes(4, "big")) + b"\x10\x1f")


def _escaped(data):
    for plain, escaped in _PAIRS:
        if plain in data:
            data = data.replace(plain, escaped)
    return data


def _put(data):
    done = _out.write(data) or 0
    while done < len(data):
        done += _out.write(data[done:]) or 0


# -- what is printed ---------------------------------------------------------------------------
# Where os.dupterm shows us what goes out, it is counted; else print sends frames. Either way the host
# sees what is lost or changed on the way.
_print = print
_frames = False
_line = None  # what a value that raised left of it


def _framed(*values, **how):
    global _line
    if "file" in how:
        return _print(*values, **how)
    _line = text = io.BytesIO()
    _print(*values, file=text, **how)
    _line = None
    text = text.getvalue()
    if len(text) > 1024:
        return _send_parts(text)
    write(_head(13) + text)


def _send_parts(text):
    for k in range(0, len(text), 1024):
        send(13, text[k : k + 1024])


class _Count(io.IOBase):
    def write(self, data):
        try:
            self.crc = _crc(data, self.crc)
            self.count += len(data)
        except MemoryError:  # printed where nothing may be allocated
            self.count = -1 << 30
        return len(data)

    def readinto(self, buffer):
        return None

    def ioctl(self, request, argument):
        return 0


def _counts():
    try:
        return os.dupterm
    except AttributeError:
        return None


_dupterm = _counts()


# How what is printed is verified; the host says when it begins and when it lets go.
# builtins.print reads as the firmware's own even where it is another.
def verify(on):
    global _frames
    if _dupterm:
        return "counted"
    try:
        if on:
            builtins.print = _framed
        elif _frames:
            del builtins.print
        _frames = on
        return "framed"
    except AttributeError:
        return ""


# -- calls -------------------------------------------------------------------------------------


# With the end of code goes how many frames were sent until then.
def _end(channel, payload):
    global _ending
    if channel in (9, 10):
        payload = _seq.to_bytes(4, "big") + payload
    _ending = (channel, payload)
    send(channel, payload)


# What the host sends is run once, if it came whole: a number that was here before gets its answer again.
# kind 0: an expression of this module, 1: one of the user's, 2: code.
def call(number, kind, crc, source, name="<stdin>"):
    if _crc(source, _crc(name, (number << 2) | kind)) != crc:
        return send(11, b"")
    # Nothing is sent behind a call before it answers: it is the 0x04 at its end, which came twice. At the prompt
    # it would start the interpreter anew.
    _drop(_waiting(0))
    if number == _number:
        send(*_ending)
    else:
        _begin(number)
        _make(kind, source, name)


def _drop(waiting):
    for _ in waiting:
        _in.read(1)


def _begin(number):
    global _number, _ending
    _number, _ending = number, (12, b"")


def _make(kind, source, name):
    try:
        if kind == 2:
            _run(source, name)
        else:
            _evaluate(kind, source)
    except BaseException as e:
        _raised(e)


def _evaluate(kind, source):
    value = eval(source, _main if kind else _names)
    if isinstance(value, bytes):
        _end(16, value)
    else:
        _end(1, repr(value).encode())


def _raised(error):
    global _line
    if _line:
        _send_parts(_line.getvalue())
        _line = None
    text = io.StringIO()
    sys.print_exception(error, text)
    _end(10, text.getvalue().encode())


def _run(source, name):
    send(8, _seq.to_bytes(4, "big"))
    try:
        source = compile(source, name, "exec")
    except NameError:
        pass
    try:
        if _dupterm:
            _counted(source)
        else:
            exec(source, _main)
    except SystemExit:
        pass
    _end(9, b"")


def _counted(source):
    count = _Count()
    count.count = count.crc = 0
    before = _dupterm(count)
    if isinstance(before, _Count):  # one of ours, which Ctrl-C left there
        before = None
    if before:  # it is taken, by a WebREPL for example
        _dupterm(before)
    try:
        exec(source, _main)
    finally:
        if not before:
            now = _dupterm(None)
            if now is not count:  # the code put its own there, and not all was counted
                _dupterm(now)
            elif count.count >= 0:
                send(14, count.count.to_bytes(4, "big") + count.crc.to_bytes(4, "big"))


# Another helper, put where it is found as this one is.
def add(module, source, crc):
    class Helper:
        pass

    names = {"__name__": module}
    try:
        source = compile(source, module, "exec")
    except NameError:
        pass
    exec(source, names)
    helper = Helper()
    for name in names:
        setattr(helper, name, names[name])
    helper.crc = crc
    sys.modules[module] = helper


# Longer code comes in blocks; how many and in which pieces has to be right before one waits for them.
def load(number, kind, crc, name, blocks, piece, check):
    if blocks << 12 ^ piece ^ crc != check:
        return send(11, b"")
    call(number, kind, crc, b"".join(list(_receive(blocks, piece))), name)


# -- blocks ------------------------------------------------------------------------------------
# A block is 12 characters of base64 (number, flags, size on the wire, CRC-32, a sum over these) and its
# bytes, escaped as in a frame. Of one that came changed the number is told, and what follows is left
# out up to DLE ~. Where nothing else holds the host back, each piece that was read is told by an ACK.


def _block(piece):
    head = binascii.a2b_base64(_in.read(12))
    if len(head) != 9 or sum(head[:8]) & 255 != head[8]:
        raise ValueError
    size = head[2] << 8 | head[3]
    if piece:
        data = b""
        while size:
            part = _in.read(min(size, piece))
            size -= len(part)
            data += part
            _out.write(b"\x06")
    else:
        data = _in.read(size)
    if head[1] & 128:
        data = binascii.a2b_base64(data)
    else:
        for escaped, plain in _BACK:
            if escaped in data:
                data = data.replace(escaped, plain)
    if _crc(data, _crc(head[:4])).to_bytes(4, "big") != head[4:8]:
        raise ValueError
    if head[1] & 127:
        data = deflate.DeflateIO(io.BytesIO(data), deflate.RAW, head[1] & 127).read()
    return head[0], data


def _receive(blocks, piece):
    expected = failed = 0
    send(15, b"+\0\0")
    while expected < blocks:
        try:
            number, data = _block(piece)
            ahead = (number - expected) & 255
        except ValueError:
            ahead = 1
        if not ahead:
            expected += 1
            yield data
        elif ahead < 128:  # else it is one that came before
            failed += 1
            send(15, b"-" + expected.to_bytes(2, "big") + bytes((failed & 255,)))
            last = b""
            while True:
                c = _in.read(1)
                if c == b"~" and last == b"\x10":
                    break
                last = c
            continue
        send(15, b"+" + expected.to_bytes(2, "big"))


# -- files -------------------------------------------------------------------------------------


def _sha256(path, size=1024):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        b = bytearray(size)
        v = memoryview(b)
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(v[:n])
    return h.digest()


def sha256(path):
    try:
        return _sha256(path)
    except OSError as e:
        if e.args[0] not in (2, 21):
            raise


def put(path, digest, blocks, piece):
    part = path + ".part"
    try:
        try:
            with open(part, "wb") as f:
                for data in _receive(blocks, piece):
                    f.write(data)
        except KeyboardInterrupt:  # Ctrl-C comes twice: the second one while the file is closed
            raise
        if _sha256(part) != binascii.unhexlify(digest):
            raise OSError(5)
        try:
            os.rename(part, path)
        except OSError as e:
            if e.args[0] != 17:  # FAT does not rename over a file
                raise
            os.remove(path)
            os.rename(part, path)
    except BaseException:
        while True:  # until there is none, or Ctrl-C comes now
            try:
                os.remove(part)
            except OSError:
                break
            except KeyboardInterrupt:
                pass
        raise


# Parts with their place in front; the size and, for a whole file, its hash as the answer.
# "slow": microseconds that the line took in excess of 5 for a byte, as far as one knows.
def get(path, start, stop, chunk, slow):
    h = hashlib.sha256()
    b = bytearray(4 + chunk)
    v = memoryview(b)
    with open(path, "rb") as f:
        size = f.seek(0, 2)
        whole = stop is None
        if whole:
            stop = size
        f.seek(start)
        while start < stop:
            n = f.readinto(v[4 : 4 + min(chunk, stop - start)])
            if not n:
                break
            b[:4] = start.to_bytes(4, "big")
            if whole:
                h.update(v[4 : 4 + n])
            now = time.ticks_us()
            if slow > 50000:
                send(15, bytes(v[: 4 + n]))
            else:
                send_clear(17, binascii.b2a_base64(v[: 4 + n])[:-1])
            slow = max(-200000, min(200000, slow + time.ticks_diff(time.ticks_us(), now) - 5 * n))
            start += n
    return size, h.digest() if whole else None


def ls(path):
    found = []
    for e in os.ilistdir(path):
        size = e[3] if len(e) > 3 else os.stat((path if path.endswith("/") else path + "/") + e[0])[6]
        found.append((e[0], e[1] & 0x4000 != 0, size))
    return found


def remove(path, recursive):
    if os.stat(path)[0] & 0x4000:
        if recursive:
            for e in list(os.ilistdir(path)):
                remove(path.rstrip("/") + "/" + e[0], True)
        if path != "/":
            os.rmdir(path)
    else:
        os.remove(path)


def mkdir(path):
    made = ""
    for name in path.strip("/").split("/"):
        made += "/" + name
        try:
            os.mkdir(made)
        except OSError as e:
            if e.args[0] != 17 or not os.stat(made)[0] & 0x4000:
                raise


def _i2c(bus, scl, sda, freq):
    key = ("i2c", bus, scl, sda, freq)
    if key not in _cache:
        import machine

        if scl is None:
            _cache[key] = machine.I2C(bus, freq=freq)
        else:
            _cache[key] = machine.I2C(bus, scl=machine.Pin(scl), sda=machine.Pin(sda), freq=freq)
    return _cache[key]


# Operations: bytes are written, a number is read; the last one ends with a stop.
def i2c(where, address, operations):
    b = _i2c(*where)
    got = b""
    last = len(operations) - 1
    for k, o in enumerate(operations):
        if isinstance(o, int):
            r = bytearray(o)
            b.readfrom_into(address, r, k == last)
            got += r
        else:
            b.writeto(address, o, k == last)
    return got


def scan(where):
    return _i2c(*where).scan()


def pin(number, mode, pull):
    key = ("pin", number)
    if key not in _cache or _cache[key][0] != (mode, pull):
        from machine import Pin

        p = Pin(
            number,
            {"in": Pin.IN, "out": Pin.OUT, "open-drain": Pin.OPEN_DRAIN}[mode],
            {"": None, "up": Pin.PULL_UP, "down": Pin.PULL_DOWN}[pull],
        )
        _cache[key] = ((mode, pull), p)
    return _cache[key][1]


def adc(number):
    key = ("adc", number)
    if key not in _cache:
        from machine import ADC, Pin

        a = ADC(Pin(number))
        if hasattr(ADC, "ATTN_11DB"):  # an ESP32 measures up to about 1 V unless told otherwise
            a.atten(ADC.ATTN_11DB)
        _cache[key] = a
    return _cache[key]


def pwm(number):
    key = ("pwm", number)
    if key not in _cache:
        from machine import PWM, Pin

        _cache[key] = PWM(Pin(number))
    return _cache[key]


def pwm_stop(number):
    p = _cache.pop(("pwm", number), None)
    if p:
        p.deinit()


def identify():
    u = os.uname()
    try:
        import machine

        uid = bytes(machine.unique_id())
    except (ImportError, AttributeError):
        uid = b""
    return u[0], u[2], u[3], u[4], uid
