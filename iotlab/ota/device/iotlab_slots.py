# Runs on the board: two slots for the application, one of which is started. /main.py is two lines:
#
#     import iotlab_slots
#     iotlab_slots.run(globals())
#
# Each slot is a folder that tells by itself what it is: no file points at one of them.
#     manifest   written last and removed first, so that a slot with a manifest is whole:
#                SHA-256 of the rest, the sequence number, the manifest of the bundle
#     trial      written before the application starts for the first time
#     confirmed  written when it said that it works
#     failed     written with the reason when it did not
#     app/       the application
# What starts: the newest slot that has none of the marks (on trial), else the newest confirmed one, else
# /factory.py. A slot with "trial" and nothing else at a start had its one chance: it is marked failed.
import binascii
import hashlib
import json
import os
import select
import sys
import time

PROTOCOL = 1
ROOT = "/slots/"
FACTORY = "/factory.py"
CHANNEL = 7
TICK_MS = 20
SLICE_MS = 8  # of each tick, the most that an update takes from the application
FRAME_MAX = 600

slot = ""  # whose application was started: "a", "b", "factory", or "" for none
name = version = ""
trial = False  # until it is confirmed
ended = False  # it ended, or never started: the prompt is free
stopped = False  # Ctrl-C ended it
reading = False  # frames are taken from stdin while the application runs
watched = False  # a watchdog runs

_begun = ""
_deadline = _trial_s = 0
_wdt = _timer = _alive = None
_watchdog_ms = 0


# -- for the application ----------------------------------------------------------------------


def confirm():
    """The application works: it is started from now on."""
    global trial
    if trial:
        _write(ROOT + slot + "/confirmed", b"")
        trial = False


def alive():
    """Promise to call this again before the watchdog's time is over, and again, and again."""
    global _alive
    _alive = time.ticks_ms()


# -- what is in the slots ---------------------------------------------------------------------


def _read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


def _write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def hashing(path):
    # A generator, so that an update can go on in small slices; its value is the hash, "" where no file is.
    h = hashlib.sha256()
    b = bytearray(512)
    try:
        with open(path, "rb") as f:
            while True:
                n = f.readinto(b)
                if not n:
                    break
                h.update(memoryview(b)[:n])
                yield
    except OSError:
        return ""
    return binascii.hexlify(h.digest()).decode()


def whole(job):
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


def look(s):
    told = {"slot": s, "state": "empty", "sequence": 0, "name": "", "version": "", "reason": ""}
    raw = _read(ROOT + s + "/manifest")
    if raw is None:
        return told
    try:
        head, rest = raw.split(b"\n", 1)
        if binascii.hexlify(hashlib.sha256(rest).digest()) != head:
            raise ValueError
        number, body = rest.split(b"\n", 1)
        told["manifest"] = m = json.loads(body)
        told["sequence"], told["name"], told["version"] = int(number), m["name"], m["version"]
    except (ValueError, KeyError):
        told["state"] = "broken"
        return told
    told["state"] = "ready"
    for mark in ("failed", "confirmed", "trial"):
        text = _read(ROOT + s + "/" + mark)
        if text is not None:
            told["state"] = mark
            told["reason"] = text.decode()
            break
    return told


def fail(s, reason):
    _write(ROOT + s + "/failed", reason[:2000].encode())


def _wrong(told, deep):
    # What is wrong with the files of a slot, "" where nothing is.
    base = ROOT + told["slot"] + "/app/"
    for path, size, digest in told["manifest"]["files"]:
        try:
            fits = os.stat(base + path)[6] == size
        except OSError:
            return path + " is missing"
        if not fits or deep and whole(hashing(base + path)) != digest:
            return path + " is damaged"
    return ""


def _why():
    # Why a trial ended without a word.
    try:
        import machine

        if machine.reset_cause() == machine.WDT_RESET:
            return "it hung: the watchdog reset the board before it was confirmed"
    except (ImportError, AttributeError):
        pass
    return "the board was reset or lost its power before it was confirmed"


def pick(trials=True):
    # The slot to start and whether it is on trial; marks what has to be marked first. Called again after a
    # Ctrl-C in the middle, it comes to the same end.
    global _begun, watched
    found = sorted((look("a"), look("b")), key=lambda told: -told["sequence"])
    for told in found:
        if told["state"] == "trial" and told["slot"] != _begun:
            fail(told["slot"], _why())
            watched = True  # a soft reset does not stop a watchdog: it has to be fed
    for told in found:
        if trials and (told["state"] == "ready" or told["state"] == "trial" and told["slot"] == _begun):
            wrong = _wrong(told, True)
            if not wrong:
                _begun = told["slot"]
                _write(ROOT + _begun + "/trial", b"")
                return told, True
            fail(told["slot"], "it was not started: " + wrong)
    for told in found:
        if told["state"] == "confirmed" and not _wrong(told, False):
            return told, False
    return None, False


# -- starting it ------------------------------------------------------------------------------


def run(names, trials=True):
    """Start what is to be started, in ``names``: the globals of main.py."""
    global slot, name, version, trial, ended, stopped, reading
    send(b"\0\0~")  # a sign of life for a host that waits: checking a new application takes a moment
    while True:
        try:
            told, trial = pick(trials)
            break
        except KeyboardInterrupt:
            pass
    restarts = False
    try:
        if told:
            slot, name, version = told["slot"], told["name"], told["version"]
            _watch(told["manifest"])
            entry = ROOT + slot + "/app/"
            sys.path.insert(0, entry[:-1])
            print("iotlab: %s %s starts%s" % (name, version, " on trial" if trial else ""))
        elif _read(FACTORY) is not None:
            slot = "factory"
            _watch({})
            entry = "/"
        else:
            return
        announce()
        _execute(entry, names)
    except KeyboardInterrupt:
        stopped = True
        print("iotlab: stopped by Ctrl-C")
    except SystemExit:  # a soft reset
        restarts = True
        raise
    except Exception as error:
        if not trial:
            raise
        _broke(error)
    finally:
        ended, reading = not restarts, False
        if ended:
            announce()


def _execute(entry, names):
    if slot == "factory":
        execfile(FACTORY, names)
        return
    try:
        os.stat(entry + "main.py")
    except OSError:
        __import__("main")  # main.mpy
        return
    execfile(entry + "main.py", names)


def _broke(error):
    global reading
    import io

    reading = False  # nobody is told of a state that ends with the reset
    text = io.StringIO()
    sys.print_exception(error, text)
    print(text.getvalue())
    fail(slot, "it raised\n" + text.getvalue())
    reset()


def reset():
    import machine

    print("iotlab: the board restarts")
    machine.reset()


def announce():
    send(b"\0\0!" + json.dumps(state()).encode())


def state():
    return {
        "protocol": PROTOCOL,
        "slot": slot,
        "name": name,
        "version": version,
        "trial": trial,
        "ended": ended,
        "stopped": stopped,
        "reading": reading,
        "micropython": tuple(sys.implementation[1])[:3],
        "mpy": getattr(sys.implementation, "_mpy", 0),
    }


# -- while it runs ----------------------------------------------------------------------------
# A timer's callback, run by the scheduler between two instructions of the application: it feeds the
# watchdog, ends a trial that is over, and gives an update its slice.


def _watch(manifest):
    global reading, watched, _deadline, _trial_s, _wdt, _watchdog_ms, _timer
    reading = manifest.get("service", True)
    watched = watched or trial
    _trial_s, _watchdog_ms = manifest.get("trial_s", 30), manifest.get("watchdog_s", 8) * 1000
    if not (reading or watched):
        return
    _deadline = time.ticks_add(time.ticks_ms(), _trial_s * 1000)
    if _timer is None:
        _timer = _start_timer()
    if watched and _watchdog_ms and _wdt is None:
        from machine import WDT

        _wdt = WDT(timeout=_watchdog_ms)


def _start_timer():
    from machine import Timer

    for number in (-1, 0, 1, 2, 3):  # -1 is a timer in software, which not every port has
        for more in ({"hard": False}, {}):  # nor does every port know the word
            try:
                return Timer(number, mode=Timer.PERIODIC, period=TICK_MS, callback=_tick, **more)
            except (TypeError, ValueError, OSError):
                pass
    raise OSError("no machine.Timer is free: the slots need one")


def _tick(_):
    now = time.ticks_ms()
    hung = _alive is not None and not stopped and time.ticks_diff(now, _alive) > _watchdog_ms
    if _wdt and not hung:
        _wdt.feed()
    if trial and time.ticks_diff(now, _deadline) > 0:
        fail(slot, "it was not confirmed within %d s" % _trial_s)
        reset()
    if reading:
        step(SLICE_MS)


# -- frames on stdin and stdout (iotlab/micropython/frames.py) --------------------------------

_ESCAPES = (b"\x10", b"\x03", b"\x04", b"\n", b"\r", b"\x11", b"\x13")
_out = getattr(sys.stdout, "buffer", sys.stdout)
_in = getattr(sys.stdin, "buffer", sys.stdin)
_poller = select.poll()
_poller.register(sys.stdin, select.POLLIN)
_byte = bytearray(1)
_frame = None
_escaped = False
_seq = 0


def send(payload):
    global _seq
    body = bytes((CHANNEL, _seq)) + payload
    _seq = (_seq + 1) & 255
    body += binascii.crc32(body).to_bytes(4, "big")
    for e in _ESCAPES:
        if e in body:
            body = body.replace(e, bytes((16, e[0] | 64)))
    body = b"\x10[" + body + b"\x10\x1f"
    done = 0
    while done < len(body):
        done += _out.write(body[done:]) or 0


def poll():
    # Takes what has come and handles the first whole frame in it; whether anything came. No byte allocates.
    global _frame, _escaped
    came = False
    while True:
        waiting = False
        for _ in _poller.ipoll(0):
            waiting = True
        if not waiting:
            return came
        if not _in.readinto(_byte):
            raise EOFError  # no board's, but that of a process whose owner is gone
        came, c = True, _byte[0]
        if _escaped:
            _escaped = False
            if c == 91:  # DLE [
                _frame = bytearray()
            elif _frame is not None:
                if c == 31:  # DLE US
                    body, _frame = bytes(_frame), None
                    _take(body)
                    return True
                _frame.append(c & 0xBF)
        elif c == 16:
            _escaped = True
        elif _frame is not None:
            _frame.append(c)
            if len(_frame) > FRAME_MAX:
                _frame = None


def _take(body):
    if len(body) > 8 and body[0] == CHANNEL and binascii.crc32(body[:-4]).to_bytes(4, "big") == body[-4:]:
        import iotlab_update

        iotlab_update.handle(body[2:-4])


def step(slice_ms):
    # What there is to do for an update, for that long at the most; whether there was something.
    end = time.ticks_add(time.ticks_ms(), slice_ms)
    did = poll()
    update = sys.modules.get("iotlab_update")
    while update and update.busy() and time.ticks_diff(end, time.ticks_ms()) > 0:
        if not update.work():
            for _ in _poller.ipoll(1):  # the next request is on its way
                pass
        did = poll() or did
    return did


def serve():
    """Handle updates until the host has done: where no application runs, or it leaves stdin alone."""
    import iotlab_update

    iotlab_update.begin()
    announce()
    while not iotlab_update.over:
        if not step(1000):
            _poller.poll(20)
