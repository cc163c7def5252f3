/* infer.c -- calls a program of a model from C, as an engineer would, and says how long a call takes.
 *
 *   aec emit mlp_ae.ae -o DIR && make -C DIR libmlp_ae.a
 *   cc -O2 -I DIR infer.c DIR/libmlp_ae.a -fopenmp -lm -o infer && echo 1 | ./infer encode 1
 *
 * Answers a number of seconds by a line of JSON, as the peers do (measure.py): the median time of a call. */
#define _GNU_SOURCE
#include "ae.h"
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static const AeProgram *program(const char *name)
{
    for (int k = 0; k < ae_model.nprograms; k++)
        if (strcmp(ae_model.programs[k].name, name) == 0)
            return &ae_model.programs[k];
    fprintf(stderr, "the model has no program %s\n", name);
    exit(2);
}

static int by_value(const void *a, const void *b)
{
    const double u = *(const double *) a, v = *(const double *) b;
    return (u > v) - (u < v);
}

static double median_call(const AeProgram *p, double seconds)
{
    enum { MOST = 1 << 20 };
    static double took[MOST];
    const double begun = now();
    int n = 0;
    for (double before = begun, after; n < MOST && before - begun < seconds; before = after) {
        p->run();
        after = now();
        took[n++] = after - before;
    }
    qsort(took, (size_t) n, sizeof *took, by_value);
    return took[n / 2];
}

int main(int argc, char **argv)
{
    const double begun = now();
    const AeProgram *const p = program(argc > 1 ? argv[1] : "encode");
    const int batch = argc > 2 ? atoi(argv[2]) : 1;
    if (batch < 1 || batch > ae_model.batch) {
        fprintf(stderr, "the model takes 1 to %d examples\n", ae_model.batch);
        return 2;
    }
    ae_clock.batch = ae_model.batch;
    program("init")->run();                     /* a file of weights would be read here */
    ae_clock.batch = batch;
    const AeArray *const x = &ae_model.inputs[p->inputs[0]].array;
    long count = batch;
    for (int k = 1; k < x->rank; k++)
        count *= x->shape[k];
    for (long k = 0; k < count; k++)
        ((float *) x->at)[k] = (float) (k % 97) / 97;
    p->run();
    printf("{\"first_step_s\": %.4f}\n", now() - begun);
    fflush(stdout);
    median_call(p, 0.2);
    for (double seconds; scanf("%lf", &seconds) == 1; fflush(stdout)) {
        const double call = median_call(p, seconds);
        printf("{\"samples_per_s\": %.1f, \"step_ms\": %.6f}\n", batch / call, 1e3 * call);
    }
    char line[256];
    double kb = 0;
    FILE *const f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmHWM: %lf", &kb);
    printf("{\"peak_rss_mb\": %.1f}\n", kb / 1024);
    return 0;
}
