# space.sh -- items 58 to 70, 76 and 104: what is done in the space of codes. Read by run.sh.

tell() { "./$1" "${@:2}" > log 2>&1 || bad "$*" "$(cat log)"; }
"$tool" weights w.safetensors encoder.dense1.w 3,3 1,0,0,0,1,0,0,0,1 encoder.dense1.b 3 0 \
    decoder.dense1.w 3,3 0.5,-1,2,0.25,3,-0.75,1,0.125,-2 decoder.dense1.b 3 0.5,-0.25,1
quickly space space && {
    # 60: the ends are the reconstructions, bit for bit
    "$tool" npy x.npy 4,3 1 0 0 0.6 0.8 0 0 0 1 -1 0 0
    tell space reconstruct --weights w.safetensors -o r.npy
    for how in "" --sphere; do
        tell space interpolate 0 1 $how -n 5 --weights w.safetensors -o i.npy
        ends=$("$tool" get i.npy | awk '{ print $1, $2, $3, $(NF - 2), $(NF - 1), $NF }')
        if [ "$ends" = "$("$tool" get r.npy | cut -d' ' -f1-6)" ]; then ok; else bad "60: the ends of interpolate $how" "$ends"; fi
    done
    # its middle lies on the circle: (1.6, 0.8, 0) / |..| through the decoder's matrix
    near "60: halfway along the circle" "$("$tool" get i.npy | cut -d' ' -f7)" \
        "$(awk 'BEGIN { s = sqrt(1.6^2 + 0.8^2); printf "%.9g", 0.5 + 0.5 * 1.6 / s + 0.25 * 0.8 / s }')" 1e-6
    # 66: Hammer's projection
    "$tool" npy x.npy 4,3 -1 0 0 0 0 1 0 0 -1 0 2 0
    tell space show codes --weights w.safetensors -o h.csv
    got=$(tail -n 4 h.csv | tr '\n' ' ')
    want=$(awk 'BEGIN { c = cos(atan2(1, 1)); s = sqrt(1 + c); printf "%.4f,0 0,%.4f 0,%.4f %.4f,0", 2 * sqrt(2), sqrt(2), -sqrt(2), 2 * sqrt(2) * c / s }')
    try "66: the edge, the poles, the equator: $got for $want" awk -v a="$got" -v b="$want" 'BEGIN { gsub(/,/, " ", a); gsub(/,/, " ", b)
        n = split(a, p, " "); split(b, q, " "); for (k = 1; k <= n; k++) worst += (p[k] - q[k])^2; exit !(n == 8 && worst < 1e-7) }'
    "$tool" npy x.npy 20000,3 $(awk 'BEGIN { srand(5); for (k = 0; k < 20000; k++) { z = 2 * rand() - 1; a = 6.283185307 * rand(); s = sqrt(1 - z * z)
        printf "%.6f %.6f %.6f ", s * cos(a), s * sin(a), z } }')
    tell space show codes --weights w.safetensors -o h.csv
    share=$(awk -F, 'NR > 1 { all++; inner += ($1 / (2 * sqrt(2)))^2 + ($2 / sqrt(2))^2 < 0.25; right += $1 > 0.5 && $2 > 0.25 && $1 < 1 && $2 < 0.75 }
        END { print all == 20000 ? inner / all / 0.25 : 0, right / all / (0.25 / (4 * atan2(0, -1))) }' h.csv)
    holds "66: areas are kept: $share" "($(echo $share | cut -d' ' -f1) - 1)^2 < 0.02^2 && ($(echo $share | cut -d' ' -f2) - 1)^2 < 0.08^2"
    # 70: a unit led along its range moves what is decoded along its row of weights
    tell space traverse 0 -n 3 --weights w.safetensors -o t.npy
    try "70: traversal" awk -v t="$("$tool" get t.npy)" 'BEGIN { split(t, v, " "); split("0.5 -1 2 0.25 3 -0.75 1 0.125 -2", w, " ")
        for (u = 0; u < 3; u++) for (j = 1; j < 3; j++) for (s = 1; s < 3; s++) {
            a = v[u * 9 + s * 3 + j + 1] - v[u * 9 + j + 1]; b = v[u * 9 + s * 3 + 1] - v[u * 9 + 1]
            worst += (a * w[u * 3 + 1] - b * w[u * 3 + j + 1])^2; moved += b * b }
        exit !(worst < 1e-10 && moved > 0.01) }'
    tell space traverse 0 --slope --weights w.safetensors -o t.npy
    try "70: its slope is that row" awk -v t="$("$tool" get t.npy)" 'BEGIN { n = split(t, v, " "); split("0.5 -1 2 0.25 3 -0.75 1 0.125 -2", w, " ")
        for (k = 1; k <= 9; k++) worst += (v[k] - w[k])^2; exit !(n == 9 && worst < 1e-10) }'
    "$tool" npy x.npy 4,3 1 2 0 2 1 0 4 -1 0 5 0 0
    tell space show relations --weights w.safetensors -o t.csv
    try "70: what units have to do with inputs, where they are the same" awk -F, 'BEGIN { r = -6 / sqrt(10 * 5) } { d = $(4 - NR) - r }
        NR == 2 { a = ($1 - 1)^2 + d^2 + $3^2 < 1e-10 } NR == 3 { b = ($2 - 1)^2 + d^2 + $3^2 < 1e-10 } END { exit !(NR == 4 && a && b) }' t.csv
}
# 69: codes in few bits, where the code is the row and is decoded as it is
refuse() { if "./$2" "${@:3}" > log 2>&1; then bad "69: $1: is taken"; else try "69: $1: $(tail -n 1 log)" grep -qF -e "$1" log; fi; }
"$tool" weights w.safetensors encoder.dense1.w 3,3 1,0,0,0,1,0,0,0,1 encoder.dense1.b 3 0 decoder.dense1.w 3,3 1,0,0,0,1,0,0,0,1 decoder.dense1.b 3 0
[ -x space ] && {
    W="--weights w.safetensors"
    # numbers 0 to 7 of three units that begin at -1, 0, 2 with steps of 1/2, 1/4, 1: 0 7 3, 7 0 7, 1 2 0, 4 5 6, 2 3 1
    "$tool" npy x.npy 5,3 -1 1.75 5 2.5 0 9 -0.5 0.5 2 1 1.25 8 0 0.75 3
    ./space compress --bits 3 --json $W -o few.safetensors > few.json || bad "69: compress --bits 3"
    got=$(tail -c 6 few.safetensors | od -An -tu1 | xargs)
    if [ "$got" = "248 142 71 96 173 5" ]; then ok; else bad "69: 45 bits by hand" "$got"; fi
    try "69: a row of the table for the bits asked for" grep -qF '{"bits": 3, "bits_per_element": 3, "mse": 0, "psnr": null}' few.json
    tell space decode few.safetensors $W -o few.npy
    if [ "$("$tool" get few.npy)" = "$("$tool" get x.npy)" ]; then ok; else bad "69: and back" "$("$tool" get few.npy)"; fi
    cp few.safetensors odd.safetensors; printf '\115' | dd of=odd.safetensors bs=1 seek=$(($(wc -c < odd.safetensors) - 1)) conv=notrunc 2> log
    refuse "codes does not fit its checksum" space decode odd.safetensors $W -o d.npy
    sed -i 's/crc32/CRC32/g' odd.safetensors
    refuse "there are bits behind the last code" space decode odd.safetensors $W -o d.npy
    printf '\004' | dd of=odd.safetensors bs=1 seek=$(($(wc -c < odd.safetensors) - 10)) conv=notrunc 2> log
    refuse "6 bytes, 3 lows and 3 steps are not those of 5 rows of 3 numbers of 4 bits" space decode odd.safetensors $W -o d.npy
    head -c -1 few.safetensors > odd.safetensors; refuse "do not fit its shape or the file" space decode odd.safetensors $W -o d.npy
    refuse "has no codes as compress writes them" space decode w.safetensors $W -o d.npy
    refuse "--bits is 1 to 16" space compress --bits 17 $W -o few.safetensors
    refuse "the name ends in .safetensors" space compress $W -o few.npy
    # what is told of so many bits is what the file has, in bytes and in error
    "$tool" npy x.npy 37,3 $(awk 'BEGIN { srand(3); for (k = 0; k < 111; k++) printf "%.5f ", rand() * (k % 3 + 1) }')
    for bits in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        ./space compress --bits $bits --json $W -o few.safetensors > few.json 2> log || bad "69: compress --bits $bits" "$(cat log)"
        tell space decode few.safetensors $W -o few.npy
        bytes=$(((111 * bits + 7) / 8)) header=$(od -An -N8 -tu8 few.safetensors)
        holds "69: $bits bits a unit, and $bytes bytes of codes" "$(wc -c < few.safetensors) == 8 + $header + 4 * (3 + 3 + 3) + $bytes"
        told=$(sed "s/.*{\"bits\": $bits, //; s/}.*//" few.json | field mse)
        got=$("$tool" get few.npy | awk -v x="$("$tool" get x.npy)" '{ n = split(x, v, " "); for (k = 1; k <= n; k++) s += (v[k] - $k)^2; printf "%.9g", s / n }')
        holds "69: the error of $bits bits is what is told" "$told > 0 && ($got / $told - 1)^2 < 1e-10"
    done
}
# 65: codes and principal components side by side
sed -i 's/^set m.*/set m = 2/' space.ae
"$tool" weights w.safetensors encoder.dense1.w 2,2 0,1,1,0 encoder.dense1.b 2 0 decoder.dense1.w 2,2 0 decoder.dense1.b 2 0
"$tool" npy x.npy 4,2 1.8 2.4 -1.8 -2.4 -0.4 0.3 0.4 -0.3
quickly space space && {
    tell space show codes --pca --weights w.safetensors -o h.csv
    got=$(awk -F, 'NR > 1 { s = $3 < 0 ? -$3 : $3; t = $4 < 0 ? -$4 : $4; printf "%.4f %.4f %.4f %.4f  ", $1, $2, s, t }' h.csv)
    if [ "$got" = "2.4000 1.8000 3.0000 0.0000  -2.4000 -1.8000 3.0000 0.0000  0.3000 -0.4000 0.0000 0.5000  -0.3000 0.4000 0.0000 0.5000  " ]; then ok
    else bad "65: components beside codes" "$got"; fi
    tell space show codes --weights w.safetensors -o one.png; tell space show codes --pca --weights w.safetensors -o two.png
    wide() { od -An -j 16 -N 4 -t u1 "$1" | awk '{ print $3 * 256 + $4 }'; }
    if [ "$(wide two.png)" = $((2 * $(wide one.png))) ]; then ok; else bad "65: as a picture" "$(wide one.png) $(wide two.png)"; fi
}
# 58, 64, 67, 68, 69, 76, 104: digits
cp "$here/../../examples/plane_map.ae" . && build plane_map plane_map && train plane_map && {
    W="--weights plane_map.run"
    tell plane_map show codes $W -o codes.csv
    if [ "$(wc -l < codes.csv)" = 360 ] && [ "$(head -n 1 codes.csv)" = z.z0,z.z1,y ]; then ok; else bad "64: a point for each row"; fi
    tell plane_map show codes $W -o codes.png
    try "64: as a picture" test -s codes.png
    ticks=$(grep -o 'text-anchor="middle"' plane_map.run/report.html | wc -l)
    holds "64: numbers below the codes of the report" "$ticks > 1 && $ticks < 8"
    tell plane_map show lattice -n 20 $W -o lattice.npy
    "$tool" get lattice.npy > lattice.txt
    try "68: neighbours on the lattice differ less than others" awk '{ n = split($0, v, " "); if (n != 400 * 64) exit 1
        for (k = 0; k < 399; k++) if (k % 20 < 19) { far = (k * 157 + 91) % 400
            for (e = 1; e <= 64; e++) { a += (v[k * 64 + e] - v[(k + 1) * 64 + e])^2; b += (v[k * 64 + e] - v[far * 64 + e])^2 } }
        exit !(a > 0 && a < 0.1 * b) }' lattice.txt
    ./plane_map compress $W --json -o few.safetensors > few.json || bad "69: compress"
    tell plane_map decode few.safetensors $W -o few.npy
    tell plane_map encode $W -o z.npy; tell plane_map decode z.npy $W -o full.npy
    try "69: 8 bits a unit cost less than 2 % of the error" awk -v j="$(cat few.json)" 'BEGIN { n = split(j, p, "\"mse\": "); exit !(n == 7 && p[4] + 0 < 1.02 * p[2] && p[7] + 0 > p[2] + 0) }'
    holds "69: and are what is written" "$("$tool" psnr few.npy full.npy) > 40 && $(wc -c < few.safetensors) < 359 * 2 + 600"
    tell plane_map compress --bits 16 $W -o more.safetensors; tell plane_map decode more.safetensors $W -o more.npy
    holds "69: 16 bits take twice the room, and are nearer" "$(wc -c < more.safetensors) > 359 * 4 && $(wc -c < more.safetensors) < 359 * 4 + 600 \
        && $("$tool" psnr more.npy full.npy) > $("$tool" psnr few.npy full.npy) + 30"
    if [ "$what" = all ]; then      # 63: draws around a code stay what it is
        build digits_net digits_net && train digits_net && for row in 0 3 7 11 20 31; do
            tell plane_map sample --around $row -n 100 $W -o s.npy
            ./digits_net predict --test s.npy --weights digits_net.run -o p.csv > log 2>&1 || bad "63: predict" "$(cat log)"
            awk -F, 'NR == 1 { next } { c[$NF]++ } END { for (k in c) if (c[k] > m) m = c[k]; print m }' p.csv
        done | awk '{ s += $1 } END { exit !(NR == 6 && s >= 0.85 * 600) }' && ok || bad "63: draws within a deviation keep their class"
    fi
}
build groups groups && train groups && {
    W="--weights groups.run"
    ./groups show map $W -o map.csv > map.log || bad "67: show map"
    holds "67: perplexities are met" "$(sed -n 's/.*within \([^ ]*\) .*/\1/p' map.log) < 1e-3"
    holds "67: the divergence falls" "$(awk '/round  300/ { a = $NF } /round  749/ { b = $NF } END { print a - b }' map.log) > 0"
    holds "67: the map keeps neighbours" "$(sed -n 's/.*class of \([^ ]*\) of.*/\1/p' map.log) > 0.9"
    ./groups cluster 10 --split train $W --json > k.json || bad "104: cluster"
    holds "104: groups agree with classes about as those of pixels do, 0.74" "$(field nmi < k.json) > 0.70"
    ./groups cluster 10 --gaussians --split train $W > g.log || bad "104: cluster --gaussians"
    try "104: each round of the mixture is better" awk '/^round/ { if (n++ && $NF > last + 1e-9) exit 1; last = $NF } END { exit n < 3 }' g.log
    tell groups sample --mixture 10 -n 200 $W -o s.npy
    "$tool" get s.npy > drawn.txt
    try "76: codes drawn from the mixture decode to digits" awk '{ n = split($0, v, " "); for (k = 1; k <= n; k++) { s += v[k]; q += v[k]^2 }
        exit !(n == 12800 && s / n > 0.25 && s / n < 0.37 && q / n - (s / n)^2 > 0.07) }' drawn.txt
}
