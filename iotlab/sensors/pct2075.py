"""NXP PCT2075, and what else is like an LM75. NXP, product data sheet rev. 3. It has no ID register."""

from __future__ import annotations

from iotlab.sensors.base import Pattern, Profile, Quantity


def _is_threshold(data: bytes) -> bool:
    """Nine bits, left-justified, of half a degree that the chip can measure."""
    return not data[1] & 0x7F and -55 <= int.from_bytes(data, "big", signed=True) / 256 <= 125


def _is_high_threshold(data: bytes) -> bool:
    return any(data) and _is_threshold(data)


SOURCE = "NXP PCT2075 rev. 3, section 7.4"

PROFILE = Profile(
    key="pct2075",
    title="PCT2075",
    what="temperature sensor",
    addresses=(0x37, 0x35, 0x36, *range(0x28, 0x30), *range(0x48, 0x50), *range(0x70, 0x78)),
    driver="adafruit_pct2075:PCT2075",
    package="adafruit-circuitpython-pct2075",
    checks=(
        Pattern(0x02, 2, _is_threshold, "hold a temperature in half degrees", SOURCE),
        Pattern(0x03, 2, _is_high_threshold, "hold another", SOURCE),
    ),
    quantities=(Quantity("temperature_c", "°C", "temperature"),),
)
