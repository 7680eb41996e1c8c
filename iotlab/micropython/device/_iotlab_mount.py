# Runs on the board: a folder of the host as a file system.
#
# Each request is a frame on channel 132 with a number of its own; its answer is one line of base64 on the
# standard input: number, errno, value, data and CRC-32. A request that was not answered, or whose answer
# came changed, is made again under its number, and the host gives the same answer again.
import binascii
import io
import select
import struct
import sys
from _iotlab import write

_in = getattr(sys.stdin, "buffer", sys.stdin)
_poll = select.poll()
_poll.register(_in, select.POLLIN)
_poll = _poll.poll
_number = 0
_alone = False  # nobody answers: the session is over

# What fits into a line that the smallest receive buffer holds (260 bytes on an ESP32).
ROOM = 180


def _take(number):
    while _poll(1000):
        try:
            told = binascii.a2b_base64(_in.readline())
        except ValueError:
            return None
        if len(told) < 10 or binascii.crc32(told[:-4]).to_bytes(4, "big") != told[-4:]:
            return None
        if told[0] == number:  # else a late answer to an earlier request
            return told


# Ctrl-C waits until the answer is here, or its rest would be taken for code.
def ask(request):
    global _number, _alone
    if _alone:
        raise OSError(19)
    _number = (_number + 1) & 255
    stop = told = None
    for attempt in range(4):
        try:
            if attempt:
                while _poll(30):
                    _in.read(1)
            write(bytes((132, _number)) + request)
            told = _take(_number)
            if told:
                break
        except KeyboardInterrupt as e:
            stop = e
    if stop:
        raise stop
    if not told:
        _alone = True
        raise OSError(19)
    if told[1]:
        raise OSError(told[1])
    return int.from_bytes(told[2:6], "little"), told[6:-4]


class File(io.IOBase):
    def __init__(self, number, text):
        self._n = bytes((number,))
        self._text = text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def ioctl(self, request, argument):
        if request == 1:
            self.flush()
        elif request == 4:
            self.close()
        elif request == 11:  # the buffer of an import: 7 less than a multiple of 16, as MicroPython's reader likes
            return 169
        else:
            return -1
        return 0

    def _ask(self, request, more=b""):
        if not self._n:
            raise OSError(9)
        return ask(request + self._n + more)

    # In text mode the host counts characters, of up to four bytes.
    def _parts(self, request, size):
        most = ROOM // 4 if self._text else ROOM
        while size:
            want = most if size < 0 else min(size, most)
            part = self._ask(request, struct.pack("<I", want))[1]
            if self._text:
                part = part.decode()
            if not part:
                return
            yield part
            if size > 0:
                size -= len(part)

    def read(self, size=-1):
        return ("" if self._text else b"").join(list(self._parts(b"r", -1 if size is None else size)))

    def readinto(self, buffer):
        view, done = memoryview(buffer), 0
        while done < len(view):
            part = self._ask(b"r", struct.pack("<I", min(len(view) - done, ROOM)))[1]
            if not part:
                break
            view[done : done + len(part)] = part
            done += len(part)
        return done

    def readline(self, size=-1):
        line = "" if self._text else b""
        end = "\n" if self._text else b"\n"
        for part in self._parts(b"n", size):
            line += part
            if line.endswith(end):
                break
        return line

    def readlines(self):
        return list(self)

    def write(self, data):
        size = len(data)
        if not isinstance(data, bytes):
            data = data.encode() if isinstance(data, str) else bytes(data)
        for k in range(0, len(data), 512):
            self._ask(b"w", data[k : k + 512])
        return size

    def seek(self, offset, whence=0):
        return self._ask(b"k", struct.pack("<Bi", whence, offset))[0]

    def tell(self):
        return self.seek(0, 1)

    def flush(self):
        self._ask(b"f")

    def close(self):
        if self._n:
            n, self._n = self._n, b""
            ask(b"c" + n)


class Folder:
    _at = "/"

    def _path(self, path):
        return (path if path.startswith("/") else self._at + path).encode()

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def chdir(self, path):
        path = self._path(path).decode()
        if path != "/" and not self.stat(path)[0] & 0x4000:
            raise OSError(20)
        self._at = path if path.endswith("/") else path + "/"

    def getcwd(self):
        return self._at

    def stat(self, path):
        mode, size, mtime = struct.unpack("<III", ask(b"s" + self._path(path))[1])
        return mode, 0, 0, 0, 0, 0, size, mtime, mtime, mtime

    def statvfs(self, path):
        return (0,) * 10

    def ilistdir(self, path):
        path, start = self._path(path), 0
        while True:
            start, data = ask(b"l" + struct.pack("<I", start) + path)
            parts = data.split(b"\0")
            for k in range(0, len(parts) - 1, 2):
                folder = parts[k + 1] == b"/"
                yield parts[k].decode(), 0x4000 if folder else 0x8000, 0, 0 if folder else int(parts[k + 1])
            if not start:
                return

    def open(self, path, mode):
        return File(ask(b"o" + mode.encode() + b"\0" + self._path(path))[0], "b" not in mode)

    def remove(self, path):
        ask(b"d" + self._path(path))

    def rmdir(self, path):
        ask(b"x" + self._path(path))

    def mkdir(self, path):
        ask(b"m" + self._path(path))

    def rename(self, old, new):
        ask(b"v" + self._path(old) + b"\0" + self._path(new))


def mount(point):
    import os

    umount(point)
    os.mount(Folder(), point)
    os.chdir(point)


def umount(point):
    import os

    try:
        os.umount(point)
    except OSError:
        pass  # nothing is mounted there
