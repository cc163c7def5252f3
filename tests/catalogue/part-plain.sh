# part-plain.sh -- read by run.sh: plain autoencoders, what they know by heart, what keeps them from copying.

# ---- 14, 15: capacity, and the gap that the trainer flags -----------------------------------------------------
"$tool" npy z.npy 32,16 0; "$tool" noise z.npy 1 rows.npy
"$tool" npy z.npy 200,16 0; "$tool" noise z.npy 1 fresh.npy
build random random && ./random train --out random.run > log 2> flagged && {
    holds "14: one number in the middle, and 32 random rows are known by heart" "$(last train/loss random.run) < 0.05"
    holds "14: fresh rows are not" "$(last test/loss random.run) > 0.8"
    if grep -q '^test/reconstruct .* mean over elements' log && grep -q '^ *test  *train$' log; then ok; else bad "14: both errors side by side" "$(cat log)"; fi
    if grep -q 'times worse than training rows' flagged; then ok; else bad "15: the gap is flagged" "$(cat flagged)"; fi
}
build "$here/../../examples/overcomplete" copying && ./copying train --out copying.run > log 2> flagged && {
    if grep -q 'times worse' flagged; then bad "15: nor where all is copied" "$(cat flagged)"; else ok; fi
}
quickly "$here/../../examples/dense" dense && ./dense train --epochs 10 --out dense.run > log 2> flagged && {
    if grep -q 'times worse' flagged; then bad "15: no gap is flagged where there is none" "$(cat flagged)"; else ok; fi
    holds "1: better than half of the variance" "$(last test/loss dense.run) < 0.5 * 0.0733"
}

# ---- 13: a plane and a bent line --------------------------------------------------------------------------------
build "$here/../../examples/manifold" manifold && train manifold --epochs 30 && {
    said=$(./manifold eval --json --weights manifold.run)
    holds "13: a plane through a circle loses half of the variance" "$(echo "$said" | field test/pca.mse) > 0.2"
    holds "13: a line that bends loses less than a tenth of that" "$(echo "$said" | field test/mse) < 0.1 * $(echo "$said" | field test/pca.mse)"
}
sed 's/^encoder.*//; s/^decoder.*/decoder { dense(2) }/' "$here/../../examples/manifold.ae" > flat.ae
build flat flat && train flat --epochs 60 && {
    said=$(./flat eval --json --split train --weights flat.run)
    holds "13: a linear one loses the second eigenvalue" "$(echo "$said" | field train/mse) <= 1.001 * $(echo "$said" | field train/pca.mse) && $(echo "$said" | field train/mse) >= 0.99999 * $(echo "$said" | field train/pca.mse)"
}

# ---- 22, 23: what denoising learns ---------------------------------------------------------------------------------
"$tool" npy z.npy 4000,2 0; "$tool" noise z.npy 1 points.npy
"$tool" get points.npy | tr ' ' '\n' | grep . | paste - - | awk 'BEGIN { print "a,b" } { printf "%.6g,%.6g\n", 1.2 * $1, 0.8 * $1 + 0.6 * $2 }' > plane.csv
# The best linear map C (C + s^2)^-1 of the rows at hand, by hand: m11 m12 m21 m22.
read -r m11 m12 m21 m22 <<< "$(awk -F, 'NR > 1 { n++; a += $1; b += $2; aa += $1 * $1; ab += $1 * $2; bb += $2 * $2 }
    END { a /= n; b /= n; p = aa / n - a * a; q = ab / n - a * b; r = bb / n - b * b; s = 0.49; d = (p + s) * (r + s) - q * q
        print (p * (r + s) - q * q) / d, (-p * q + q * (p + s)) / d, (q * (r + s) - r * q) / d, (-q * q + r * (p + s)) / d }' plane.csv)"
field_slopes() {        # of v by x over the whole grid: -1 + m11, m12, m21, -1 + m22
    ./$1 show field -n 8 --weights $1.run -o field.csv > log 2>&1 || bad "show field" "$(cat log)"
    awk -F, 'NR > 1 { n++; for (k = 1; k <= 4; k++) s[k] += $k; xx += $1 * $1; yy += $2 * $2; ux += $3 * $1; uy += $3 * $2; vx += $4 * $1; vy += $4 * $2 }
        END { p = xx - s[1] * s[1] / n; q = yy - s[2] * s[2] / n
            print (ux - s[3] * s[1] / n) / p, (uy - s[3] * s[2] / n) / q, (vx - s[4] * s[1] / n) / p, (vy - s[4] * s[2] / n) / q }' field.csv
}
sed '/^corrupt/d' "$here/gaussian_plane.ae" > plain_plane.ae
build gaussian_plane gaussian_plane && train gaussian_plane && {
    read -r a b c d <<< "$(field_slopes gaussian_plane)"
    near "22: denoising learns C (C + s^2)^-1, not the identity: 1, 1" "$a" "$(awk "BEGIN { print $m11 - 1 }")" 0.02
    near "22: 1, 2" "$b" "$m12" 0.02
    near "22: 2, 1" "$c" "$m21" 0.02
    near "22: 2, 2" "$d" "$(awk "BEGIN { print $m22 - 1 }")" 0.02
    holds "22: which is far from it" "$m11 < 0.9 && $m22 < 0.9 && $m12 > 0.1"
}
build plain_plane plain_plane && train plain_plane --epochs 100 && {
    read -r a b c d <<< "$(field_slopes plain_plane)"
    holds "22: without noise it copies" "($a)^2 + ($b)^2 + ($c)^2 + ($d)^2 < 1e-4"
}
build "$here/../../examples/vector_field" vector_field && train vector_field --epochs 20 && {
    ./vector_field show field --weights vector_field.run -o ring.csv > log 2>&1 || bad "show field" "$(cat log)"
    read -r worst cells dark <<< "$(awk -F, 'NR > 1 { r = sqrt($1 * $1 + $2 * $2); off = r > 1 ? r - 1 : 1 - r; empty += $5 == 0
        if (off < 0.45 && off > 0.08) { c = ($3 * $1 + $4 * $2) * (1 - r) / (r * off * sqrt($3 * $3 + $4 * $4)); n++; sum += c } }
        END { print sum / n, n, empty }' ring.csv)"
    holds "23: within 3 sd of the ring the field points back to it" "$cells > 80 && $worst > 0.95"
    holds "23: cells without a training row are told" "$dark > 300 && $dark < 560"
    try "23: and drawn" ./vector_field show field --weights vector_field.run -o ring.png
}

# ---- 153 to 167: each answer of docs/questions.md has a file, each line of docs/catalogue.md something to show -----------
lost=; for name in $(grep -ohE '[a-z_0-9]+\.ae\b' "$here/../../docs/questions.md" "$here/../../docs/catalogue.md" | sort -u); do
    [ -e "$here/../../examples/$name" ] || [ -e "$here/$name" ] || lost="$lost $name"
done
for name in $(grep -oE 'part-[a-z]+' "$here/../../docs/catalogue.md" | sort -u); do [ -e "$here/$name.sh" ] || lost="$lost $name"; done
if [ -z "$lost" ] && [ "$(grep -c '^## ' "$here/../../docs/questions.md")" = 15 ]; then ok; else bad "153: questions and their files" "missing:$lost"; fi
lost=$(awk -F'|' '/^\| [0-9]/ { n = split($2, of, ","); for (k = 1; k <= n; k++) seen[of[k] + 0] }
    /^\| 1[56]/ { seen[$4 + 0] } END { for (k = 1; k <= 167; k++) if ((k < 118 || k > 152) && !(k in seen)) print k }' "$here/../../docs/catalogue.md" | xargs)
if [ -z "$lost" ]; then ok; else bad "docs/catalogue.md has a line for each item" "missing: $lost"; fi
