# Runs on the board while an update is installed: what the host asks, and the answers. Loaded with the first
# request. A request is an id, a letter and data; its answer is the same id, "+" and data or "-" and a
# sentence. The same id again means that the answer was lost: it is sent again, or "~" while work goes on.
import binascii
import hashlib
import json
import os
import sys
import time

import iotlab_slots as s

over = False
_LINGER_MS = 2000  # after a request the next one is waited for in the application's time, this long

_id = b""
_answer = None
_job = None
_asked = 0
_manifest = b""
_plan = None
_target = ""
_sequence = 0
_file = None


def begin():
    global over
    over = False


def busy():
    return _job is not None or _plan is not None and time.ticks_diff(time.ticks_ms(), _asked) < _LINGER_MS


def work():
    # One step of what takes long; whether there was one.
    global _job
    if _job is None:
        return False
    try:
        next(_job)
    except StopIteration as end:
        _job = None
        _say(b"+", json.dumps(end.value).encode())
    except Exception as error:
        _job = None
        _failed(error)
    return True


def handle(request):
    global _id, _answer, _job, _asked
    _asked = time.ticks_ms()
    letter = request[2:3]
    if request[:2] == _id:
        s.send(_answer or _id + b"~")
        return
    _id, _answer, _job = request[:2], None, None
    try:
        done = _REQUESTS[letter](request[3:])
        if hasattr(done, "send"):
            _job = done
        else:
            _say(b"+", json.dumps(done).encode())
    except Exception as error:
        _failed(error)


def _say(kind, data):
    global _answer
    _answer = _id + kind + data
    s.send(_answer)


class Refused(Exception):
    pass


def _failed(error):
    if isinstance(error, Refused):
        text = error.args[0]
    elif isinstance(error, OSError) and error.args[0] == 28:
        text = "the board's file system is full: remove files and install again"
    else:
        text = "the board could not do that (%r)" % error
    _say(b"-", text.encode())


# -- what there is ----------------------------------------------------------------------------


def _hello(_):
    global _plan, _file
    _plan = None
    if _file:
        _file.close()
        _file = None
    told = s.state()
    told["slots"] = [_short(x) for x in "ab"]
    told["factory"] = s._read(s.FACTORY) is not None
    told["free"] = os.statvfs("/")[0] * os.statvfs("/")[3]
    return told


def _short(x):
    told = s.look(x)
    told.pop("manifest", None)
    return told


def _confirm(_):
    for x in "ab":
        told = s.look(x)
        if told["state"] == "trial":
            if s.slot == x:
                s.confirm()
            else:
                s._write(s.ROOT + x + "/confirmed", b"")
            return {}
        if told["state"] == "ready":
            raise Refused("%s %s has not started yet: reset the board first" % (told["name"], told["version"]))
    raise Refused("nothing is on trial: there is nothing to confirm")


def _revert(_):
    found = sorted((s.look("a"), s.look("b")), key=lambda told: -told["sequence"])
    for state in ("trial", "ready", "confirmed"):
        for told in found:
            if told["state"] == state:
                other = found[1] if told is found[0] else found[0]
                if other["state"] != "confirmed" and s._read(s.FACTORY) is None:
                    raise Refused("there is no earlier version to go back to: install one")
                s.fail(told["slot"], "it was reverted")
                if s.slot == told["slot"]:
                    s.trial = False
                return {}
    raise Refused("no slot holds an application: there is nothing to revert")


# -- installing -------------------------------------------------------------------------------


def _take_manifest(data):
    global _manifest
    offset = int.from_bytes(data[:4], "big")
    if offset == 0:
        _manifest = b""
    if offset != len(_manifest):
        raise Refused("a part of the manifest was lost: install again")
    _manifest += data[4:]
    return {}


def _protected():
    # The slot that must not be touched.
    found = [s.look(x) for x in "ab"]
    for told in found:
        if told["state"] == "trial":
            raise Refused(
                "%s %s is on trial: confirm or revert it before the next install" % (told["name"], told["version"])
            )
    if s.slot in ("a", "b"):
        return s.slot
    best = max(found, key=lambda told: told["sequence"] if told["state"] == "confirmed" else 0)
    return best["slot"] if best["state"] == "confirmed" else "b"


def _begin(digest):
    global _plan, _target, _sequence
    if hashlib.sha256(_manifest).digest() != digest:
        raise Refused("the manifest did not arrive whole: install again")
    plan = json.loads(_manifest)
    kept = _protected()
    target = "b" if kept == "a" else "a"
    _sequence = max(s.look("a")["sequence"], s.look("b")["sequence"]) + 1
    here, there = s.ROOT + target + "/app/", s.ROOT + kept + "/app/"
    in_place, copies, need = set(), [], []
    for number, (path, size, digest) in enumerate(plan["files"]):
        if (yield from s.hashing(here + path)) == digest:
            in_place.add(path)
        elif (yield from s.hashing(there + path)) == digest:
            copies.append(path)
        else:
            need.append(number)
    stale = [path for path in _walk(here, "") if path not in in_place]
    _check_space(plan, here, in_place, stale)
    _clear(target, here, stale)
    for path, _, _ in plan["files"]:
        _make_folders(here + path)
    for path in copies:
        yield from _copy(there + path, here + path)
    _plan, _target = plan, target
    return {"slot": target, "need": need, "copied": len(copies), "kept": len(in_place)}


def _walk(base, under):
    try:
        entries = list(os.ilistdir(base + under))
    except OSError:
        return
    for e in entries:
        if e[1] & 0x4000:
            yield from _walk(base, under + e[0] + "/")
        else:
            yield under + e[0]


def _check_space(plan, here, in_place, stale):
    # littlefs: a file takes whole blocks, with 8 bytes of each for its list of blocks; a folder takes two.
    vfs = os.statvfs("/")
    block, free = vfs[1], vfs[3]
    wanted, folders = 4, set()
    for path, size, _ in plan["files"]:
        if path not in in_place:
            wanted += size // (block - 8) + 1
        parts = path.split("/")[:-1]
        for k in range(len(parts)):
            folders.add("/".join(parts[: k + 1]))
    for folder in folders:
        wanted += 0 if _exists(here + folder) else 2
    free += sum(os.stat(here + path)[6] // (block - 8) for path in stale)
    if wanted > free:
        raise Refused(
            "%s %s needs %d KiB, and %d KiB are free on the board: remove files first"
            % (plan["name"], plan["version"], wanted * block // 1024, free * block // 1024)
        )


def _exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _clear(target, here, stale):
    # The manifest goes first: what follows it is no slot any more, whatever happens next.
    for mark in ("manifest", "trial", "confirmed", "failed"):
        if _exists(s.ROOT + target + "/" + mark):
            os.remove(s.ROOT + target + "/" + mark)
    for path in stale:
        os.remove(here + path)
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            try:
                os.rmdir(here + path)
            except OSError:
                break


def _make_folders(path):
    made = ""
    for part in path.strip("/").split("/")[:-1]:
        made += "/" + part
        if not _exists(made):
            os.mkdir(made)


def _copy(source, target):
    b = bytearray(512)
    with open(source, "rb") as f, open(target, "wb") as g:
        while True:
            n = f.readinto(b)
            if not n:
                return
            g.write(memoryview(b)[:n])
            yield


def _open(number):
    global _file
    if _file:
        _file.close()
        _file = None
    path, _, _ = _plan["files"][int.from_bytes(number, "big")]
    _file = open(s.ROOT + _target + "/app/" + path, "wb")
    return {}


def _data(data):
    if int.from_bytes(data[:4], "big") != _file.tell():
        raise Refused("a part of a file was lost: install again")
    _file.write(data[4:])
    return {}


def _close(_):
    global _file
    _file.close()
    _file = None
    return {}


def _commit(_):
    global _plan
    base = s.ROOT + _target + "/"
    for path, _, digest in _plan["files"]:
        if (yield from s.hashing(base + "app/" + path)) != digest:
            raise Refused("%s is not on the board as it was sent: install again" % path)
    rest = str(_sequence).encode() + b"\n" + _manifest
    s._write(base + "manifest", binascii.hexlify(hashlib.sha256(rest).digest()) + b"\n" + rest)
    _plan = None
    return {"sequence": _sequence}


def _leave(_):
    global over, _plan
    over, _plan = True, None
    sys.modules.pop("iotlab_update", None)  # its memory is the application's again
    return {}


_REQUESTS = {
    b"h": _hello,
    b"y": _confirm,
    b"r": _revert,
    b"m": _take_manifest,
    b"b": _begin,
    b"f": _open,
    b"d": _data,
    b"e": _close,
    b"c": _commit,
    b"x": _leave,
}
