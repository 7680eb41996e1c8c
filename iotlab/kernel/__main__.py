"""``python -m iotlab.kernel -f connection-file``: how Jupyter starts the kernel."""

from __future__ import annotations

from ipykernel.kernelapp import IPKernelApp

from iotlab.kernel.kernel import MicroPythonKernel


def main() -> None:
    app = IPKernelApp.instance(kernel_class=MicroPythonKernel)
    app.initialize()
    try:
        app.start()
    finally:
        app.kernel.close(restart=True)  # it may be; a shutdown said so before


if __name__ == "__main__":
    main()
