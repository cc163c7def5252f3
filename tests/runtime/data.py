"""data.py -- small data files of every kind, good and broken, without any package."""
import gzip, os, struct, zipfile, zlib, io

def npy(shape, numbers, kind="<f4", code="f", order="False"):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (kind, order, "".join("%d, " % s for s in shape))
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<%d%s" % (len(numbers), code), *numbers)

def idx(shape, numbers):
    return struct.pack(">HBB", 0, 8, len(shape)) + b"".join(struct.pack(">I", s) for s in shape) + bytes(numbers)

def png(pixels, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + bytes(pixels[side * r:side * r + side]) for r in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))

def write(name, data):
    with open(name, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())

N = 320
pixel = [[(7 * r + 3 * e * (r % 10 + 1)) % 256 for e in range(64)] for r in range(N)]
flat = [v for row in pixel for v in row]
label = [r % 10 for r in range(N)]
real = [v / 255 for v in flat]

write("x.npy", npy((N, 1, 8, 8), flat, "|u1", "B"))
write("y.npy", npy((N,), label, "<i8", "q"))
write("f8.npy", npy((N, 64), real, "<f8", "d"))
write("object.npy", npy((N,), label, "|O", "q"))
write("big.npy", npy((N, 64), flat, ">f4", "f"))
write("fortran.npy", npy((N, 64), real, "<f4", "f", "True"))
write("short.npy", npy((N, 64), real, "<f4", "f")[:-100])
write("narrow.npy", npy((N, 63), real[:N * 63], "<f4", "f"))
write("nan.npy", npy((N, 64), real[:70] + [float("nan")] + real[71:], "<f4", "f"))
write("class.npy", npy((N,), label[:17] + [12] + label[18:], "<i4", "i"))
write("half.npy", npy((N,), label[:17] + [1.5] + label[18:], "<f4", "f"))
write("few.npy", npy((N - 1,), label[1:], "<i4", "i"))
write("huge.npy", npy((2**40, 2**40), [], "<f4", "f"))
write("head.npy", npy((N, 64), [], "<f4", "f")[:40])

with zipfile.ZipFile("d.npz", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("x.npy", open("x.npy", "rb").read())
    z.writestr("y.npy", open("y.npy", "rb").read())
write("cut.npz", open("d.npz", "rb").read()[:-30])
with zipfile.ZipFile("other.npz", "w") as z:
    z.writestr("images.npy", open("x.npy", "rb").read())

images, labels = idx((N, 8, 8), flat), idx((N,), label)
write("x.idx", images)
write("y.idx", labels)
write("x.idx.gz", gzip.compress(images))
write("y.idx.gz", gzip.compress(labels))
write("cut.idx", images[:1000])
write("cut.idx.gz", gzip.compress(images)[:-400])
bad = bytearray(gzip.compress(images)); bad[len(bad) // 2] ^= 0x55
write("flip.idx.gz", bytes(bad))
write("long.idx", images + b"\0")
write("page.idx.gz", "<!DOCTYPE html><html>not found</html>")
write("not.idx", "PK and so on")

names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
head = ",".join("p%d" % e for e in range(64)) + ",digit\n"
rows = [",".join("%g" % v for v in pixel[r]) for r in range(N)]
write("d.csv", head + "".join("%s,%d\n" % (rows[r], label[r]) for r in range(N)))
write("words.csv", head + "".join('%s,"%s"\r\n' % (rows[r], names[label[r]]) for r in range(N)))
write("semicolon.csv", "\ufeff" + (head + "".join("%s,%d\n" % (rows[r], label[r]) for r in range(N))).replace(",", ";"))
write("some.csv", head + "".join("%s,%s\n" % (rows[r], label[r] if r % 2 else "") for r in range(N)))
write("d.csv.gz", gzip.compress(open("d.csv", "rb").read()))
write("word.csv", head + rows[0] + ",1\n" + "x" + rows[1] + ",2\n")
write("ragged.csv", head + rows[0] + ",1\n" + rows[1] + "\n")
write("class.csv", head + rows[0] + ",1\n" + rows[1] + ",10\n")
write("quote.csv", head + rows[0] + ',"1\n')
write("names.csv", head.replace("digit", "digits") + rows[0] + ",1\n")
write("fewer.csv", head.replace("p0,", "", 1) + rows[0].split(",", 1)[1] + ",1\n")
write("more.csv", "extra," + head + "0," + rows[0] + ",1\n")
write("empty.csv", "")
write("header.csv", head)
write("page.csv", "<html>")
write("zero.csv", head.encode() + b"1,\0,3\n")

for r in range(100):
    folder = "images/" + names[label[r]]
    os.makedirs(folder, exist_ok=True)
    write("%s/%03d.png" % (folder, r), png(pixel[r], 8))
os.makedirs("large/a", exist_ok=True); write("large/a/1.png", png([0] * 81, 9))
os.makedirs("torn/a", exist_ok=True); write("torn/a/1.png", png(pixel[0], 8)[:60])
os.makedirs("none", exist_ok=True)
os.makedirs("hollow/a", exist_ok=True)
