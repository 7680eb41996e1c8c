"""``python -m iotlab.kernel -f connection-file``: how Jupyter starts the kernel."""

from __future__ import annotations

import sys

from ipykernel.kernelapp import IPKernelApp

from iotlab.kernel.kernel import MicroPythonKernel

#: How long the reply to a shutdown may take to go out.
_LAST_WORD_S = 5.0
#: How long a thread keeps the interpreter at most: a completion passes through several threads, each of which waits
#: so long while a cell prints without end. Python's own 5 ms add up to a tenth of a second then.
_SWITCH_S = 0.0005


def main() -> None:
    sys.setswitchinterval(_SWITCH_S)
    app = IPKernelApp.instance(kernel_class=MicroPythonKernel)
    app.initialize()
    try:
        app.start()
    finally:
        # ipykernel ends the thread that publishes before it waits for this one, which then waits for it for ever
        app.control_thread.stop()
        app.control_thread.join(_LAST_WORD_S)
        app.kernel.close(restart=True)  # it may be; a shutdown said so before


if __name__ == "__main__":
    main()
