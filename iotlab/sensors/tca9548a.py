"""Texas Instruments TCA9548A: a multiplexer. SCPS207. It has one register and no pointer."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="tca9548a",
    title="TCA9548A",
    what="I2C multiplexer with 8 channels",
    addresses=(0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77),
    driver="adafruit_tca9548a:TCA9548A",
    package="adafruit-circuitpython-tca9548a",
)
