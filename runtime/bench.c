/* bench.c -- how fast a phase trains: whole steps, with the draw of each epoch's order and
 * the gather of each batch.
 *
 * The time is cut into windows, and what is said is their median, so that a moment of other work
 * does not count. Between windows the multiply-adds that the machine can do at all are measured,
 * so a share of them is of the same minute. */
#define _GNU_SOURCE
#include "runtime.h"
#include <time.h>
#include <unistd.h>

typedef struct { double *at; long n, room; } Series;

static void series_add(Series *s, double v)
{
    if (s->n == s->room) {
        s->room = 2 * s->room + 1024;
        if (!(s->at = realloc(s->at, (size_t) s->room * sizeof *s->at)))
            fail("no memory for %ld numbers", s->room);
    }
    s->at[s->n++] = v;
}

static int by_value(const void *a, const void *b)
{
    const double u = *(const double *) a, v = *(const double *) b;
    return (u > v) - (u < v);
}

static double median(const Series *s)
{
    double *const copy = need((size_t) s->n + 1, sizeof *copy);
    memcpy(copy, s->at, (size_t) s->n * sizeof *copy);
    qsort(copy, (size_t) s->n, sizeof *copy, by_value);
    const double m = s->n ? (copy[s->n / 2] + copy[(s->n - 1) / 2]) / 2 : NAN;
    free(copy);
    return m;
}

/* Seconds since the process was started, to 0.01; NAN where /proc does not tell. */
static double process_age(void)
{
    char line[1024];
    unsigned long long ticks = 0;
    struct timespec t;
    FILE *const f = fopen("/proc/self/stat", "r");
    const char *rest = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    if (f)
        fclose(f);
    for (int k = 0; k < 20 && rest; k++)
        rest = strchr(rest + 1, ' ');
    if (!rest || sscanf(rest, "%llu", &ticks) != 1 || clock_gettime(CLOCK_BOOTTIME, &t) != 0)
        return NAN;
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec
        - (double) ticks / (double) sysconf(_SC_CLK_TCK);
}

/* Of this program since it was started: what the system's count of a process has
 * may be its parent's. */
static double peak_memory_mb(void)
{
    char line[256];
    double kb = NAN;
    FILE *const f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = atof(line + 6);
    if (f)
        fclose(f);
    return kb / 1024;
}

static int chosen_phase(void)
{
    for (int k = 0; k < ae_model.nphases; k++)
        if (!opt.phase || strcmp(ae_model.phases[k].name, opt.phase) == 0)
            return k;
    usage("the model has no phase %s", opt.phase ? opt.phase : "at all");
}

/* ---- steps without end ---------------------------------------------------------------------- */
static struct {
    Stage stage;
    Position at;
    Series loss;
} run;

static void begin(void)
{
    weights_start(true);
    run.stage = stage_make(chosen_phase(), data_split("train"));
    run.at.sum = need((size_t) run.stage.phase->gradient->nterms + 1, sizeof *run.at.sum);
    stage_clock(&run.stage, 0, 0, 0);
    if (run.stage.phase->start)
        run.stage.phase->start();
    stage_sweeps(&run.stage, 0);
}

static int one_step(void)
{
    Stage *const s = &run.stage;
    double loss;
    if (run.at.batch == 0) {
        stage_shuffle(s, (int) run.at.epoch);
        stage_clock(s, run.at.step, 0, (int) run.at.epoch);
        stage_sweeps(s, 1);
    }
    const int rows = stage_step(s, &run.at, &loss, run.at.sum);
    series_add(&run.loss, loss / rows);
    run.at.step++;
    if (++run.at.batch == s->batches) {
        run.at.batch = 0;
        run.at.epoch++;
    }
    return rows;
}

static double loss_last(void)       /* the mean of the last ten */
{
    double sum = 0;
    const long n = run.loss.n < 10 ? run.loss.n : 10;
    for (long k = run.loss.n - n; k < run.loss.n; k++)
        sum += run.loss.at[k];
    return sum / (double) n;
}

/* One window: `seconds` long, or as many steps as -n says. Returns the rows of a second. */
static double window(double seconds, Series *took)
{
    const double begun = now();
    double before = begun;
    long rows = 0;
    do {
        rows += one_step();
        const double after = now();
        series_add(took, after - before);
        before = after;
    } while (opt.n ? run.loss.n < opt.n : ranks_told(before - begun) < seconds);
    return (double) rows / (before - begun);
}

static void json_number(const char *key, double v)
{
    Text t = { 0 };
    text_number(&t, v);
    printf(", \"%s\": %s", key, t.at);
    free(t.at);
}

/* ---- where the time goes -------------------------------------------------------------------- */
typedef struct { const AeTimed *what; double share, ms, gflops; } Spent;

static int by_share(const void *a, const void *b)
{
    return by_value(&((const Spent *) b)->share, &((const Spent *) a)->share);
}

/* Each function of the model by its share of the threads' time, since `before`, which took
 * `ticks` and `seconds`. */
static void profile(const uint64_t *before, double ticks, double seconds, long steps)
{
    Spent *const list = need((size_t) ae_model.ntimed, sizeof *list);
    double rest = 1;
    int n = 0;
    for (int k = 0; k < ae_model.ntimed; k++) {
        const double spent = (double) (ae_model.spent[k] - before[k]);
        if (spent <= 0)
            continue;
        const double share = spent / ticks / opt.threads;
        const double own = spent / ticks * seconds / (double) steps;
        list[n++] = (Spent) { &ae_model.timed[k], share, 1e3 * own, 1e-9 * (double) ae_model.timed[k].flops / own };
        rest -= share;
    }
    qsort(list, (size_t) n, sizeof *list, by_share);
    printf("%s", opt.json ? ", \"profile\": [" : "\n share    ms a step  GFLOP/s\n");
    for (int k = 0; k < n; k++) {
        if (opt.json) {
            Text t = { 0 };
            text_json(&t, list[k].what->what);
            printf("%s{\"what\": %s, \"name\": \"%s\"", k ? ", " : "", t.at, list[k].what->name);
            json_number("share", list[k].share);
            json_number("ms", list[k].ms);
            json_number("gflops", list[k].gflops);
            printf("}");
            free(t.at);
            continue;
        }
        printf("%5.1f %%  %10.4f  ", 100 * list[k].share, list[k].ms);
        printf(list[k].what->flops ? "%7.1f" : "       ", list[k].gflops);
        printf("  %s\n", list[k].what->what);
    }
    if (opt.json)
        printf("]");
    else
        printf("%5.1f %%  waiting for each other, gathering rows, checks\n", 100 * rest);
    free(list);
}

/* ---- the command ---------------------------------------------------------------------------- */
void command_bench(void)
{
    enum { WARM = 3 };
    const int windows = opt.n ? 1 : opt.windows ? opt.windows : 5;
    double ticks = 0, seconds = 0;
    Series took = { 0 }, rates = { 0 }, peaks = { 0 };
    if (opt.profile && !ae_model.timed)
        fail("--profile needs a build that times its statements; aec makes and runs it:\n\n    aec run %s -- bench --profile\n",
             ae_model.file);
    begin();
    one_step();
    const double first = process_age();
    while (run.loss.n < WARM && !opt.n)
        one_step();
    uint64_t *const before = need((size_t) ae_model.ntimed + 1, sizeof *before);
    if (opt.profile)
        memcpy(before, ae_model.spent, (size_t) ae_model.ntimed * sizeof *before);
    for (int k = 0; k < windows && (!opt.n || run.loss.n < opt.n); k++) {
        series_add(&peaks, machine_peak(0.01));
        const uint64_t tick = ae_ticks();
        const double begun = now();
        series_add(&rates, window(opt.seconds / windows, &took));
        ticks += (double) (ae_ticks() - tick);
        seconds += now() - begun;
    }
    series_add(&peaks, machine_peak(0.01));
    const double rate = median(&rates), step = median(&took), peak = median(&peaks) * ranks();
    const double rss = peak_memory_mb();
    const double gflops = ae_model.flops ? (double) ae_model.flops * 1e-9 / step : NAN;
    const Stage *const s = &run.stage;
    const int cores = opt.threads * ranks();
    if (opt.json) {
        printf("{\"threads\": %d, \"steps\": %ld", opt.threads, run.loss.n);
        if (ranks() > 1)
            json_number("ranks", ranks());
        json_number("samples_per_s", rate);
        json_number("step_ms_median", 1e3 * step);
        json_number("gflops", gflops);
        json_number("machine_gflops", peak);
        json_number("share_of_peak", gflops / peak);
        json_number("first_step_s", first);
        json_number("peak_rss_mb", rss);
        json_number("loss_first", run.loss.at[0]);
        json_number("loss_last", loss_last());
        printf(", \"windows\": [");
        for (long k = 0; k < rates.n; k++)
            printf("%s%.1f", k ? ", " : "", rates.at[k]);
        printf("]");
        if (opt.profile)
            profile(before, ticks, seconds, took.n);
        printf("}\n");
        return;
    }
    printf("phase %s: %ld steps of %ld rows with %d thread%s%s, the first done after %.2f s\n",
           s->phase->name, run.loss.n, s->batch * s->parts, opt.threads,
           opt.threads == 1 ? "" : "s", ranks() > 1 ? form(" on each of %d ranks", ranks()) : "",
           first);
    if (took.n)
        printf("%.1f samples/s, %.4f ms a step\n", rate, 1e3 * step);
    if (took.n && ae_model.flops)
        printf("%.1f GFLOP/s in products, %.0f %% of the %.1f that %d core%s can do\n", gflops,
               100 * gflops / peak, peak, cores, cores == 1 ? "" : "s");
    printf("loss %.6g first, %.6g last; %.1f MB at most\n", run.loss.at[0], loss_last(), rss);
    if (opt.profile)
        profile(before, ticks, seconds, took.n);
}
