"""What keeps a virtual board going: one process per board, one loop in it.

``loop`` waits for everything at once; ``port`` is the serial port and its modem lines; ``child`` is the process
that executes the firmware, and ``interpreter`` the one that is MicroPython's unix port; ``bridge`` answers what
they ask; ``wiring`` is what is on the board's pins; ``control`` is what the bench asks; ``board`` ties them
together, with a runner (``iotlab/sim/runners``) that knows what executes its firmware.
"""
