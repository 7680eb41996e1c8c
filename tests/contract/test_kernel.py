"""The kernel keeps Jupyter's own contract, on a virtual board."""

from __future__ import annotations

from collections.abc import Iterator

import jupyter_kernel_test
import pytest

DRAWING = "class Drawing:\n    def {method}(self):\n        return {data!r}\n\ndisplay(Drawing())"


@pytest.fixture(scope="module")
def esp32_chosen() -> Iterator[None]:
    """The built-in bench has two boards: the kernel is told which one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IOTLAB_BOARD", "esp32")
        yield


@pytest.mark.usefixtures("kernelspec", "bench", "esp32_chosen")
class TestKernel(jupyter_kernel_test.KernelTests):
    """Everything is switched on."""

    kernel_name = "iotlab-micropython"
    language_name = "micropython"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys\nprint('to stderr', file=sys.stderr)"
    code_execute_result = [  # noqa: RUF012
        {"code": "6 * 7", "result": "42"},
        {"code": "'hel' + 'lo'", "result": "'hello'"},
        {"code": "x = [1]\nx[0:]", "result": "[1]"},
    ]
    code_display_data = [  # noqa: RUF012
        {"code": DRAWING.format(method="_repr_svg_", data="<svg/>"), "mime": "image/svg+xml"},
        {"code": DRAWING.format(method="_repr_png_", data=b"\x89PNG\x03\x04\r\n"), "mime": "image/png"},
        {"code": DRAWING.format(method="_repr_html_", data="<b>bold</b>"), "mime": "text/html"},
    ]
    code_generate_error = "1 // 0"
    code_inspect_sample = "print"
    code_page_something = "print?"
    code_clear_output = "clear_output()"
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    complete_code_samples = ["print('x')", "x = 1", "%ls /", "def f():\n    pass\n\n"]  # noqa: RUF012
    incomplete_code_samples = ["for i in range(3):", "f(1,", "x = '''"]  # noqa: RUF012
    invalid_code_samples = ["x = = 1", "1 +* 2"]  # noqa: RUF012
    completion_samples = [  # noqa: RUF012
        {"text": "import mach", "matches": ["machine"]},
        {"text": "from machine import I2", "matches": ["I2C"]},
        {"text": "memoryv", "matches": ["memoryview"]},
        {"text": "whi", "matches": ["while"]},
        {"text": "%conn", "matches": ["%connect"]},
        {"text": "nothing_of_that_name.", "matches": []},
    ]


@pytest.mark.usefixtures("kernelspec", "bench", "esp32_chosen")
class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    """A front end is told from when on it hears what the kernel publishes."""

    kernel_name = "iotlab-micropython"
    support_iopub_welcome = True


def test_nothing_of_the_contract_is_left_out() -> None:
    """Its tests skip what has no sample: each of them has one."""
    contract = vars(jupyter_kernel_test.KernelTests)
    samples = [name for name, value in contract.items() if not name.startswith("_") and value in ("", [], ())]
    assert len(samples) > 12
    assert [name for name in samples if not getattr(TestKernel, name)] == []
    assert set(TestKernel.supported_history_operations) == {"tail", "range", "search"}
