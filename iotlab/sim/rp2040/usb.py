"""The host at the other end of the chip's USB cable: it enumerates the device and has its serial port open, or not.

DTR is set while somebody has the port open, as an operating system sets it; MicroPython looks at it before it
waits for somebody to read. The port's speed is told, too: what a firmware makes of it is its own affair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rp2040py.rp2040 import RP2040
from rp2040py.usb.cdc import USBCDC

CONTROL_ENDPOINT = 0
USUAL_BAUD = 115200


class Cable:
    """``received(data)`` gets what the device sends, ``connected()`` is called when it is ready to talk."""

    def __init__(self, mcu: RP2040, received: Callable[[bytes], None], connected: Callable[[], None]) -> None:
        self._usb = mcu.usb_ctrl
        self._cdc = USBCDC(mcu.usb_ctrl)
        self._cdc.on_serial_data = lambda data: received(bytes(data))
        self._cdc.on_device_connected = self._enumerated
        self._connected = connected
        # the serial device's own, just installed
        assert self._usb.on_endpoint_read
        assert self._usb.on_endpoint_write
        self._control, self._arrived = self._usb.on_endpoint_read, self._usb.on_endpoint_write
        self._usb.on_endpoint_read, self._usb.on_endpoint_write = self._wanted, self._sent
        self._out = bytearray()
        self._buffers: dict[int, int] = {}  # endpoint -> bytes that the device can take now
        self._requests: deque[Callable[[], None]] = deque()
        self._known = False  # the device was enumerated
        self._busy = False  # a control request is under way
        self._baud = USUAL_BAUD
        self._open = False

    @property
    def waiting(self) -> int:
        """Bytes that the device did not take yet."""
        return len(self._out)

    def send(self, data: bytes) -> None:
        """Bytes for the device, which takes them when it likes."""
        self._out += data
        for endpoint, size in list(self._buffers.items()):
            self._hand_over(endpoint, size)

    def opened(self, baud: int) -> None:
        """Somebody opened the port."""
        self._open, self._baud = True, baud or self._baud
        self._request_state()

    def closed(self) -> None:
        """Nobody has it open any more."""
        self._open = False
        self._out.clear()
        self._request_state()

    # -- bytes to the device ------------------------------------------------------------------

    def _wanted(self, endpoint: int, size: int) -> None:
        """The device has a buffer free. A host that has nothing to send does not send an empty packet."""
        if endpoint == CONTROL_ENDPOINT:
            self._control(endpoint, size)
        else:
            self._hand_over(endpoint, size)

    def _hand_over(self, endpoint: int, size: int) -> None:
        if not self._out:
            self._buffers[endpoint] = size
            return
        self._buffers.pop(endpoint, None)
        packet = bytes(self._out[:size])
        del self._out[:size]
        self._usb.endpoint_read_done(endpoint, packet)

    # -- control requests ---------------------------------------------------------------------

    def _enumerated(self) -> None:
        """The emulated host sets DTR just now, whoever is there."""
        self._known = self._busy = True
        self._request_state()
        self._connected()

    def _request_state(self) -> None:
        baud, there = self._baud, self._open
        self._requests.append(lambda: self._cdc.set_line_coding(baud))
        self._requests.append(lambda: self._cdc.set_control_lines(dtr=there, rts=there))
        if self._known and not self._busy:
            self._next_request()

    def _sent(self, endpoint: int, data: bytes | bytearray) -> None:
        """The device sent something. An empty packet ends a control request: the next one may come."""
        asked = self._busy
        self._arrived(endpoint, data)
        if asked and endpoint == CONTROL_ENDPOINT and not data:
            self._next_request()

    def _next_request(self) -> None:
        self._busy = bool(self._requests)
        if self._requests:
            self._requests.popleft()()
