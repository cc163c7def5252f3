/* train.c -- the training loop: phases in order, epochs, validation, checkpoints,
 * signals, the run's files.
 *
 * The run's folder receives metrics.jsonl (a line an epoch, and one at the end of each phase),
 * checkpoint.safetensors, model.safetensors and report.html. A run that was stopped and resumed
 * leaves the same bits as one that was not. Of several ranks all train, and the first
 * evaluates, writes and speaks. */
#define _GNU_SOURCE
#include "runtime.h"
#include "checkpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

static const double TOO_FAR = 2;        /* test error over training error that is worth a word */
static const double COPIED = 1e-3;      /* of the variance lost: less, and all is there */

static struct {
    const char *folder;
    char *checkpoint, *weights, *metrics_path;
    FILE *metrics;
    Position at;
    Best best;
    double saved, cost;     /* when the last checkpoint was written, and how long that took */
    double begun;           /* of the epoch */
} run;

/* ---- signals: finish the step, then stop ---------------------------------------------------- */
static volatile sig_atomic_t stopped;

static void on_signal(int which)
{
    if (stopped && which == SIGINT)
        _exit(128 + which);
    stopped = which;
}

static void catch_signals(void)
{
    struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

/* ---- metrics.jsonl -------------------------------------------------------------------------- */
static void open_metrics(bool resume)
{
    run.metrics = fopen(run.metrics_path, resume ? "ab" : "wb");
    if (!run.metrics)
        fail("%s: %s", run.metrics_path, strerror(errno));
    if (resume && ftello(run.metrics) > run.at.metrics
        && ftruncate(fileno(run.metrics), run.at.metrics) != 0)
        fail("%s: %s", run.metrics_path, strerror(errno));
}

static void log_line(const AePhase *p, int64_t epoch, const Metrics *m, double seconds)
{
    Text t = { 0 };
    text_add(&t, "{\"phase\":");
    text_json(&t, p->name);
    text_add(&t, ",\"epoch\":%lld,\"step\":%lld", (long long) epoch, (long long) run.at.step);
    for (int k = 0; k < m->n; k++) {
        text_add(&t, ",");
        text_json(&t, m->at[k].name);
        text_add(&t, ":");
        metric_json(&t, &m->at[k]);
    }
    text_add(&t, ",\"seconds\":%.3f}\n", seconds);
    fwrite(t.at, 1, t.n, run.metrics);
    out_flush(run.metrics, run.metrics_path);
    run.at.metrics += (int64_t) t.n;
    if (opt.log_json) {
        fputs(t.at, stdout);
        fflush(stdout);
    }
    free(t.at);
}

static void drop_metrics(Metrics *m)
{
    for (int k = 0; k < m->n; k++) {
        free(m->at[k].name);
        free(m->at[k].each);
    }
    free(m->at);
}

/* ---- checkpoints ---------------------------------------------------------------------------- */
static void save(void)
{
    const double t = now();
    checkpoint_write(run.checkpoint, &run.at, &run.best);
    run.saved = now();
    run.cost = run.saved - t;
}

/* After an epoch, unless that would take more than a fiftieth of the time. */
static void save_sometimes(void)
{
    if (ranks_told(now() - run.saved > fmax(1, 50 * run.cost)) > 0)
        save();
}

static void save_weights(void)
{
    if (ranks_first())
        weights_save(run.weights);
}

/* A signal to one rank stops all. One that comes meanwhile is not overwritten. */
static bool is_stopped(void)
{
    const int any = ranks_most(stopped);
    if (any)
        stopped = any;
    return any;
}

static _Noreturn void stop(const AePhase *p)
{
    const double t = now();
    run.at.seconds += t - run.begun;
    save();
    save_weights();
    progress_clear();
    note("stopped by signal %d in phase %s, epoch %lld, after step %lld; the same command with --resume goes on", (int) stopped,
         p->name, (long long) run.at.epoch + 1, (long long) run.at.step);
    fflush(stdout);
    ranks_end();
    _exit(128 + stopped);
}

/* ---- one epoch ------------------------------------------------------------------------------ */
static double validate(const Stage *s, Metrics *m)
{
    const Split *const v = data_split("validation");
    const AeProgram *const p = s->phase->evaluate;
    if (!v || !p)
        return NAN;
    double *const mean = need((size_t) p->nterms + 1, sizeof *mean);
    const double loss = evaluate_terms(p, v, v->rows, mean);
    metrics_add(m, "", loss, "validation/loss");
    for (int k = 0; k < p->nterms; k++)
        metrics_add(m, p->terms[k].unit, mean[k], "validation/%s", p->terms[k].name);
    free(mean);
    if (p == bound_program())
        units_add("validation", m);
    return loss;
}

static void end_epoch(const Stage *s)
{
    const AeProgram *const g = s->phase->gradient;
    Metrics m = { 0 };
    double *const mean = need((size_t) g->nterms + 1, sizeof *mean);
    const double loss = run.at.loss / (double) run.at.rows;
    metrics_add(&m, "", loss, "train/loss");
    for (int k = 0; k < g->nterms; k++) {
        mean[k] = run.at.sum[k] / (double) run.at.rows;
        metrics_add(&m, g->terms[k].unit, mean[k], "train/%s", g->terms[k].name);
    }
    stage_clock(s, run.at.step, 0, (int) run.at.epoch + 1);
    const double validation = ranks_told(ranks_first() ? validate(s, &m) : NAN), t = now();
    const double seconds = run.at.seconds + (t - run.begun);
    run.begun = t;
    run.at.seconds = 0;
    run.at.epoch++;
    run.at.batch = run.at.rows = 0;
    run.at.loss = 0;
    memset(run.at.sum, 0, (size_t) g->nterms * sizeof *run.at.sum);
    if (s->phase->early_stop) {
        run.at.idle++;
        if (!run.best.params || validation < run.at.best) {
            run.at.best = validation;
            run.at.idle = 0;
            best_keep(&run.best);
        }
    }
    if (ranks_first())
        log_line(s->phase, run.at.epoch, &m, seconds);
    progress_epoch((int) run.at.epoch, mean, loss, validation, seconds);
    drop_metrics(&m);
    free(mean);
}

static void run_epoch(Stage *s)
{
    stage_shuffle(s, (int) run.at.epoch);
    if (run.at.batch == 0) {    /* else resumed within it: what a sweep left is in the states */
        stage_clock(s, run.at.step, 0, (int) run.at.epoch);
        stage_sweeps(s, 1);
    }
    while (run.at.batch < s->batches) {
        double loss = 0;
        const int rows = stage_step(s, &run.at, &loss, run.at.sum);
        run.at.step++;
        run.at.batch++;
        run.at.rows += rows;
        run.at.loss += loss;
        progress_step((int) run.at.epoch, run.at.batch, s->batches, loss / rows);
        if (is_stopped())
            stop(s->phase);
    }
    end_epoch(s);
    if (is_stopped())
        stop(s->phase);
    save_sometimes();
}

/* ---- one phase ------------------------------------------------------------------------------ */
static void run_phase(int index)
{
    const Split *const train = data_split("train");
    Stage s = stage_make(index, train);
    const bool validation = data_split("validation") && s.phase->evaluate;
    if (s.phase->early_stop && !validation)
        fail("phase %s: early_stop needs rows to validate with: validation = 0.1 in data",
             s.phase->name);
    if (run.at.epoch == 0 && run.at.batch == 0) {
        stage_clock(&s, 0, 0, 0);
        if (s.phase->start)
            s.phase->start();
        stage_sweeps(&s, 0);
    }
    progress_begin(s.phase, train, s.epochs, validation);
    run.begun = now();
    while (run.at.epoch < s.epochs && !(s.phase->early_stop && run.at.idle >= s.phase->early_stop))
        run_epoch(&s);
    if (s.phase->early_stop)
        best_restore(&run.best);
    best_drop(&run.best);
    stage_clock(&s, run.at.step, 0, (int) run.at.epoch);
    free(s.order);
    free((long *) s.fixed);
    free(s.labelled);
    free(s.gathered);
    free(s.sum);
}

static void next_phase(void)
{
    run.at = (Position) { .phase = run.at.phase + 1, .metrics = run.at.metrics, .sum = run.at.sum };
}

static int phase_named(const char *name)
{
    const char *names[64];
    int n = 0;
    for (; n < ae_model.nphases && n < 64; n++)
        if (strcmp((names[n] = ae_model.phases[n].name), name) == 0)
            return n;
    const int like = nearest(name, names, n);
    usage("the model has no phase %s%s%s%s", name, like >= 0 ? "; did you mean " : "",
          like >= 0 ? names[like] : "", like >= 0 ? "?" : "");
}

/* A line for each number of the test rows, and beside it that of training rows. */
static void print_beside(const Metrics *m, const char *split)
{
    const bool both = metrics_find(m, form("%s/loss", split)) && metrics_find(m, "train/loss")
        && strcmp(split, "train") != 0;
    const size_t behind = strlen(split);
    if (both)
        printf("%28s  %12s  %12s\n", "", split, "train");
    for (int k = 0; k < m->n; k++) {
        const Metric *const a = &m->at[k];
        if (strncmp(a->name, split, behind) != 0 || a->name[behind] != '/')
            continue;
        const Metric *const b = both ? metrics_find(m, form("train%s", a->name + behind)) : NULL;
        printf("%-28s  %12.6g  ", a->name, a->value);
        if (b)
            printf("%12.6g  ", b->value);
        else if (both)
            printf("%14s", "");
        printf("%s\n", a->unit);
    }
}

/* Whether next to nothing of the test rows is lost: where all is copied, a ratio of
 * errors tells of rounding. */
static bool copies_all(void)
{
    const Split *const s = data_split("test");
    long count;
    const double square = s ? squared_error(s, &count) : NAN;
    return isfinite(square) && square < COPIED * spread_of(s, input_find(false, 0));
}

/* Rows kept from training that come out much worse than training rows: the model
 * knows those by heart. */
static void flag_gap(const Metrics *m)
{
    const Metric *const test = metrics_find(m, "test/reconstruct");
    const Metric *const train = metrics_find(m, "train/reconstruct");
    if (test && train && test->value > TOO_FAR * train->value && test->value > 0 && !copies_all())
        note("test rows are reconstructed %.1f times worse than training rows, which the model has by heart; "
             "train it on more rows, make it smaller, corrupt or regularize it, or stop early", test->value / train->value);
}

/* What a phase has come to: every term and metric of the test rows, beside it the terms of about
 * as many training rows, in the log, on the screen and in the report. */
static void conclude(bool last)
{
    Metrics m = { 0 };
    const Split *const test = data_split("test");
    const char *const split = test ? "test" : "train";
    evaluate_after((int) run.at.phase);
    evaluate_split(split, true, &m);
    if (test)
        evaluate_training(test->rows > 1000 ? test->rows : 1000, &m);
    log_line(&ae_model.phases[run.at.phase], run.at.epoch, &m, 0);
    if (!opt.quiet && !opt.log_json) {
        printf("\n");
        print_beside(&m, split);
        printf(last ? "" : "\n");
    }
    fflush(stdout);
    if (last) {
        flag_gap(&m);
        units_alarm(split, &m);
        report_write(run.folder, &m);
    }
    drop_metrics(&m);
}

/* One trainer at a time writes to a folder; it is free again when the process ends. */
static void hold_folder(const char *path)
{
    const int folder = open(path, O_RDONLY | O_CLOEXEC);
    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        fail("%s: another trainer is at work there; --out DIR names another folder", path);
}

void command_train(void)
{
    int terms = 1;
    if (!ae_model.nphases)
        fail("%s has no train block", ae_model.file);
    metrics_check();
    for (int k = 0; k < ae_model.nphases; k++)
        terms = ae_imax(terms, ae_model.phases[k].gradient->nterms);
    run.at.sum = need((size_t) terms, sizeof *run.at.sum);
    run.folder = opt.out ? opt.out : form("runs/%s", ae_model.name);
    run.checkpoint = path_join(run.folder, "checkpoint.safetensors");
    run.weights = path_join(run.folder, "model.safetensors");
    run.metrics_path = path_join(run.folder, "metrics.jsonl");
    const int only = opt.phase ? phase_named(opt.phase) : -1;
    weights_start(true);
    run.at.phase = only >= 0 ? only : 0;
    if (opt.resume)
        checkpoint_read(run.checkpoint, &run.at, &run.best);
    if (only >= 0 && run.at.phase != only)
        fail("%s: is of the phase %s, and another cannot go on from it; --weights %s starts %s from its weights",
             run.checkpoint, ae_model.phases[run.at.phase].name, run.folder, opt.phase);
    data_split("train");
    if (ranks_first()) {
        folder_make(run.folder);
        hold_folder(run.folder);
        open_metrics(opt.resume);
    }
    catch_signals();
    run.saved = now();
    for (; run.at.phase < ae_model.nphases && (only < 0 || run.at.phase == only); ) {
        run_phase((int) run.at.phase);
        if (run.at.phase == ae_model.nphases - 1 || only >= 0)
            break;
        if (ranks_first())
            conclude(false);
        next_phase();
        save();
    }
    save();
    if (!ranks_first())
        return;
    weights_save(run.weights);
    conclude(true);
    if (fclose(run.metrics) != 0)
        fail("%s: %s", run.metrics_path, strerror(errno));
    if (!opt.quiet && !opt.log_json)
        printf("\nkept in %s: model.safetensors, metrics.jsonl, report.html\n", run.folder);
}
