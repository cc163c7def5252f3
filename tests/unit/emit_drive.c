/* emit_drive.c -- main() for an emitted model in tests: reads values for its arrays, runs a program, prints results.
 *
 * Standard input: `set NAME v v v ...`, `clock BATCH STEP`, `run PROGRAM`, `update`; every array printed as `NAME v v v`. */
#include "../../runtime/ae.h"


void ae_rank(int32_t *place, const ae_real *value, int n)
{
    for (int k = 0; k < n; k++) {
        place[k] = 0;
        for (int j = 0; j < n; j++)
            place[k] += value[j] > value[k] || (value[j] == value[k] && j < k);
    }
}

static void fill(const AeArray *a)
{
    long n = 1;
    for (int k = 0; k < a->rank; k++)
        n *= a->shape[k];
    for (long k = 0; k < n; k++) {
        double v;
        if (scanf("%lf", &v) != 1)
            exit(3);
        if (a->elem == AE_INT)
            ((int32_t *) a->at)[k] = (int32_t) v;
        else
            ((ae_real *) a->at)[k] = (ae_real) v;
    }
}

static void show(const AeArray *a)
{
    long n = 1;
    for (int k = 0; k < a->rank; k++)
        n *= a->shape[k];
    printf("%s", a->name);
    for (long k = 0; k < n; k++)
        printf(" %.17g", a->elem == AE_INT ? ((int32_t *) a->at)[k] : (double) ((ae_real *) a->at)[k]);
    printf("\n");
}

static void set(const char *name)
{
    for (int k = 0; k < ae_model.ninputs; k++) {
        const AeInput *in = &ae_model.inputs[k];
        if (!strcmp(in->array.name, name)) {
            fill(&in->array);
            return;
        }
        if (in->length && !strcmp(name, "len")) {
            fill(&(AeArray) { .at = in->length, .elem = AE_INT, .rank = 1, .shape = { ae_model.batch } });
            return;
        }
    }
    for (int k = 0; k < ae_model.nparam; k++)
        if (!strcmp(ae_model.param[k].name, name))
            fill(&ae_model.param[k]);
    for (int k = 0; k < ae_model.nstate; k++)
        if (!strcmp(ae_model.state[k].name, name))
            fill(&ae_model.state[k]);
}

int main(void)
{
    char word[100], name[100];
    while (scanf("%99s", word) == 1) {
        if (!strcmp(word, "clock")) {
            if (scanf("%d %d", &ae_clock.batch, &ae_clock.step) != 2)
                return 3;
        } else if (scanf("%99s", name) != 1)
            return 3;
        if (!strcmp(word, "set"))
            set(name);
        if (!strcmp(word, "run"))
            for (int k = 0; k < ae_model.nprograms; k++)
                if (!strcmp(ae_model.programs[k].name, name)) {
                    ae_model.programs[k].run();
                    for (int j = 0; j < ae_model.programs[k].noutputs; j++)
                        show(&ae_model.programs[k].outputs[j]);
                }
    }
    for (int k = 0; k < ae_model.nparam; k++) {
        AeArray g = ae_model.grad[k];
        char text[200];
        snprintf(text, sizeof text, "d%s", g.name);
        g.name = text;
        show(&g);
    }
    for (int k = 0; k < ae_model.nstate; k++)
        show(&ae_model.state[k]);
    return 0;
}
