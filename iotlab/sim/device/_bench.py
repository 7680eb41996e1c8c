# The board's end of the bridge to the bench: requests on sockets that the launcher left open.
#
# The scheduler may run a callback, and Ctrl-C may raise, wherever this waits for an answer. MicroPython
# looks for either at jumps and in blocking calls only, so straight lines below are not interrupted.
import array
import io
import micropython
import struct
import sys
import time
import _thread

INFO, READY, STARTED, LEAVING, AGAIN, RESET, EVENTS, WATCHDOG, TIMER = range(1, 10)
PIN_SET_UP, PIN_WRITE, PIN_READ, PIN_WATCH, ADC, PWM = range(16, 22)
I2C_WRITE, I2C_READ, I2C_WRITE_READ, I2C_SCAN = range(32, 36)
FLASH_READ, FLASH_WRITE, FLASH_WRITE_BLOCKS, FLASH_ERASE = range(48, 52)

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
    global _channel, _nested, _threads, _disk, _events_read, _events_write
    _channel, _nested, _threads, _disk = Channel(outer), Channel(nested), Channel(threads), Channel(disk)
    stream = io.open(events, "r+b")
    _events_read, _events_write = stream.readinto, stream.write


_lock = _thread.allocate_lock()


# -- the block device -------------------------------------------------------------------------
# littlefs would be left in a half-done state by an exception in the middle, and re-entered by a
# callback: so Ctrl-C waits, and the bench is asked to raise it again when the call is over. A collection of
# garbage would re-enter it, too, as it closes files: so nothing is allocated here. That means no jumps, and
# frames of at most 88 bytes (8 for each local and each value on the stack, 24 for a try): larger ones are
# not on the C stack (VM_MAX_STATE_ON_STACK in MicroPython's py/objfun.c).

BLOCK = 4096
_disk_busy = 0
_request = array.array("I", bytes(16))  # REQUEST as four words
_again = _pack("<HBBiII", 0, AGAIN, 0, 0, 0, 0)
_NOTHING = bytearray(0)
_sleep_us = time.sleep_us


def _disk_call(operation, place, data, into):
    global _disk_busy
    _disk_busy = 1
    _request[0] = operation << 16
    _request[1] = place
    _request[2] = len(into)
    _request[3] = len(data)
    try:
        _disk.write(_request)
        _disk.write(data)
        _disk.readinto(_disk.head)
        _disk.readinto(into)
        _disk_busy = 0
        return
    except KeyboardInterrupt:  # while it waited for the answer
        _disk_answer(into)
        _disk_busy = 0
        _disk.write(_again)
        _sleep_us(50000)
        return


def _disk_answer(into):
    try:
        _disk.readinto(_disk.head)
        _disk.readinto(into)
    except KeyboardInterrupt:  # the second of two in a row; no loop, because a jump looks for a third
        _disk_answer(into)


def interrupt_again():
    # Ctrl-C came at a bad moment: the bench sends the signal again, now. It ends the sleep, which does
    # not look for it; the next jump does. So what calls this returns before it jumps.
    _disk.write(_again)
    _sleep_us(50000)


class Flash:
    # The board's flash, as far as the file system goes.
    def __init__(self, size):
        self._answers = (0, 0, 0, 0, size // BLOCK, BLOCK)

    def readblocks(self, number, buffer, offset=0):
        _disk_call(FLASH_READ, number * BLOCK + offset, _NOTHING, buffer)

    def writeblocks(self, number, buffer, offset=-1):
        # without an offset it is the simple protocol: whole blocks, erased first
        _disk_call(FLASH_WRITE + (offset < 0), number * BLOCK + offset + (offset < 0), buffer, _NOTHING)

    def ioctl(self, operation, argument):
        return _IOCTL[operation](self, operation, argument)

    def _tell(self, operation, argument):
        return self._answers[operation]

    def _erase(self, operation, argument):
        _disk_call(FLASH_ERASE, argument * BLOCK, _NOTHING, _NOTHING)
        return 0


_IOCTL = (Flash._tell,) * 6 + (Flash._erase,)


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
    # few locals, all else in globals: what only this thread's stack holds is found late by a collection
    while _events_read(_woken):
        before = _served
        while _served == before:
            try:
                _schedule(_soon, 0)
            except RuntimeError:
                pass  # the queue is full: it gets its turn
            _sleep_us(200)
            if _served == before:
                _events_write(_woken)
                _sleep_us(1000)


_schedule, _woken = micropython.schedule, bytearray(1)


def _soon(_):
    # as careful as the block device: it may be in the middle of a call
    return _TURNS[_disk_busy]()


def _dispatch():
    # Ctrl-C in here would end here: the scheduler prints what a callback raises. So it goes on to the program.
    global _served
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
        return interrupt_again()


_TURNS = (_dispatch, lambda: None)
