"""An emulated RP2040 that executes what is in the flash of a virtual Pico: a process of its own.

The chip's core and peripherals are those of the package ``rp2040py``; here is what surrounds it on the bench.
``clock`` lets its timers keep this machine's time, ``usb`` is the cable to the host, ``flash`` the memory beside
it, ``i2c`` and ``pins`` what is wired to it; ``bench`` asks the board's process, with the same requests as the other
engine's ``machine`` module (``iotlab/sim/engine/bridge.py``); ``chip`` puts it together.

What it does not have: a second core, and the bootloader's drive (``iotlab/sim/boards/pico_rom.py`` is the ROM of
the board). Its core runs a few million cycles per second.
"""
