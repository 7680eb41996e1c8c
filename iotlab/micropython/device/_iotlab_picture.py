# Runs on the board when a cell shows a framebuf.FrameBuffer: finds out its size and format, which it does not tell,
# and sends its bytes. A pixel outside is None; what is read back after 0xffff tells the depth; the byte that changes
# tells the order. Every pixel that is tried gets its colour back.
from _iotlab import send


def _end(inside):
    high = 1
    while inside(high):
        high *= 2
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        if inside(middle):
            low = middle
        else:
            high = middle
    return high


# The byte in which a pixel begins, its bits there, and the highest colour.
def _where(fb, data, x, y):
    was = fb.pixel(x, y)
    try:
        for k in range(len(data)):
            fb.pixel(x, y, 0)
            before = data[k]
            fb.pixel(x, y, 0xFFFF)
            if data[k] != before:
                return k, data[k] ^ before, fb.pixel(x, y)
    finally:
        fb.pixel(x, y, was)
    raise ValueError("its pixels are not in its buffer")


def picture(fb):
    width = _end(lambda x: fb.pixel(x, 0) is not None)
    height = _end(lambda y: fb.pixel(0, y) is not None)
    try:
        data = memoryview(getattr(fb, "buffer", fb))
    except TypeError:  # an old firmware: one by one
        was = fb.pixel(0, 0)
        fb.pixel(0, 0, 0xFFFF)
        head = (width, height, fb.pixel(0, 0), 2, 0, 2 * width)
        fb.pixel(0, 0, was)
        for y in range(height):
            row = bytearray(2 * width)
            for x in range(width):
                c = fb.pixel(x, y)
                row[2 * x] = c & 255
                row[2 * x + 1] = c >> 8
            send(25, row)
    else:
        first, bits, top = _where(fb, data, 0, 0)
        vertical = top == 1 and height > 1 and _where(fb, data, 0, 1)[0] == first
        below = 8 if vertical else 1
        stride = _where(fb, data, 0, below)[0] - first if height > below else 0
        head = (width, height, top, int(vertical), bits, stride)
        for k in range(0, len(data), 512):
            send(25, bytes(data[k : k + 512]))
    send(3, b"framebuf\0" + repr(head).encode())
