# A board without a board: genuine MicroPython, its files on a flash that the test keeps, at the other end of a
# socket. Commands are lines on stdin; the flash answers nothing any more once its power is cut.
import io
import os
import struct
import sys
import vfs

_stream = io.open(int(sys.argv[1]), "r+b")


class Disk:
    # Reads come from a copy, which is what the flash holds: whoever writes is answered what is there now.
    now = None  # a file of an earlier life may be closed by the garbage collector: it must not reach this one

    def __init__(self):
        Disk.now = self
        self.copy = bytearray(self._call(b"r", 0, 0))

    def _call(self, letter, place, size, data=b""):
        if Disk.now is not self:
            raise OSError(5)
        _stream.write(letter + struct.pack("<II", place, size) + data)
        head = _stream.read(5)
        if head[:1] != b"+":
            raise OSError(5)
        size, parts = int.from_bytes(head[1:], "little"), []
        while size:
            parts.append(_stream.read(size))
            size -= len(parts[-1])
        return b"".join(parts)

    def readblocks(self, number, buffer, offset=0):
        place = number * 4096 + offset
        buffer[:] = memoryview(self.copy)[place : place + len(buffer)]

    def writeblocks(self, number, buffer, offset=0):
        place = number * 4096 + offset
        self.copy[place : place + len(buffer)] = self._call(b"w", place, len(buffer), buffer)

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.copy) // 4096
        if operation == 5:
            return 4096
        if operation == 6:
            self.copy[argument * 4096 : argument * 4096 + 4096] = self._call(b"e", argument * 4096, 4096)
            return 0


def power_on():
    # What a board does: mount, no formatting where that fails; and a new interpreter.
    for name in ("iotlab_slots", "iotlab_update"):
        sys.modules.pop(name, None)
    try:
        vfs.umount("/")
    except OSError:
        pass
    vfs.mount(vfs.VfsLfs2(Disk()), "/")
    sys.path[:] = [""]


def form():
    vfs.VfsLfs2.mkfs(Disk())


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def start():
    # What the loader would start, with every byte of it read: version and whether it is on trial.
    import iotlab_slots

    told, trial = iotlab_slots.pick()
    if told is None:
        return "factory" if iotlab_slots._read(iotlab_slots.FACTORY) else "none"
    wrong = iotlab_slots._wrong(told, True)
    iotlab_slots.slot, iotlab_slots.trial = told["slot"], trial
    return told["version"] + (" on trial" if trial else "") + (" is broken: " + wrong if wrong else "")


def serve():
    import iotlab_slots

    iotlab_slots.serve()


def in_place(files):
    # An install as it is often done: each file over the old one.
    for path, text in files:
        put(path, text)


def content(paths):
    found = []
    for path in paths:
        try:
            with open(path) as f:
                found.append(f.read())
        except OSError:
            found.append(None)
    return found


while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        value = eval(line)
    except OSError as error:
        value = "OSError %s" % error
    print("\n=" + repr(value))
