"""An emulated RP2040 that executes what is in the flash of a virtual Pico: a process of its own.

The chip's core and peripherals are those of the package ``rp2040py``; here is what surrounds it on the bench.
``clock`` lets its timers keep this machine's time, ``usb`` is the cable to the host, ``flash`` the memory beside
it, ``wires`` what is on its pins; ``bench`` asks the board's process, with the same requests as the other
engine's ``machine`` module (``iotlab/sim/engine/bridge.py``); ``chip`` puts it together.

What it does not have: a second core, the bootloader's drive (the board's ROM is ``iotlab/sim/boards/pico_rom.py``),
and chips on an I2C bus that a program or a state machine makes by toggling pins. Its core runs a few million
cycles per second.
"""
