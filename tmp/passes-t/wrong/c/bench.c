/* bench.c -- how fast a phase trains: whole steps, with the draw of each epoch's order and the gather of each batch. */
#define _GNU_SOURCE
#include "runtime.h"
#include <sys/resource.h>

static int by_value(const void *a, const void *b)
{
    const double u = *(const double *) a, v = *(const double *) b;
    return (u > v) - (u < v);
}

static int chosen_phase(void)
{
    for (int k = 0; k < ae_model.nphases; k++)
        if (!opt.phase || strcmp(ae_model.phases[k].name, opt.phase) == 0)
            return k;
    usage("the model has no phase %s", opt.phase ? opt.phase : "at all");
}

void command_bench(void)
{
    enum { WARM = 3 };
    weights_start(true);
    Stage s = stage_make(chosen_phase(), data_split("train"));
    Position at = { .sum = need((size_t) s.phase->gradient->nterms + 1, sizeof(double)) };
    double *took = NULL, loss = 0, loss_first = 0, begun = 0, end = 0;
    long steps = 0, room = 0, rows = 0;
    stage_clock(&s, 0, 0, 0);
    if (s.phase->start)
        s.phase->start();
    stage_sweeps(&s, 0);
    for (long k = 0; k <= WARM || end - begun < opt.seconds; k++) {
        const double before = now();
        if (k == WARM)
            begun = before;
        if (at.batch == 0) {
            stage_shuffle(&s, (int) at.epoch);
            stage_clock(&s, at.step, 0, (int) at.epoch);
            stage_sweeps(&s, 1);
        }
        const int n = stage_step(&s, &at, &loss, at.sum);
        loss /= n;
        end = now();
        loss_first = k == 0 ? loss : loss_first;
        at.step++;
        if (++at.batch == s.batches) {
            at.batch = 0;
            at.epoch++;
        }
        if (k < WARM)
            continue;
        if (steps == room) {
            room = 2 * room + 4096;
            if (!(took = realloc(took, (size_t) room * sizeof *took)))
                fail("no memory for %ld times", room);
        }
        took[steps++] = end - before;
        rows += n;
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    qsort(took, (size_t) steps, sizeof *took, by_value);
    const double median = took[steps / 2], rate = (double) rows / (end - begun);
    const double gflops = (double) ae_model.flops * 1e-9 / median, rss = (double) used.ru_maxrss / 1024;
    if (opt.json) {
        printf("{\"samples_per_s\": %.1f, \"step_ms_median\": %.6f, \"gflops\": ", rate, 1e3 * median);
        if (ae_model.flops)
            printf("%.3f", gflops);
        else
            printf("null");
        printf(", \"peak_rss_mb\": %.1f, \"threads\": %d, \"loss_first\": %.9g, \"loss_last\": %.9g}\n", rss, opt.threads,
               loss_first, loss);
    } else {
        printf("phase %s: %ld steps of %ld rows with %d thread%s\n", s.phase->name, steps, s.batch * s.parts, opt.threads,
               opt.threads == 1 ? "" : "s");
        printf("%.1f samples/s, %.4f ms a step (median)", rate, 1e3 * median);
        if (ae_model.flops)
            printf(", %.2f GFLOP/s", gflops);
        printf("\nloss %.6g first, %.6g last; %.1f MB at most\n", loss_first, loss, rss);
    }
    free(took);
    free(at.sum);
}
