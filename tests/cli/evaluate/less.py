"""Some arrays of an .npz as another one, or single numbers on standard output. usage: FROM.npz TO.npz|"" NAME[=NEW]..."""
import struct
import sys
import zipfile

source, target, *names = sys.argv[1:]
with zipfile.ZipFile(source) as archive:
    if not target:
        for name in names:
            print(name, repr(struct.unpack("<d", archive.read(name + ".npy")[-8:])[0]))
        sys.exit()
    with zipfile.ZipFile(target, "w") as out:
        for name in names:
            old, _, new = name.partition("=")
            out.writestr((new or old) + ".npy", archive.read(old + ".npy"))
