/* unit.c -- the runtime's numbers against published or independently computed ones (mpmath, 40 digits). */
#include "runtime.h"

static int passed, failed;

static void check(bool good, const char *what, double got, double want)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("FAILED %s: %.17g, wanted %.17g\n", what, got, want);
}

static void near_to(const char *what, double got, double want, double tolerance)
{
    check(fabs(got - want) <= tolerance * fmax(1, fabs(want)), what, got, want);
}

/* ---- Philox4x32-10: the known answers of Random123 1.14 (kat_vectors) --------------------------------- */
static void test_philox(void)
{
    static const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u }, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (int k = 0; k < 3; k++) {
        uint32_t out[4];
        philox(out, known[k].counter, known[k].key);
        for (int j = 0; j < 4; j++)
            check(out[j] == known[k].out[j], "philox known answer", out[j], known[k].out[j]);
    }
}

static void test_draws(void)
{
    enum { N = 100000 };
    double sum = 0, square = 0, mean = 0, least = 1, most = 0;
    ae_clock = (AeClock) { .seed = 3, .step = 5, .phase = 1 };
    for (int k = 0; k < N; k++) {
        const double u = ae_uniform(11, (uint64_t) k), z = ae_normal(12, (uint64_t) k);
        mean += u / N;
        least = fmin(least, u);
        most = fmax(most, u);
        sum += z / N;
        square += z * z / N;
    }
    near_to("mean of uniform draws", mean, 0.5, 0.005);
    near_to("mean of normal draws", sum, 0, 0.01);
    near_to("variance of normal draws", square, 1, 0.02);
    check(least > 0 && most < 1, "uniform draws lie inside", least, most);
    check(ae_uniformf(11, 7) == (float) ae_uniform(11, 7), "float and double draws agree", ae_uniformf(11, 7), ae_uniform(11, 7));
    near_to("float and double normals agree", ae_normalf(12, 7), ae_normal(12, 7), 1e-5);
    const double before = ae_uniform(11, 7);
    ae_clock.step = 6;
    check(before != ae_uniform(11, 7), "another step draws another number", before, 0);
    ae_clock.step = 5;
    ae_clock.block = 1;
    check(before != ae_uniform(11, 7), "another block draws another number", before, 0);
    long order[1000], seen[1000] = { 0 };
    draw_order(order, 1000, 1, STREAM_SHUFFLE, 0);
    for (int k = 0; k < 1000; k++)
        seen[order[k]]++;
    for (int k = 0; k < 1000; k++)
        if (seen[k] != 1)
            check(false, "a permutation has each number once", (double) seen[k], 1);
}

/* Rows of draws against draws one by one, from every place in a block and of every length up to two of them. */
static void test_draw_rows(void)
{
    enum { MOST = 130, OVER = 4 };
    ae_clock = (AeClock) { .seed = 0x123456789ABCDEFu, .step = 5, .phase = 3, .block = 2 };
    double apart = 0;
    bool same = true, kept = true;
    for (int n = 0; n <= MOST; n++)
        for (uint64_t first = 16777000; first < 16777008; first++) {
            ae_real u[MOST + OVER], z[MOST + OVER];
            for (int k = 0; k < MOST + OVER; k++)
                u[k] = z[k] = 7;
            ae_uniforms(u, n, 11, first);
            ae_normals(z, n, 12, first);
            for (int k = 0; k < n; k++) {
                same &= u[k] == (ae_real) ae_uniform(11, first + (uint64_t) k);
                apart = fmax(apart, fabs(z[k] - ae_normal(12, first + (uint64_t) k)));
            }
            for (int k = n; k < MOST + OVER; k++)
                kept &= u[k] == 7 && z[k] == 7;
        }
    check(same, "rows of uniform draws are those one by one", same, 1);
    check(kept, "rows of draws end where they should", kept, 1);
    check(apart < 2e-6, "rows of normal draws are those one by one", apart, 0);
}

/* ---- special functions ------------------------------------------------------------------------------------ */
static const struct { double order, x, ratio, log; } bessel[] = {
    { 0, 0.001, 0.00049999993750001043, 2.4999998437500175e-7 }, { 0, 0.1, 0.049937603987938922, 0.0024984392338762437 },
    { 0, 1, 0.44638996589653451, 0.23591435850717865 }, { 0, 10, 0.94859982595484596, 7.9429720831186956 },
    { 0, 100, 0.99498737300516877, 96.779732689942584 }, { 0, 700, 0.99928545881842609, 695.80569999844345 },
    { 0, 10000, 0.99994999874987498, 9994.4759037814323 }, { 0.5, 0.001, 0.00033333331111111323, -3.6796688254691348 },
    { 0.5, 1, 0.3130352854993313, -0.064351991073531799 }, { 0.5, 100, 0.99, 96.778476373801282 },
    { 0.5, 10000, 0.9999, 9994.4758912808072 }, { 1, 0.1, 0.02498958983941266, -2.9944825338622049 },
    { 1, 10, 0.85418530832368161, 7.8902038341042123 }, { 2.5, 0.001, 0.00014285714058956922, -20.203229679773709 },
    { 2.5, 1, 0.14064682573322849, -2.8629702657767536 }, { 2.5, 10, 0.73287672006437842, 7.6150581717033517 },
    { 2.5, 700, 0.99572041690956721, 695.80123252377282 }, { 10, 0.001, 4.5454545368457302e-5, -91.113437145769066 },
    { 10, 10, 0.38991388392838298, 3.0861078511069689 }, { 10, 100, 0.90002525218810775, 96.277633365653938 },
    { 10, 700, 0.98510192622554908, 695.73422154738797 }, { 49.5, 0.001, 9.9009900980581575e-6, -522.76392723310321 },
    { 49.5, 1, 0.0099000385347205657, -180.82509067129444 }, { 49.5, 100, 0.61679081973625973, 84.706735075631243 },
    { 49.5, 700, 0.93107187260588004, 694.05500071217417 }, { 49.5, 10000, 0.99501225115012343, 9994.353385405372 },
};

static const struct { double x, y; } digamma[] = {
    { 0.001, -1000.5755719318103 }, { 0.5, -1.9635100260214235 }, { 1, -0.57721566490153286 },
    { 2, 0.42278433509846714 }, { 3.7, 1.1671535393615114 }, { 10, 2.2517525890667211 },
    { 100.5, 4.6051743525818452 }, { -0.5, 0.036489973978576521 }, { -3.3, 3.6203534605921258 },
};

static const struct { double x, y; } trigamma[] = {
    { 0.001, 1000001.6425331958 }, { 0.5, 4.934802200544679 }, { 1, 1.6449340668482264 },
    { 2, 0.64493406684822641 }, { 3.7, 0.31003785767003827 }, { 10, 0.10516633568168575 },
    { 100.5, 0.0099999166695831036 }, { -0.5, 8.934802200544679 }, { -3.3, 14.817739525515929 },
};

static void test_special(void)
{
    for (size_t k = 0; k < sizeof bessel / sizeof *bessel; k++) {
        const double r = ae_bessel_ratio(bessel[k].order, bessel[k].x);
        check(fabs(r - bessel[k].ratio) <= 1e-13 * bessel[k].ratio, "bessel_ratio", r, bessel[k].ratio);
        near_to("log_bessel", ae_log_bessel(bessel[k].order, bessel[k].x), bessel[k].log, 1e-12);
    }
    for (size_t k = 0; k < sizeof digamma / sizeof *digamma; k++)
        near_to("digamma", ae_digamma(digamma[k].x), digamma[k].y, 1e-13);
    for (size_t k = 0; k < sizeof trigamma / sizeof *trigamma; k++)
        near_to("trigamma", ae_trigamma(trigamma[k].x), trigamma[k].y, 1e-13);
    near_to("lgamma", ae_lgamma(10.5), 13.940625219403763, 1e-14);
    for (double x = 1e-3; x < 2e4; x *= 10) {       /* by differences: R' of order 1.5; exact to 1e-6 of it */
        const double h = 1e-4 * x, d = (ae_bessel_ratio(1.5, x + h) - ae_bessel_ratio(1.5, x - h)) / (2 * h);
        check(fabs(ae_bessel_slope(1.5, x) - d) <= 1e-6 * d, "bessel_slope", ae_bessel_slope(1.5, x), d);
    }
    near_to("vMF mean resultant A_5(2)", ae_bessel_ratio(1.5, 2), 0.361107, 1e-6);
}

/* ---- small dense problems ------------------------------------------------------------------------------------ */
static void test_orthogonal(int rows, int cols)
{
    ae_real *const at = need((size_t) rows * (size_t) cols, sizeof *at);
    const int short_side = rows < cols ? rows : cols;
    double worst = 0;
    ae_orthogonal(at, rows, cols, 5);
    for (int a = 0; a < short_side; a++)
        for (int b = 0; b < short_side; b++) {
            double dot = 0;
            for (int k = 0; k < (rows < cols ? cols : rows); k++)
                dot += rows < cols ? at[a * cols + k] * at[b * cols + k] : at[k * cols + a] * at[k * cols + b];
            worst = fmax(worst, fabs(dot - (a == b)));
        }
    check(worst < 1e-6, "orthogonal", worst, 0);
    free(at);
}

static void test_rank(void)
{
    enum { N = 500 };
    ae_real value[N] = { 0 };
    int32_t place[N];
    int wrong = 0;
    for (int n = 0; n <= N; n = n < 20 ? n + 1 : n * 3) {
        for (int k = 0; k < n; k++)
            value[k] = (ae_real) (draw_word(1, 77, (uint32_t) n, (uint64_t) k) % 50);
        ae_rank(place, value, n);
        for (int k = 0; k < n; k++) {
            int before = 0;
            for (int j = 0; j < n; j++)
                before += value[j] > value[k] || (value[j] == value[k] && j < k);
            wrong += before != place[k];
        }
    }
    check(wrong == 0, "places when sorted downwards", wrong, 0);
}

/* a v = value v for the second difference, whose values are 2 - 2 cos(k pi / (n + 1)). */
static void check_eigen(int n, bool by_hand)
{
    double *const a = need((size_t) n * (size_t) n, sizeof *a), *const v = need((size_t) n * (size_t) n, sizeof *v);
    double *const d = need((size_t) n, sizeof *d), worst = 0, least = 0, sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            a[i * n + j] = v[i * n + j] = i == j ? 2 : i - j == 1 || j - i == 1 ? -1 : 0;
    (by_hand ? eigen_by_hand : symmetric_eigen)(v, d, n);
    for (int k = 0; k < n; k++) {
        double length = 0;
        sum += d[k];
        least = fmax(least, d[k]);
        for (int i = 0; i < n; i++) {
            double dot = 0;
            length += v[k * n + i] * v[k * n + i];
            for (int j = 0; j < n; j++)
                dot += a[i * n + j] * v[k * n + j];
            worst = fmax(worst, fabs(dot - d[k] * v[k * n + i]));
        }
        worst = fmax(worst, fabs(length - 1));
        if (k && !by_hand)
            check(d[k] <= d[k - 1], "eigenvalues downwards", d[k], d[k - 1]);
    }
    near_to("eigenvectors", worst, 0, 1e-13);
    near_to("sum of eigenvalues", sum, 2 * n, 1e-13);
    near_to("largest eigenvalue", least, 2 - 2 * cos(n * M_PI / (n + 1)), 1e-13);
    free(a); free(v); free(d);
}

static void test_eigen(void)
{
    for (int by_hand = 0; by_hand < 2; by_hand++)
        for (int n = 1; n < 40; n++)
            check_eigen(n, by_hand);
    double m[4] = { 4, 2, 2, 3 }, b[2] = { 10, 8 };
    check(solve_positive(m, b, 2, 1), "solvable", 0, 1);
    near_to("x of 4x + 2y = 10, 2x + 3y = 8", b[0], 1.75, 1e-14);
    near_to("y of 4x + 2y = 10, 2x + 3y = 8", b[1], 1.5, 1e-14);
}

static void test_text(void)
{
    static const char *const bad[] = { "", " ", "1,5", "0x10", "nan", "inf", "1e999", "1 2", "--3", "1e", "abc" };
    double v;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        check(!parse_number(bad[k], &v), bad[k], v, NAN);
    check(parse_number(" -1.5e3 ", &v) && v == -1500, "-1.5e3", v, -1500);
    check(crc32_more(0, "123456789", 9) == 0xCBF43926, "crc32 of 123456789", crc32_more(0, "123456789", 9), 0xCBF43926);
    static const char *const words[] = { "epochs", "threads", "weights" };
    check(nearest("epoch", words, 3) == 0, "epoch is nearly epochs", nearest("epoch", words, 3), 0);
    check(nearest("colour", words, 3) == -1, "colour is none of them", nearest("colour", words, 3), -1);
    const double score[] = { 0.1, 0.4, 0.35, 0.8 };
    const uint8_t positive[] = { 0, 0, 1, 1 };
    near_to("area under the ROC curve", area_under(score, positive, 4), 0.75, 0);
    near_to("average precision", average_precision(score, positive, 4), (1.0 + 2.0 / 3) / 2, 1e-15);     /* scikit-learn's example */
    near_to("average precision of ties", average_precision((const double[]) { 1, 1, 1, 1 }, positive, 4), 0.5, 1e-15);
}

/* Numbers on axes: round ones, two to seven, inside, no two alike, none upon its neighbour. */
static void test_ticks(void)
{
    static const struct { double low, high, first, step; int n; } known[] = {
        { 0, 6, 0, 1, 7 }, { -2.2, 2.3, -2, 1, 5 }, { 0.013, 0.094, 0.02, 0.02, 4 }, { -900, 1500, -500, 500, 5 },
    };
    char text[32], before[32];
    double low = 3, high = 3;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const Ticks t = axis_ticks(known[k].low, known[k].high);
        near_to("the first tick", tick_at(&t, 0), known[k].first, 1e-12);
        near_to("the way between ticks", t.step, known[k].step, 1e-12);
        check(t.n == known[k].n, "ticks", t.n, known[k].n);
    }
    ae_clock = (AeClock) { .seed = 9 };
    for (int k = 0; k < 2000; k++) {
        const double size = pow(10, 12 * ae_uniform(21, (uint64_t) k) - 6), least = size * (20 * ae_uniform(22, (uint64_t) k) - 10);
        const Ticks t = axis_ticks(least, least + size);
        check(t.n >= 2 && t.n <= 7, "two to seven ticks", t.n, size);
        check(t.step / size * 600 > 8 * t.letters, "room between numbers, of 600 dots", t.step / size * 600, 8 * t.letters);
        strcpy(before, "");
        for (int j = 0; j < t.n; j++) {
            snprintf(text, sizeof text, TICK, tick_at(&t, j));
            check(strcmp(text, before) != 0 && strcmp(text, "-0") != 0 && (int) strlen(text) <= t.letters, text, tick_at(&t, j), t.step);
            check(tick_at(&t, j) >= least - 1e-9 * size && tick_at(&t, j) <= least + 1.000000001 * size, "a tick inside", tick_at(&t, j), least);
            strcpy(before, text);
        }
    }
    axis_widen(&low, &high);
    check(low < 3 && high > 3, "room around one place", low, 3);
}

int main(void)
{
    test_philox();
    test_draws();
    test_draw_rows();
    test_special();
    test_orthogonal(7, 3);
    test_orthogonal(3, 7);
    test_orthogonal(16, 64);
    test_rank();
    test_eigen();
    test_text();
    test_ticks();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
