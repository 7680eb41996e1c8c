"""What keeps a virtual board going: one process per board, one loop in it.

``loop`` waits for everything at once; ``terminal`` is the serial port and its modem lines;
``interpreter`` is the MicroPython process; ``bridge`` answers what its ``machine`` module asks;
``wiring`` is what is on the board's pins; ``control`` is what the bench asks; ``board`` ties them together.
"""
