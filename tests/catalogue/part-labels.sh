# part-labels.sh -- read by run.sh: labels that go together (103).

# Pictures of two digits: the left one is noisy, and the right one, which is clear, goes with it in the share `same` of the rows.
pairs() {       # pairs SPLIT ROWS SAME
    paste -d, whole.$1.csv of.$1.csv | awk -F, -v rows=$2 -v same=$3 '
        function u() { seed = seed * 16807 % 2147483647; return seed / 2147483647 }
        function normal() { return sqrt(-2 * log(u())) * cos(6.283185307 * u()) }
        NR > 1 { c = $NF; n[c]++; for (k = 1; k <= 64; k++) p[c, n[c], k] = $k }
        END { seed = 7; for (k = 1; k <= 128; k++) printf "p%d,", k; print "eight,four"
            for (r = 0; r < rows; r++) {
                a = u() < 0.5; b = u() < same ? a : 1 - a
                l = a ? 8 : 3; m = b ? 4 : 9
                i = 1 + int(u() * n[l]); j = 1 + int(u() * n[m])
                for (k = 1; k <= 64; k++) printf "%.3f,%.3f,", p[l, i, k] + 0.6 * normal(), p[m, j, k]
                print a "," b
            } }'
}
sed 's/^label.*//; s/^data/label y : class(10)\n\n&/' "$here/digits.ae" > digits_told.ae
"$tool" weights w.safetensors decoder.dense1.w 64,64 0 decoder.dense1.b 64 0
quickly digits_told digits_told && for split in train test; do
    ./digits_told encode --split $split --weights w.safetensors -o whole.$split.csv > log 2>&1 \
        && ./digits_told score --split $split --weights w.safetensors -o of.$split.csv > log 2>&1 || bad "digits as a file" "$(cat log)"
done
logits() {      # of test rows, whose labels are independent: their correlation, and how the first rises with the second label
    pairs train 2000 $1 > pairs.csv; pairs test 600 0.5 > tried.csv
    train labels && ./labels predict --weights labels.run -o told.csv > log 2>&1 || bad "103: predict" "$(cat log)"
    paste -d, told.csv tried.csv | awk -F, 'NR > 1 { a = log($1 / (1 - $1)); b = log($2 / (1 - $2)); n++
            sa += a; sb += b; aa += a * a; bb += b * b; ab += a * b; m[$(NF - 1), $NF] += a; c[$(NF - 1), $NF]++ }
        END { print (ab / n - sa * sb / n / n) / sqrt((aa / n - sa * sa / n / n) * (bb / n - sb * sb / n / n)),
            m[0, 1] / c[0, 1] - m[0, 0] / c[0, 0], m[1, 1] / c[1, 1] - m[1, 0] / c[1, 0] }'
}
build labels labels && {
    read -r together rise0 rise1 <<< "$(logits 0.9)"
    holds "103: where labels went together in training their answers do, $together" "$together > 0.6"
    holds "103: each rises where its partner is there, $rise0 and $rise1" "$rise0 > 2 && $rise1 > 2"
    read -r together rise0 rise1 <<< "$(logits 0.5)"
    holds "103: where they did not, they do not, $together" "$together > -0.1 && $together < 0.1"
}
