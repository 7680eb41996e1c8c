# The board's end of the bridge to the bench: requests on sockets that the launcher left open.
#
# The scheduler may run a callback, and Ctrl-C may raise, wherever this waits for an answer. MicroPython
# looks for either at jumps and in blocking calls only, so straight lines below are not interrupted.
import io
import micropython
import struct
import sys
import time
import _thread

INFO, READY, STARTED, LEAVING, AGAIN, RESET, EVENTS, WATCHDOG, TIMER = range(1, 10)
PIN_SET_UP, PIN_WRITE, PIN_READ, PIN_WATCH, ADC, PWM = range(16, 22)
I2C_WRITE, I2C_READ, I2C_WRITE_READ, I2C_SCAN = range(32, 36)
FLASH_READ, FLASH_WRITE, FLASH_ERASE = range(48, 51)

_pack, _unpack = struct.pack, struct.unpack
_ident = _thread.get_ident
_MAIN = _ident()


class Channel:
    def __init__(self, fd):
        stream = io.open(fd, "r+b")
        self.write, self.readinto, self.read = stream.write, stream.readinto, stream.read
        self.number = 0
        self.head = bytearray(12)

    def call(self, operation, a, b, c, data):
        self.number = number = (self.number + 1) & 0xFFFF
        self.write(_pack("<HBBiII", number, operation, a, b, c, len(data)) + data)
        while True:
            self.readinto(self.head)
            told, status, value, size = _unpack("<HbxiI", self.head)
            answer = self.read(size)
            if told == number:  # else it belongs to a call that Ctrl-C ended
                break
        if status:
            raise _error(status, value, answer)
        return answer if size else value


def _error(status, value, answer):
    if status == 1:
        return OSError(value)
    return (RuntimeError if status == 2 else ValueError)(answer.decode())


def call(operation, a=0, b=0, c=0, data=b""):
    global _channel
    if _ident() != _MAIN:
        with _lock:
            return _threads.call(operation, a, b, c, data)
    channel = _channel
    _channel = _nested  # for a callback that runs while this waits
    try:
        return channel.call(operation, a, b, c, data)
    finally:
        _channel = channel


def open_channels(outer, nested, threads, disk, events):
    global _channel, _nested, _threads, _disk, _events
    _channel, _nested, _threads, _disk = Channel(outer), Channel(nested), Channel(threads), Channel(disk)
    _events = io.open(events, "r+b")


_lock = _thread.allocate_lock()


# -- the block device -------------------------------------------------------------------------
# littlefs would be left in a half-done state by an exception in the middle, and re-entered by a
# callback: so Ctrl-C waits, and the bench is asked to raise it again when the call is over. Nothing is
# allocated: a file that was never closed is closed by the garbage collector, while the heap is locked.

_disk_busy = False
_request = bytearray(16)
_again = _pack("<HBBiII", 0, AGAIN, 0, 0, 0, 0)
_NOTHING = bytearray(0)
_pack_into = struct.pack_into


def _disk_call(operation, place, size, data, into):
    global _disk_busy
    _disk_busy = True
    _pack_into("<HBBiII", _request, 0, 0, operation, 0, place, size, len(data))
    sent = False
    while True:
        try:
            if not sent:
                _disk.write(_request)
                _disk.write(data)
                sent = True
            _disk.readinto(_disk.head)
            _disk.readinto(into)
            _disk_busy = False
            return
        except KeyboardInterrupt:
            _disk.write(_again)


def interrupt_again():
    # Ctrl-C came at a bad moment: the bench raises it again in a moment. There is no answer.
    _disk.write(_again)


class Flash:
    # The board's flash, as far as the file system goes.
    def __init__(self, size, block=4096):
        self.size, self.block = size, block

    def readblocks(self, number, buffer, offset=0):
        _disk_call(FLASH_READ, number * self.block + offset, len(buffer), _NOTHING, buffer)

    def writeblocks(self, number, buffer, offset=None):
        if offset is None:
            _disk_call(FLASH_ERASE, number * self.block, len(buffer), _NOTHING, _NOTHING)
            offset = 0
        _disk_call(FLASH_WRITE, number * self.block + offset, 0, buffer, _NOTHING)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.size // self.block
        if operation == 5:
            return self.block
        if operation == 6:
            _disk_call(FLASH_ERASE, argument * self.block, self.block, _NOTHING, _NOTHING)
            return 0


# -- callbacks: pins and timers ---------------------------------------------------------------
# A thread waits for the bench to say that something happened, and schedules the call. Where the main
# thread waits in a system call it does not see that: then the bench is asked for a signal that ends the
# call. The thread allocates nothing, or it might be the one to collect garbage, and to close files.

callbacks = {}  # (kind, number) -> function without arguments
_todo = []
_served = 0
_listening = False


def on_event(kind, number, function):
    global _listening
    callbacks[(kind, number)] = function
    if not _listening:
        _listening = True
        _thread.start_new_thread(_listen, ())


def _listen():
    read, write, wait, schedule, woken = (
        _events.readinto,
        _events.write,
        time.sleep_us,
        micropython.schedule,
        bytearray(1),
    )
    while read(woken):
        before = _served
        while _served == before:
            try:
                schedule(_dispatch, 0)
            except RuntimeError:
                pass  # the queue is full: it gets its turn
            wait(200)
            if _served == before:
                write(woken)
                wait(1000)


def _dispatch(_):
    # Ctrl-C in here would end here: the scheduler prints what a callback raises. So it goes on to the program.
    global _served
    if _disk_busy:
        return
    try:
        told = call(EVENTS)
        _served += 1
        if told:
            for k in range(0, len(told), 2):
                _todo.append((told[k], told[k + 1]))
        while _todo:
            function = callbacks.get(_todo.pop(0))
            if function:
                try:
                    function()
                except Exception as error:
                    sys.print_exception(error)
    except KeyboardInterrupt:
        _served += 1
        interrupt_again()
