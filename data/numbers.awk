# numbers.awk -- the numbers 0 to 9999 in English and in French, a line each with a tab between: a small language whose
# translations are known.
#
#     awk -f data/numbers.awk > data/tables/numbers.tsv
function below(n, by) { return n < by ? "" : " " }
function english(n,    k) {
    if (n < 20) return one[n]
    if (n < 100) return ten[int(n / 10)] (n % 10 ? " " one[n % 10] : "")
    k = n < 1000 ? 100 : 1000
    return english(int(n / k)) (k == 100 ? " hundred" : " thousand") (n % k ? (n % k < 100 ? " and " : " ") english(n % k) : "")
}
function french(n,    k, t) {
    if (n < 17) return un[n]
    if (n < 20) return "dix " un[n - 10]
    if (n < 100) {
        t = int(n / 10)
        k = t == 7 || t == 9 ? n - 10 * (t - 1) : n % 10
        return dix[t] (k == 0 ? "" : (k == 1 || k == 11) && t < 8 ? " et " un[k] : " " french(k))
    }
    k = n < 1000 ? 100 : 1000
    t = int(n / k)
    return (t > 1 ? french(t) " " : "") (k == 100 ? "cent" : "mille") (n % k ? " " french(n % k) : "")
}
BEGIN {
    split("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", one, " ")
    split("- twenty thirty forty fifty sixty seventy eighty ninety", ten, " ")
    split("un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize", un, " ")
    split("dix vingt trente quarante cinquante soixante soixante quatre_vingt quatre_vingt", dix, " ")
    one[0] = "zero"
    un[0] = "zéro"
    for (k in dix) gsub(/_/, " ", dix[k])
    for (n = 0; n < 10000; n++) printf "%s\t%s\n", english(n), french(n)
}
