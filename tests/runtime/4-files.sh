# Files: weights that are damaged or of another model, a disk that is full, interrupted writes.
damage() { python3 - "$@"; }
cp one/model.safetensors good.safetensors

damage <<'PY'
import json, struct
b = open("good.safetensors", "rb").read(); n = struct.unpack("<Q", b[:8])[0]; h = json.loads(b[8:8 + n]); data = b[8 + n:]
def write(name, h, data=data):
    s = json.dumps(h).encode(); open(name, "wb").write(struct.pack("<Q", len(s)) + s + data)
def copy(): return json.loads(json.dumps(h))
flip = bytearray(data); flip[1234] ^= 1
open("flip.safetensors", "wb").write(b[:8 + n] + bytes(flip))
open("cut.safetensors", "wb").write(b[:-4])
open("head.safetensors", "wb").write(b[:100])
open("length.safetensors", "wb").write(struct.pack("<Q", 2**63) + b[8:])
open("text.safetensors", "wb").write(b"this is no such file")
open("long.safetensors", "wb").write(b + b"1234")
w = "encoder.dense1.w"
c = copy(); c[w]["shape"] = [32, 64]; write("shape.safetensors", c)
c = copy(); c[w]["shape"] = [64, 33]; write("size.safetensors", c)
c = copy(); c[w]["shape"] = [2**62, 2**62]; write("huge.safetensors", c)
c = copy(); c[w]["data_offsets"] = [0, 2**40]; write("offset.safetensors", c)
c = copy(); c[w]["path"] = "/etc/passwd"; write("key.safetensors", c)
c = copy(); c["__metadata__"]["code"] = "import os"; write("meta.safetensors", c)
c = copy(); c[w]["dtype"] = "BF16"; write("dtype.safetensors", c)
c = copy(); c["__metadata__"]["fingerprint"] = "0" * 16; write("print.safetensors", c)
c = copy(); c["other"] = c.pop(w); c["__metadata__"].pop("crc32 " + w); write("name.safetensors", c)
c = copy(); c.pop("__metadata__"); write("bare.safetensors", c)
c = copy(); c["extra"] = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}; write("extra.safetensors", c, data + b"\0\0\0\0")
PY
W() { fails "$1" 1 "$3" ./hand eval --weights "$2.safetensors"; }
W "a flipped bit"       flip   'does not fit its checksum; the file is damaged'
W "cut off"             cut    'do not fit its shape or the file'
W "cut in the header"   head   'head.safetensors: is no safetensors file, or only its beginning'
W "a length too large"  length 'length.safetensors: is no safetensors file, or only its beginning'
W "some text"           text   'text.safetensors: is no safetensors file, or only its beginning'
W "bytes at the end"    long   'long.safetensors: its tensors take'
W "another shape"       shape  'shape.safetensors: does not fit the model hand: encoder.dense1.w is [32, 64] there and [64, 32] here'
W "shape and bytes"     size   'do not fit its shape or the file'
W "a huge shape"        huge   'the shape of encoder.dense1.w is too large'
W "offsets outside"     offset 'do not fit its shape or the file'
W "an unknown key"      key    'key.safetensors: encoder.dense1.w has an unknown key "path"'
W "unknown metadata"    meta   'meta.safetensors: an unknown key "code" in its metadata'
W "an unknown dtype"    dtype  'encoder.dense1.w has dtype BF16, which is not supported'
W "another fingerprint" print  'is not that of the model hand'
W "a missing tensor"    name   'name.safetensors: does not fit the model hand: it has no encoder.dense1.w'
W "one tensor too many" extra  'extra.safetensors: does not fit the model hand, which has no extra'
./hand eval --weights bare.safetensors > /dev/null && ok || bad "files of other programs are read"
./hand64 eval --weights one > /dev/null && ok || bad "double reads float"
fails "no checkpoint"     1 'No such file or directory' ./hand train --resume --out nothing
fails "not a checkpoint"  1 'is no checkpoint of the model hand' sh -c 'mkdir -p wrong; cp good.safetensors wrong/checkpoint.safetensors; ./hand train --resume --out wrong'

# a full disk never exits 0
full() { fails "$1" 1 "$2" sh -c "$3"; }
full "epochs to a full disk"    'standard output: No space left on device' './hand train --out f1 --epochs 1 > /dev/full'
full "numbers to a full disk"   'standard output: No space left on device' './hand eval --weights one --json > /dev/full'
full "help to a full disk"      'standard output: No space left on device' './hand --help > /dev/full'
full "codes to a full disk"     'npy: No space left on device' 'ln -sf /dev/full full.npy; ./hand encode --weights one -o full.npy'
full "metrics to a full disk"   'metrics.jsonl: No space left on device' 'mkdir -p f2; ln -sf /dev/full f2/metrics.jsonl; ./hand train --quiet --out f2 --epochs 1'
if command -v strace > /dev/null && strace -o /dev/null true 2> /dev/null; then
    ./hand train --quiet --out killed --epochs 2
    for k in 1 2 3 4 5 6 7 8; do
        (strace -f -o /dev/null -e trace=fsync,rename -e inject=fsync,rename:signal=KILL:when=$k ./hand train --quiet --out killed --epochs 3 --resume; true) 2> /dev/null
        ./hand eval --weights killed > /dev/null && ok || bad "killed at write $k: the old file is good"
    done
    strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=ENOSPC ./hand train --quiet --out killed --epochs 3 2> /dev/null && bad "fsync fails" || ok
fi
[ -z "$(find . -name '.*.??????' -type f ! -path './killed/*')" ] && ok || bad "no temporaries are left" "$(find . -name '.*.??????' -type f)"
