"""The CircuitPython shape of a bus."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from iotlab.bus.blinka import BlinkaI2C
from iotlab.errors import NackError
from iotlab.sim.chips.at24c32 import AT24C32
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.testing.chips import ROOM
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld


@pytest.fixture
def bus() -> ChipBus:
    world = SteadyWorld(**ROOM)
    return ChipBus(MPU6050(world), AT24C32(world, content="0123456789", write_cycle_ms=0))


@pytest.fixture
def i2c(bus: ChipBus) -> BlinkaI2C:
    return bus.as_blinka()


def test_slices_of_the_buffers_are_used(i2c: BlinkaI2C) -> None:
    i2c.writeto(0x50, b"xx\x00\x05yy", start=2, end=4)
    buffer = bytearray(b"......")
    i2c.readfrom_into(0x50, buffer, start=1, end=4)
    assert buffer == b".567.."


def test_negative_and_open_slices(i2c: BlinkaI2C) -> None:
    buffer = bytearray(b"......")
    i2c.writeto_then_readfrom(0x50, b"\x00\x02zzz", buffer, out_end=-3, in_start=-2)
    assert buffer == b"....23"


def test_one_buffer_for_both_ways(i2c: BlinkaI2C) -> None:
    buffer = bytearray(b"\x75\x00\x00")
    i2c.writeto_then_readfrom(0x68, buffer, buffer, out_end=1, in_start=1, in_end=2)
    assert buffer == b"\x75\x68\x00"


def test_views_and_words_are_buffers(i2c: BlinkaI2C) -> None:
    from array import array

    target = array("H", [0])
    i2c.writeto_then_readfrom(0x50, memoryview(bytearray(b"\x00\x00")), target)
    assert target.tobytes() == b"01"


def test_reading_nothing_touches_nothing(i2c: BlinkaI2C) -> None:
    i2c.readfrom_into(0x50, bytearray())
    i2c.writeto_then_readfrom(0x50, b"\x00\x03", bytearray(4), in_end=0)
    buffer = bytearray(1)
    i2c.readfrom_into(0x50, buffer)
    assert buffer == b"3"


def test_a_nack_is_an_oserror(i2c: BlinkaI2C) -> None:
    with pytest.raises(OSError, match="0x42") as caught:
        i2c.writeto(0x42, b"")
    assert isinstance(caught.value, NackError)


def test_the_lock_is_taken_once(i2c: BlinkaI2C) -> None:
    assert i2c.try_lock()
    assert not i2c.try_lock()
    i2c.unlock()
    assert i2c.try_lock()
    i2c.unlock()
    with pytest.raises(ValueError, match="try_lock"):
        i2c.unlock()


def test_a_bus_has_one_lock_for_all_its_drivers(bus: ChipBus) -> None:
    assert bus.as_blinka() is bus.as_blinka()


def test_only_one_thread_has_the_lock(i2c: BlinkaI2C) -> None:
    got: list[bool] = []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait()
        got.append(i2c.try_lock())

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


class TestDriversFindTheirChip:
    """``adafruit_bus_device`` probes before the first transfer."""

    def test_a_chip_that_is_there(self, i2c: BlinkaI2C) -> None:
        from adafruit_bus_device.i2c_device import I2CDevice

        with I2CDevice(i2c, 0x68) as device:
            buffer = bytearray(1)
            device.write_then_readinto(b"\x75", buffer)
        assert buffer == b"\x68"

    def test_a_chip_that_answers_to_reads_alone(self) -> None:
        from adafruit_bus_device.i2c_device import I2CDevice

        class ReadOnly(MPU6050):
            def write(self, data: bytes) -> None:
                raise NackError(self.address)

            def read(self, size: int) -> bytes:
                return b"\x2a" * size

        bus = ChipBus(ReadOnly(SteadyWorld(**ROOM)))
        with I2CDevice(bus.as_blinka(), 0x68) as device:
            buffer = bytearray(1)
            device.readinto(buffer)
        assert buffer == b"\x2a"

    def test_a_chip_that_is_not_there(self, i2c: BlinkaI2C) -> None:
        from adafruit_bus_device.i2c_device import I2CDevice

        with pytest.raises(ValueError, match="No I2C device at address: 0x42"):
            I2CDevice(i2c, 0x42)
        assert i2c.try_lock(), "the probe freed the lock"


def test_blinka_itself_is_not_needed() -> None:
    code = (
        "import sys\n"
        "from iotlab.testing.i2c import ChipBus\n"
        "ChipBus().as_blinka()\n"
        "print([name for name in ('board', 'busio', 'adafruit_blinka') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_importing_blinka_and_drivers_warns_of_nothing_and_needs_no_setting() -> None:
    code = "import board, busio, digitalio, adafruit_bme280.advanced, adafruit_ssd1306, adafruit_mpu6050"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
