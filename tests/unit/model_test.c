/* model_test.c -- a whole model through the interpreter: the terms of its losses before and after the passes, and
 * the gradient of a gradcheck build against difference quotients at a few places of every parameter.
 * Usage: model_test FILE.ae [examples present], built with all of the compiler but main.c */
#include "../../compiler/driver.h"
#include "interp.h"
#include <math.h>
#include <stdlib.h>

static int batch = 3, failures;

/* ---- data: the same numbers for the same name ------------------------------------------------------------ */
static double noise(Str name, long k)
{
    uint64_t h = 1469598103934665603u;
    for (const char *c = name; *c; c++)
        h = (h ^ (unsigned char) *c) * 1099511628211u;
    h += (uint64_t) k * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 31) * 0x94D049BB133111EBu;
    h ^= h >> 29;
    return (double) (h >> 11) / 9007199254740992.0;
}

static void mention(TensorList *list, Tensor *t)
{
    for (int k = 0; k < list->n; k++)
        if (list->at[k] == t)
            return;
    PUSH(*list, t);
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].length)
            mention(list, t->axis[k].length);
}

static void see_stmt(TensorList *list, Stmt *s)
{
    const TensorList named = stmt_tensors(s);
    EACH(t, named)
        mention(list, t);
}

static double given(const Tensor *t, long k)
{
    const double u = noise(t->name, k);
    if (t->role == ROLE_clock)
        return strstr(t->cname, "batch") ? batch : 1;
    if (t->role == ROLE_length)
        return 1 + floor(u * 4);
    if (t->elem == ELEM_int)
        return floor(u * (t->of ? t->of : 2));
    return t->role == ROLE_input ? u : t->role == ROLE_state ? 0.2 + u : (u - 0.5) * 0.8;
}

static void give(Machine *m, Program *p)
{
    TensorList all = { 0 };
    EACH_STMT(s, &p->body)
        see_stmt(&all, s);
    for (int pass = 0; pass < 2; pass++)        /* lengths first */
        for (int k = 0; k < all.n; k++) {
            Tensor *t = all.at[k];
            const bool first = t->role == ROLE_clock || t->role == ROLE_length;
            if (t->role == ROLE_temp || t->role == ROLE_grad || first != (pass == 0))
                continue;
            for (long j = 0; j < tensor_count(t); j++)
                interp_at(m, t)[j] = t->role == ROLE_input && interp_beyond(m, t, j) ? NAN : given(t, j);
        }
}

/* ---- checks ---------------------------------------------------------------------------------------------- */
static void check_values(Program *before, Program *after)
{
    for (int k = 0; k < before->body.n; k++)
        if (before->body.at[k]->kind == STMT_gradient)
            return;
    Machine m = { 0 }, n = { 0 };
    give(&m, before);
    give(&n, after);
    interp_run(&m, &before->body);
    interp_run(&n, &after->body);
    for (int k = 0; k < before->terms.n; k++) {
        const double u = *interp_at(&m, before->terms.at[k].value), v = *interp_at(&n, after->terms.at[k].value);
        if (interp_near(u, v, 1e-10))
            continue;
        printf("%s, %s: %.12g became %.12g\n", before->name, before->terms.at[k].name, u, v);
        failures++;
    }
}

static void check_gradient(Program *p)
{
    Machine m = { 0 };
    give(&m, p);
    interp_run(&m, &p->body);
    m.hold = true;
    int kinks = 0, places = 0;
    for (int k = 0; k < p->trained.n; k++)
        for (int r = 0; r < 3; r++, places++) {
            Tensor *w = p->trained.at[k];
            const long j = (long) (noise(w->name, 1000003 + r) * (double) tensor_count(w));
            double *at = &interp_at(&m, w)[j], slope[2], h = 1e-5;
            interp_run(&m, &p->body);
            const double got = interp_at(&m, p->grads.at[k])[j];
            for (int i = 0; i < 2; i++, h /= 8)
                slope[i] = interp_slope(&m, p, at, h);
            if (interp_near(slope[0], got, 3e-6) || interp_near(slope[1], got, 3e-6))
                continue;
            if (!interp_near(slope[0], slope[1], 1e-4)) {      /* max, abs and the like within the step */
                kinks++;
                continue;
            }
            printf("%s, %s[%ld]: %.9g, the difference quotient %.9g\n", p->name, w->name, j, got, slope[1]);
            failures++;
        }
    printf("%s: %d places, %d kinks\n", p->name, places, kinks);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (argc > 2)
        batch = atoi(argv[2]);
    SettingList none = { 0 };
    const Source *source = source_read(argv[1]);
    Module *before = source ? compile(source, &none, intern("elaborate"), (EmitOptions) { 0 }) : NULL;
    Module *after = before ? compile(source, &none, intern("simplify"), (EmitOptions) { 0 }) : NULL;
    Module *held = after ? compile(source, &none, intern("simplify"), (EmitOptions) { .check = true }) : NULL;
    diag_flush(stderr, false);
    if (!held)
        return 2;
    for (int k = 0; k < before->phases.n; k++) {
        check_values(before->phases.at[k]->gradient, after->phases.at[k]->gradient);
        if (before->phases.at[k]->evaluate)
            check_values(before->phases.at[k]->evaluate, after->phases.at[k]->evaluate);
        check_gradient(held->phases.at[k]->gradient);
    }
    return failures != 0;
}
