"""Every I2C bus passes the same contract. (The boards' buses do so in their own tests.)"""

from __future__ import annotations

import pytest

from iotlab.bus.i2c import I2CBus
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.testing.chips import ROOM
from iotlab.testing.i2c import ChipBus, I2CBusContract
from iotlab.testing.world import SteadyWorld


class TestChipBus(I2CBusContract):
    @pytest.fixture
    def bus(self) -> I2CBus:
        return ChipBus(MPU6050(SteadyWorld(**ROOM)))


class TestChipBusAtTheOtherAddress(I2CBusContract):
    address = 0x69

    @pytest.fixture
    def bus(self) -> I2CBus:
        return ChipBus(MPU6050(SteadyWorld(**ROOM), address=0x69))
