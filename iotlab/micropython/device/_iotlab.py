# Runs on the board: what the host needs there. The host puts it into sys.modules as an object, so
# that nothing of it stands among the user's own names. It is kept small: it lives in the board's RAM.
#
# A frame is DLE [ ... DLE ] around channel, sequence number, payload and CRC-32 (big-endian), with
# seven byte values escaped (iotlab/micropython/frames.py has the table), so that neither a REPL nor a
# serial line with flow control takes one of them for something else.
import sys
import binascii

_ESCAPES = (b"\x10", b"\x03", b"\x04", b"\n", b"\r", b"\x11", b"\x13")
_seq = 0
_out = getattr(sys.stdout, "buffer", sys.stdout)
_in = getattr(sys.stdin, "buffer", sys.stdin)
_cache = {}


def send(channel, payload):
    global _seq
    body = bytes((channel, _seq)) + payload
    _seq = (_seq + 1) & 255
    body += binascii.crc32(body).to_bytes(4, "big")
    for e in _ESCAPES:
        if e in body:
            body = body.replace(e, bytes((16, e[0] | 64)))
    body = b"\x10[" + body + b"\x10]"
    done = 0
    while done < len(body):
        done += _out.write(body[done:]) or 0


def answer(value):
    send(1, repr(value).encode())


def _sha256(path):
    import hashlib

    h = hashlib.sha256()
    with open(path, "rb") as f:
        b = bytearray(1024)
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(memoryview(b)[:n])
    return h.digest()


def sha256(path):
    try:
        answer(_sha256(path))
    except OSError as e:
        if e.args[0] not in (2, 21):
            raise
        answer(None)


# Chunks come as base64 of data and CRC-32; each is acknowledged, or asked for again.
def put(path, size, digest, chunk):
    import os

    part = path + ".part"
    try:
        with open(part, "wb") as f:
            send(1, b"ready")
            left = size
            while left:
                n = min(chunk, left)
                line = _in.read((n + 4 + 2) // 3 * 4)
                try:
                    data = binascii.a2b_base64(line)
                except ValueError:
                    data = b""
                if len(data) == n + 4 and binascii.crc32(data[:n]).to_bytes(4, "big") == data[n:]:
                    f.write(data[:n])
                    left -= n
                    send(1, b"+")
                else:
                    send(1, b"-")
        if _sha256(part) != digest:
            raise OSError(5)
        try:
            os.rename(part, path)
        except OSError as e:
            if e.args[0] != 17:  # FAT does not rename over a file
                raise
            os.remove(path)
            os.rename(part, path)
    except BaseException:
        try:
            os.remove(part)
        except OSError:
            pass
        raise


def get(path, chunk):
    import hashlib

    h = hashlib.sha256()
    b = bytearray(chunk)
    with open(path, "rb") as f:
        f.seek(0, 2)
        send(1, str(f.tell()).encode())
        f.seek(0)
        while True:
            n = f.readinto(b)
            if not n:
                break
            data = bytes(memoryview(b)[:n])
            h.update(data)
            send(1, data)
    send(1, h.digest())


def ls(path):
    import os

    found = []
    for e in os.ilistdir(path):
        size = e[3] if len(e) > 3 else os.stat((path if path.endswith("/") else path + "/") + e[0])[6]
        found.append((e[0], e[1] & 0x4000 != 0, size))
    answer(found)


def remove(path, recursive):
    import os

    if os.stat(path)[0] & 0x4000:
        if recursive:
            for e in list(os.ilistdir(path)):
                remove(path.rstrip("/") + "/" + e[0], True)
        if path != "/":
            os.rmdir(path)
    else:
        os.remove(path)


def mkdir(path):
    import os

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
    send(1, got)


def scan(where):
    answer(_i2c(*where).scan())


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
    import os

    u = os.uname()
    try:
        import machine

        uid = bytes(machine.unique_id())
    except (ImportError, AttributeError):
        uid = b""
    answer((u[0], u[2], u[3], u[4], uid))
