# Sent to the board and run there: what its files stand on. Three ways, from the surest to the oldest.
def file_system():
    names = {"VfsLfs2": "littlefs", "VfsFat": "FAT"}
    try:
        import vfs

        for mounted, where in vfs.mount():  # lists since MicroPython 1.25
            if where == "/":
                name = type(mounted).__name__
                return names.get(name, name)
    except (ImportError, AttributeError, TypeError):
        pass
    # FAT does not tell upper from lower case.
    import os

    for e in os.ilistdir("/"):
        for other in (e[0].upper(), e[0].lower()):
            if other != e[0]:
                try:
                    os.stat("/" + other)
                    if other not in os.listdir("/"):
                        return "FAT"
                except OSError:
                    pass
    # littlefs says so in its superblock (SPEC.md of littlefs, "Superblock"), in either of two blocks.
    try:
        from esp32 import Partition

        device = Partition.find(Partition.TYPE_DATA, label="vfs")[0]
    except (ImportError, IndexError):
        try:
            from rp2 import Flash

            device = Flash()
        except ImportError:
            return "not known"
    b = bytearray(512)
    for block in (0, 1):
        device.readblocks(block, b, 0)
        if b[8:16] == b"littlefs":
            return "littlefs"
    return "not known"
