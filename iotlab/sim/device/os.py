# The os module of a virtual board: the built-in one without the host's file system and shell.
from _bench import built_in_os as _built_in, info as _info

chdir, getcwd, ilistdir, listdir, mkdir = (
    _built_in.chdir,
    _built_in.getcwd,
    _built_in.ilistdir,
    _built_in.listdir,
    _built_in.mkdir,
)
mount, umount, remove, unlink, rename = (
    _built_in.mount,
    _built_in.umount,
    _built_in.remove,
    _built_in.unlink,
    _built_in.rename,
)
rmdir, stat, statvfs, urandom, sep = (
    _built_in.rmdir,
    _built_in.stat,
    _built_in.statvfs,
    _built_in.urandom,
    _built_in.sep,
)
VfsFat, VfsLfs2 = _built_in.VfsFat, _built_in.VfsLfs2


def sync():
    pass


def uname():
    from collections import namedtuple
    import sys

    release = ".".join(str(part) for part in sys.implementation.version[:3])
    fields = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
    return fields(_info["sysname"], _info["sysname"], release, sys.version.split("; ", 1)[1], _info["machine"])
