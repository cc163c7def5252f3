# scenes.awk -- pictures of 24 x 24 pixels with digits of digits() pasted in, where they are, and which: NPY files in a folder.
#
#     mkdir -p data/scenes && LC_ALL=C awk -v to=data/scenes -f data/scenes.awk runtime/digits.c
#
# train-one-x has a digit a picture, -box the left, top, width and height of its ink in pixels, -digit its class. train-some-x
# has one to three that do not touch, -map for each pixel 1 + the class of the digit (0: none), -tags which of the ten there
# are. train-named-x has all digits as they are, 8 x 8, -word the letters of their names (a is 0; -1 behind the end). test-...
# likewise, with digits that no training picture has.
/^ *"[a-q]+[0-9]"/ { split($0, part, "\""); digit[count++] = part[2] }
function u() { seed = seed * 16807 % 2147483647; return seed / 2147483647 }
function between(lo, hi) { return lo + int(u() * (hi - lo + 1)) }
function begin(name, shape, type) {
    printf "%cNUMPY%c%cv%c%-117s\n", 147, 1, 0, 0, "{'descr': '|" (type ? type : "u1") "', 'fortran_order': False, 'shape': (" shape "), }" > name
}
# Pastes a digit, if there is room, its side drawn from 8 to 12 pixels; box: its ink, in pixels.
function paste(d,    side, row, col, i, j, free, tries, v, end) {
    for (tries = free = 0; !free; tries++) {
        if (tries == 100) return
        side = between(8, 12); row = between(0, 24 - side); col = between(0, 24 - side); free = 1
        for (i = row; i < row + side && free; i++) for (j = col; j < col + side; j++) if ((i, j) in taken) free = 0
    }
    box[0] = box[1] = 24; end[0] = end[1] = 0
    for (i = row; i < row + side; i++) for (j = col; j < col + side; j++) {
        taken[i, j] = 1
        v = index("abcdefghijklmnopq", substr(digit[d], int((i - row) * 8 / side) * 8 + int((j - col) * 8 / side) + 1, 1)) - 1
        ink[i, j] = v
        if (v < 4) continue
        whose[i, j] = 1 + substr(digit[d], 65)
        if (j < box[0]) box[0] = j
        if (i < box[1]) box[1] = i
        if (j >= end[0]) end[0] = j + 1
        if (i >= end[1]) end[1] = i + 1
    }
    box[2] = end[0] - box[0]; box[3] = end[1] - box[1]
    there[substr(digit[d], 65) + 0] = 1
}
# Pictures of the digits lo to hi - 1.
function scenes(name, rows, most, lo, hi,    x, r, d, k, i, j) {
    name = to "/" name; x = name "-x.npy"
    begin(x, rows ", 1, 24, 24")
    if (most == 1) { begin(name "-box.npy", rows ", 1, 4"); begin(name "-digit.npy", rows ",") }
    else { begin(name "-map.npy", rows ", 24, 24"); begin(name "-tags.npy", rows ", 10") }
    for (r = 0; r < rows; r++) {
        split("", taken); split("", ink); split("", whose); split("", there)
        for (k = between(1, most); k > 0; k--) paste(d = between(lo, hi - 1))
        for (i = 0; i < 24; i++) for (j = 0; j < 24; j++) printf "%c", 15 * ink[i, j] > x
        if (most == 1) {
            for (k = 0; k < 4; k++) printf "%c", box[k] > (name "-box.npy")
            printf "%c", substr(digit[d], 65) + 0 > (name "-digit.npy")
        } else {
            for (i = 0; i < 24; i++) for (j = 0; j < 24; j++) printf "%c", whose[i, j] + 0 > (name "-map.npy")
            for (k = 0; k < 10; k++) printf "%c", there[k] + 0 > (name "-tags.npy")
        }
    }
}
# The digits lo to hi - 1 and their names.
function named(name, lo, hi,    x, d, k, letter) {
    x = to "/" name "-x.npy"; name = to "/" name "-word.npy"
    begin(x, hi - lo ", 1, 8, 8"); begin(name, hi - lo ", 5", "i1")
    for (d = lo; d < hi; d++) {
        for (k = 1; k <= 64; k++) printf "%c", 15 * (index("abcdefghijklmnopq", substr(digit[d], k, 1)) - 1) > x
        for (k = 1; k <= 5; k++) {
            letter = substr(word[substr(digit[d], 65) + 1], k, 1)
            printf "%c", letter == "" ? 255 : index("abcdefghijklmnopqrstuvwxyz", letter) - 1 > name
        }
    }
}
END {
    seed = 7
    split("zero one two three four five six seven eight nine", word, " ")
    named("train-named", 0, 1438); named("test-named", 1438, count)
    scenes("train-one", 3000, 1, 0, 1438); scenes("test-one", 600, 1, 1438, count)
    scenes("train-some", 3000, 3, 0, 1438); scenes("test-some", 600, 3, 1438, count)
}
