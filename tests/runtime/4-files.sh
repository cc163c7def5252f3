# Files: weights that are damaged or of another model, a disk that is full, interrupted writes.
cp one/model.safetensors good.safetensors

# damaged bytes
start=$((8 + $(od -An -tu8 -N8 good.safetensors)))      # where the numbers begin
size=$(($(wc -c < good.safetensors) - start))
./tool flip good.safetensors flip.safetensors $((start + 1234))
head -c -4 good.safetensors > cut.safetensors
head -c 100 good.safetensors > head.safetensors
{ printf '\0\0\0\0\0\0\0\200'; tail -c +9 good.safetensors; } > length.safetensors
printf 'this is no such file' > text.safetensors
{ cat good.safetensors; printf 1234; } > long.safetensors

# damaged headers
w=encoder.dense1.w
header() { local name=$1; shift; ./tool header good.safetensors "$name.safetensors" "$@" || bad "a header for $name"; }
header shape  "$w/shape=[32, 64]"
header size   "$w/shape=[64, 33]"
header huge   "$w/shape=[4611686018427387904, 4611686018427387904]"
header offset "$w/data_offsets=[0, 1099511627776]"
header key    "$w/path=\"/etc/passwd\""
header meta   '__metadata__/code="import os"'
header dtype  "$w/dtype=\"BF16\""
header print  '__metadata__/fingerprint="0000000000000000"'
header name   "$w=" "__metadata__/crc32 $w=" 'other={"dtype": "F32", "shape": [64, 32], "data_offsets": [0, 8192]}'
header bare   '__metadata__='
header extra  "extra={\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [$size, $((size + 4))]}"
printf '\0\0\0\0' >> extra.safetensors

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
