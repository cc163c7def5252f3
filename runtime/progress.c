/* progress.c -- what a training shows: a table with a line for each epoch on standard output.
 *
 * A column for the loss and one for each of its terms, its unit in the second line of
 * the head. On a terminal a live line below the table says where it is; nothing of it
 * reaches a file or a pipe. */
#define _GNU_SOURCE
#include "runtime.h"
#include <time.h>
#include <unistd.h>

static struct {
    const AePhase *phase;
    int epochs, *width;
    bool live, colour, validation, shown;
    double begun, drawn, rows, of_epoch;
    long seen;
} p;

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static const AeProgram *shown(void) { return p.phase->gradient; }

static void cell(int width, const char *text) { printf("  %*s", width, text); }

static void number(int width, double v)
{
    char *const s = form("%.6g", v);
    cell(width, s);
    free(s);
}

static void head(void)
{
    const AeProgram *const g = shown();
    const char *const bold = p.colour ? "\033[1m" : "", *const plain = p.colour ? "\033[0m" : "";
    p.width = need((size_t) g->nterms + 1, sizeof *p.width);
    printf("%s%-9s  %10s", bold, "epoch", "loss");
    for (int k = 0; k < g->nterms; k++) {
        const char *const unit = g->terms[k].unit ? g->terms[k].unit : "";
        p.width[k] = ae_imax(10, ae_imax((int) strlen(g->terms[k].name), (int) strlen(unit)));
        cell(p.width[k], g->terms[k].name);
    }
    if (p.validation)
        cell(10, "validation");
    printf("  %8s%s\n%-9s  %10s", "seconds", plain, "", "");
    for (int k = 0; k < g->nterms; k++)
        cell(p.width[k], g->terms[k].unit ? g->terms[k].unit : "");
    if (p.validation)
        cell(10, "loss");
    printf("\n");
}

void progress_begin(const AePhase *phase, const Split *train, int epochs, bool validation)
{
    const char *const term = getenv("TERM");
    const bool terminal = isatty(1) && !(term && strcmp(term, "dumb") == 0);
    free(p.width);
    memset(&p, 0, sizeof p);
    p.phase = phase;
    p.epochs = epochs;
    p.validation = validation;
    p.live = terminal && !opt.quiet && !opt.log_json;
    p.colour = p.live && !getenv("NO_COLOR");
    p.rows = (double) train->rows;
    p.begun = p.drawn = now();
    if (opt.quiet || opt.log_json)
        return;
    char *const batch = phase->batch ? form("%d", phase->batch) : form("all");
    printf("phase %s: %ld rows, batch %s, %d epoch%s, %ld parameters\n", phase->name, train->rows,
           batch, epochs, epochs == 1 ? "" : "s", ae_model.nparams);
    free(batch);
    head();
    fflush(stdout);
}

void progress_clear(void)
{
    if (p.shown)
        printf("\r\033[K");
    p.shown = false;
    if (p.live)
        fflush(stdout);
}

static char *duration(double s)
{
    if (s < 90)
        return form("%.0f s", s);
    if (s < 5400)
        return form("%.0f min", s / 60);
    return form("%.1f h", s / 3600);
}

void progress_step(int epoch, long batch, long batches, double loss)
{
    p.seen++;
    if (!p.live)
        return;
    const double t = now();
    if (t - p.drawn < 0.1)
        return;
    const double steps = (double) p.epochs * (double) batches;
    const double rate = (double) p.seen / (t - p.begun);
    char *const left = duration((steps - ((double) epoch * (double) batches + (double) batch))
                                / rate);
    printf("\r\033[K%d/%d  batch %ld/%ld  loss %.6g  %.0f rows/s  %s left", epoch + 1, p.epochs,
           batch, batches, loss, rate * p.rows / (double) batches, left);
    fflush(stdout);
    free(left);
    p.shown = true;
    p.drawn = t;
}

void progress_epoch(int epoch, const double *mean, double loss, double validation, double seconds)
{
    const AeProgram *const g = shown();
    if (opt.quiet || opt.log_json)
        return;
    progress_clear();
    char *const which = form("%d/%d", epoch, p.epochs);
    printf("%-9s", which);
    free(which);
    number(10, loss);
    for (int k = 0; k < g->nterms; k++)
        number(p.width[k], mean[k]);
    if (p.validation)
        number(10, validation);
    printf("  %8.2f\n", seconds);
    fflush(stdout);
}
