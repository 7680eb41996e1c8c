"""An I2C bus of simulated chips, and the contract of every I2C bus as tests.

Subclass :class:`I2CBusContract` for each backend: ``bus`` yields a bus with an MPU-6050 at 0x68 on it, or with
another chip that the class's constants describe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest

from iotlab.bus.i2c import FIRST_ADDRESS, LAST_ADDRESS, I2CBus, Operation, Read, Write
from iotlab.errors import NackError
from iotlab.sim.chips.base import I2CChip


class ChipBus(I2CBus):
    """A bus in this process with ``chips`` on it."""

    def __init__(self, *chips: I2CChip) -> None:
        self.chips = {chip.address: chip for chip in chips}

    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        if address not in self.chips:
            raise NackError(address)
        return self.chips[address].transaction(operations)


class I2CBusContract:
    """What every I2C bus does. The chip at ``address`` has registers behind an 8-bit pointer."""

    #: A chip that is on the bus: an MPU-6050, unless a subclass says otherwise.
    address: ClassVar[int] = 0x68
    #: A register of it and what it always holds.
    register: ClassVar[int] = 0x75
    value: ClassVar[int] = 0x68
    #: A register that keeps any byte.
    scratch: ClassVar[int] = 0x19
    #: Registers that change only when written: the first, and how many.
    block: ClassVar[tuple[int, int]] = (0x19, 4)

    @pytest.fixture
    def bus(self) -> I2CBus | Iterator[I2CBus]:
        raise NotImplementedError("a subclass yields a bus with the chip on it")

    @pytest.fixture
    def absent(self, bus: I2CBus) -> int:
        """An address where nothing is."""
        return next(a for a in range(LAST_ADDRESS, FIRST_ADDRESS, -1) if a not in bus.scan())

    def test_scan_finds_the_chip_and_counts_up(self, bus: I2CBus) -> None:
        found = bus.scan()
        assert self.address in found
        assert found == sorted(set(found))
        assert all(FIRST_ADDRESS <= a <= LAST_ADDRESS for a in found)

    def test_a_register_is_read(self, bus: I2CBus) -> None:
        assert bus.read_register(self.address, self.register) == bytes([self.value])

    def test_the_pointer_stays_between_transactions(self, bus: I2CBus) -> None:
        bus.write(self.address, bytes([self.register]))
        assert bus.read(self.address, 1) == bytes([self.value])

    @pytest.mark.parametrize("byte", [0x00, 0x03, 0x04, 0x0A, 0x0D, 0x10, 0x11, 0x13, 0x50, 0x80, 0xFC])
    def test_what_is_written_is_read_back(self, bus: I2CBus, byte: int) -> None:
        bus.write_register(self.address, self.scratch, bytes([byte]))
        assert bus.read_register(self.address, self.scratch) == bytes([byte])

    def test_several_operations_are_one_transaction(self, bus: I2CBus) -> None:
        got = bus.transaction(
            self.address,
            [Write(bytes([self.register])), Read(1), Write(bytes([self.register])), Read(1)],
        )
        assert got == [bytes([self.value])] * 2

    def test_only_reads_are_answered(self, bus: I2CBus) -> None:
        assert bus.transaction(self.address, [Write(bytes([self.register]))]) == []

    def test_a_long_read_is_the_same_as_short_ones(self, bus: I2CBus) -> None:
        start, size = self.block
        once = bus.read_register(self.address, start, size)
        assert once == b"".join(bus.read_register(self.address, start + n) for n in range(size))

    @pytest.mark.parametrize("operation", [Read(1), Write(b""), Write(b"\x00\x01")])
    def test_nobody_answers_at_an_empty_address(self, bus: I2CBus, absent: int, operation: Operation) -> None:
        with pytest.raises(NackError, match=f"0x{absent:02x}") as caught:
            bus.transaction(absent, [operation])
        assert isinstance(caught.value, OSError)
        assert caught.value.address == absent

    def test_the_bus_works_after_a_nack(self, bus: I2CBus, absent: int) -> None:
        with pytest.raises(NackError):
            bus.read(absent, 1)
        assert bus.read_register(self.address, self.register) == bytes([self.value])

    @pytest.mark.parametrize("address", [-1, 0x80, 0x3FF])
    def test_an_address_has_seven_bits(self, bus: I2CBus, address: int) -> None:
        with pytest.raises(ValueError, match="7 bits"):
            bus.read(address, 1)

    def test_a_transaction_has_an_operation(self, bus: I2CBus) -> None:
        with pytest.raises(ValueError, match="at least one operation"):
            bus.transaction(self.address, [])

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_read_takes_a_byte(self, bus: I2CBus, size: int) -> None:
        with pytest.raises(ValueError, match="at least 1 byte"):
            bus.read(self.address, size)

    def test_circuitpython_drivers_see_the_same(self, bus: I2CBus) -> None:
        i2c = bus.as_blinka()
        assert i2c.try_lock()
        try:
            buffer = bytearray([self.register, 0])
            i2c.writeto_then_readfrom(self.address, buffer, buffer, out_end=1, in_start=1)
            assert buffer == bytes([self.register, self.value])
            assert self.address in i2c.scan()
        finally:
            i2c.unlock()
