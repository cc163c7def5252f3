#!/bin/sh
# demo.sh AEC -- compiles examples/quickstart.ae, trains it and draws pictures into runs/demo.
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
aec=$1
out=$here/runs/demo
rm -rf "$out"
mkdir -p "$out"
say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }

say "compiling examples/quickstart.ae"
"$aec" build "$here/examples/quickstart.ae" -o "$out/quickstart"
say "training"
"$out/quickstart" train --out "$out"
say "on the test split"
"$out/quickstart" eval --weights "$out/model.safetensors"
say "pictures"
"$out/quickstart" reconstruct --weights "$out/model.safetensors" -o "$out/reconstructions.png"
"$out/quickstart" sample --weights "$out/model.safetensors" -o "$out/samples.png"
"$out/quickstart" interpolate 0 7 --weights "$out/model.safetensors" -o "$out/interpolation.png"
for p in reconstructions samples interpolation; do echo "runs/demo/$p.png"; done
echo "runs/demo/report.html   the curves, pictures and codes on one page"
