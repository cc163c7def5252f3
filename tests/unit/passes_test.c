/* passes_test.c -- the passes against the interpreter: values before and after split.c and simplify.c, adjoints
 * against central differences. All sizes differ, and what lies beyond a short batch or length is NaN.
 * Usage: passes_test [-v] [name of a case] */
#include "text.h"
#include "interp.h"
#include <math.h>
#include <stdlib.h>

typedef struct {
    const char *name, *text;
    int batch;                  /* examples present; negative: only a held program has difference quotients */
    const char *must;           /* a line that the printed program must have; NULL */
} Case;

static const Case cases[] = {
#include "passes_cases.h"
};

static bool verbose;
static int failures;

static void fail(const Case *c, const char *how, ...) __attribute__((format(printf, 2, 3)));
static void fail(const Case *c, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    fprintf(stderr, "%s: ", c->name);
    vfprintf(stderr, how, args);
    fputc('\n', stderr);
    va_end(args);
    failures++;
}

/* ---- data --------------------------------------------------------------------------------------------- */
static double noise(long k)
{
    uint64_t h = (uint64_t) (k + 1) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
    h = (h ^ h >> 27) * 0x94D049BB133111EBu;
    return (double) (h >> 11) / 9007199254740992.0 * 2 - 1;
}

/* Names give the numbers, so that two readings of one text get the same data. */
static void give(Machine *m, Text *t, const Case *c)
{
    *interp_at(m, t->batch) = abs(c->batch);
    for (int pass = 0; pass < 2; pass++)        /* lengths first */
        for (int k = 0; k < t->names.n; k++) {
            Tensor *x = t->names.at[k].tensor;
            if (x->role == ROLE_temp || (x->role == ROLE_length) != (pass == 0))
                continue;
            for (long j = 0; j < tensor_count(x); j++) {
                double v = noise(j * 37 + k * 1009);
                if (x->role == ROLE_length)
                    v = j == 0 ? 3 : j == 1 ? 0 : j == 2 ? 6 : 2;
                else if (x->elem == ELEM_int)
                    v = floor((v + 1) / 2 * x->of);
                if (!strcmp(x->name, "zero"))
                    v = 0;
                interp_at(m, x)[j] = x->role == ROLE_input && interp_beyond(m, x, j) ? NAN : v;
            }
        }
}

/* ---- comparing ------------------------------------------------------------------------------------------ */
static void compare(const Case *c, const char *pass, Machine *a, Text *ta, Machine *b, Text *tb)
{
    for (int k = 0; k < ta->names.n; k++) {
        Tensor *x = ta->names.at[k].tensor, *y = tb->names.at[k].tensor;
        bool had = false;
        for (int j = 0; j < b->store.n; j++)
            had = had || b->store.at[j].t == y;
        for (long j = 0; had && j < tensor_count(x); j++) {
            const double u = interp_at(a, x)[j], v = interp_at(b, y)[j];
            if (!interp_beyond(a, x, j) && !(u != u && v != v) && !interp_near(u, v, 1e-12)) {
                fail(c, "%s: %s[%ld] was %.15g, is %.15g", pass, x->name, j, u, v);
                break;
            }
        }
    }
}

static void show(const Case *c, const char *title, Text *t)
{
    if (!verbose)
        return;
    Buf b = { 0 };
    program_print(&b, t->program);
    printf("==== %s, %s\n%s\n", c->name, title, b.at);
}

/* ---- one case ------------------------------------------------------------------------------------------- */
static bool has_gradient(Text *t)
{
    for (int k = 0; k < t->program->body.n; k++)
        if (t->program->body.at[k]->kind == STMT_gradient)
            return true;
    return false;
}

/* The forward part alone, in the form of the text, or resolved where it has gradients of its own. */
static Text *forward(const Case *c)
{
    Text *t = text_read(c->text);
    if (has_gradient(t)) {
        t->program->trained.n = 0;
        split(t->module, t->program);
        search(t->module, t->program);
        differentiate(t->module, t->program);
    }
    return t;
}

static void check_grads(const Case *c, Text *t, Machine *m, const char *pass)
{
    Text *f = forward(c);
    Machine fm = { 0 };
    give(&fm, f, c);
    Text *names = text_read(c->text);
    for (int k = 0; k < t->program->trained.n; k++) {
        Tensor *w = text_tensor(f, names->program->trained.at[k]->name), *dw = t->program->grads.at[k];
        double *at = interp_at(&fm, w);
        bool any = false;
        for (long j = 0; j < tensor_count(w); j++) {
            const double slope = interp_slope(&fm, f->program, &at[j], 1e-5), got = interp_at(m, dw)[j];
            any = any || fabs(slope) > 1e-4;
            if (!interp_near(slope, got, 1e-6)) {
                fail(c, "%s: %s[%ld] is %.10g, the difference quotient %.10g", pass, dw->name, j, got, slope);
                break;
            }
        }
        if (!any)
            fail(c, "%s: the gradient of %s is 0 everywhere, which tests nothing", pass, w->name);
    }
}

/* A gradcheck build: the difference quotients of the program itself, with held what is constant to gradients. */
static void check_held(const Case *c)
{
    Text *t = text_read(c->text), *names = text_read(c->text);
    Machine m = { 0 };
    split(t->module, t->program);
    search(t->module, t->program);
    hold(t->module, t->program);
    verify(t->program, "hold");
    differentiate(t->module, t->program);
    simplify(t->module, t->program);
    verify(t->program, "simplify");
    show(c, "held", t);
    give(&m, t, c);
    interp_run(&m, &t->program->body);
    m.hold = true;
    for (int k = 0; k < t->program->trained.n; k++) {
        Tensor *w = text_tensor(t, names->program->trained.at[k]->name), *dw = t->program->grads.at[k];
        for (long j = 0; j < tensor_count(w); j++) {
            interp_run(&m, &t->program->body);
            const double got = interp_at(&m, dw)[j], slope = interp_slope(&m, t->program, &interp_at(&m, w)[j], 1e-5);
            if (!interp_near(slope, got, 1e-6)) {
                fail(c, "held: %s[%ld] is %.10g, the difference quotient %.10g", dw->name, j, got, slope);
                break;
            }
        }
    }
}

static void run_anew(Machine *m, Text *t)
{
    interp_forget(m, ROLE_temp);
    interp_run(m, &t->program->body);
}

/* What `g = gradient(s, x)` gave against difference quotients of s by x, where x is given and not computed. */
static void check_inner(const Case *c, Text *t, Machine *m)
{
    Text *names = text_read(c->text);
    for (int k = 0; k < names->program->body.n; k++) {
        Stmt *g = names->program->body.at[k];
        if (g->kind != STMT_gradient || g->wrt->role == ROLE_temp)
            continue;
        Tensor *s = text_tensor(t, g->source->name), *x = text_tensor(t, g->wrt->name), *d = text_tensor(t, g->target->name);
        const long ns = tensor_count(s), nx = tensor_count(x);
        double *got = alloc((size_t) (ns * nx) * sizeof *got), *up = alloc((size_t) ns * sizeof *up);
        memcpy(got, interp_at(m, d), (size_t) (ns * nx) * sizeof *got);
        for (long j = 0; j < nx; j++) {
            if (interp_beyond(m, x, j))
                continue;
            double *at = &interp_at(m, x)[j];
            const double keep = *at, h = 1e-5;
            *at = keep + h;
            run_anew(m, t);
            memcpy(up, interp_at(m, s), (size_t) ns * sizeof *up);
            *at = keep - h;
            run_anew(m, t);
            *at = keep;
            for (long i = 0; i < ns; i++)
                if (!interp_near((up[i] - interp_at(m, s)[i]) / (2 * h), got[i * nx + j], 1e-6)) {
                    fail(c, "%s[%ld, %ld] is %.10g, the difference quotient %.10g", d->name, i, j, got[i * nx + j],
                         (up[i] - interp_at(m, s)[i]) / (2 * h));
                    return;
                }
        }
    }
}

static void must_have(const Case *c, Text *t)
{
    Buf b = { 0 };
    program_print(&b, t->program);
    if (c->must && !strstr(b.at, c->must))
        fail(c, "no line `%s` in\n%s", c->must, b.at);
}

static void run_case(const Case *c)
{
    Text *plain = forward(c);
    Machine pm = { 0 };
    give(&pm, plain, c);
    interp_run(&pm, &plain->program->body);

    static const char *const stages[] = { "differentiate", "simplify", "factor" };
    const int wanted = strncmp(c->name, "factor", 6) == 0 ? 2 : 1;         /* where the line must have come out */
    for (int stage = 0; stage < COUNT(stages); stage++) {
        Text *t = text_read(c->text);
        show(c, "as written", t);
        split(t->module, t->program);
        search(t->module, t->program);
        verify(t->program, "search");
        show(c, "split", t);
        if (!has_gradient(t)) {
            Machine m = { 0 };
            give(&m, t, c);
            interp_run(&m, &t->program->body);
            compare(c, "split", &pm, plain, &m, t);
        }
        differentiate(t->module, t->program);
        verify(t->program, "differentiate");
        show(c, "differentiate", t);
        if (stage > 0) {
            for (int k = 0; k < t->names.n; k++)
                t->names.at[k].tensor->external = stage == 1 && k % 3 == 0;
            simplify(t->module, t->program);
            if (stage == 2)
                factor(t->module, t->program);
            verify(t->program, stages[stage]);
            show(c, stages[stage], t);
            if (stage == wanted)
                must_have(c, t);
        }
        Machine m = { 0 };
        give(&m, t, c);
        interp_run(&m, &t->program->body);
        compare(c, stages[stage], &pm, plain, &m, t);
        if (t->program->loss && t->program->trained.n && c->batch > 0)
            check_grads(c, t, &m, stages[stage]);
        if (stage == 0)
            check_inner(c, t, &m);
    }
    if (plain->program->loss)
        check_held(c);
}

/* ---- folding -------------------------------------------------------------------------------------------- */
static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "build: %s\n", what);
    failures++;
}

#define EXPECT(holds) expect(holds, #holds)

static void test_build(void)
{
    Module *m = NEW(Module);
    Tensor *t = tensor_new(m, intern("x"), ROLE_input, ELEM_real), *len = tensor_new(m, intern("len"), ROLE_length, ELEM_int);
    Index *n = index_new(intern("n"), 4, NULL), *i = index_new(intern("i"), 5, NULL);
    Expr *x = expr_scalar(t), *in = expr_index(n), *ii = expr_index(i), *sub[1] = { in };
    EXPECT(expr_is(expr_op(OP_idiv, expr_num(-7), expr_num(2), NULL), -4));
    EXPECT(expr_is(expr_op(OP_mod, expr_num(-7), expr_num(3), NULL), 2));
    EXPECT(expr_is(expr_op(OP_mod, expr_num(7), expr_num(-3), NULL), 1));
    EXPECT(!expr_op(OP_div, expr_num(6), expr_num(3), NULL)->whole);
    EXPECT(expr_op(OP_add, x, expr_num(0), NULL) == x);
    EXPECT(!expr_is(expr_op(OP_mul, x, expr_num(0), NULL), 0));             /* x may be NaN */
    EXPECT(expr_is(expr_op(OP_mul, in, expr_num(0), NULL), 0));
    EXPECT(expr_same(expr_op(OP_sub, expr_op(OP_add, in, expr_num(2), NULL), expr_num(3), NULL),
                     expr_op(OP_sub, in, expr_num(1), NULL)));
    EXPECT(expr_op(OP_not, expr_op(OP_lt, x, expr_num(1), NULL), NULL, NULL)->op == OP_not);     /* NaN again */
    EXPECT(expr_op(OP_select, expr_num(1), x, in) == x);
    EXPECT(!expr_op(OP_select, in, x, expr_num(0))->whole && expr_op(OP_select, x, in, expr_num(0))->whole);
    EXPECT(!expr_op(OP_sub, x, x, NULL)->whole && expr_op(OP_sub, x, x, NULL)->kind == EXPR_op);
    EXPECT(!expr_op(OP_mul, expr_num(100000), expr_num(100000), NULL)->whole ||
           expr_op(OP_mul, expr_num(100000), expr_num(100000), NULL)->kind == EXPR_op);
    EXPECT(expr_op(OP_neg, expr_op(OP_neg, x, NULL, NULL), NULL, NULL) == x);
    len->rank = 1;
    len->axis[0].size = 4;
    Expr *r = NEW(Expr);                                    /* sum(k < len[n]) k * n */
    r->kind = EXPR_reduce;
    r->nindex = 1;
    r->bound[0] = index_new(intern("k"), 6, expr_read(len, sub, 0, NULL));
    r->arg[0] = expr_op(OP_mul, expr_index(r->bound[0]), in, NULL);
    Expr *moved = expr_replace(r, &n, &ii, 1);
    EXPECT(expr_uses(r, n) && !expr_uses(moved, n) && expr_uses(moved, i));
    EXPECT(moved->bound[0] != r->bound[0] && expr_uses(moved->bound[0]->limit, i) && !expr_uses(moved->bound[0]->limit, n));
    EXPECT(!expr_uses(moved->arg[0], r->bound[0]));
    EXPECT(expr_same(r, expr_replace(moved, &i, &in, 1)) && !expr_same(r, moved));
    EXPECT(strcmp(fresh_cname(intern("a.do")), fresh_cname(intern("a.do"))) != 0);
    EXPECT(!strcmp(fresh_cname(intern("do")), "do2"));
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    for (int k = 1; k < argc; k++)
        if (!strcmp(argv[k], "-v"))
            verbose = true;
        else
            only = argv[k];
    int n = 0;
    test_build();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        if (!only || !strcmp(only, cases[k].name)) {
            const int before = failures;
            run_case(&cases[k]);
            n++;
            if (verbose || failures > before)
                fprintf(stderr, "%s %s\n", failures > before ? "FAIL" : "ok  ", cases[k].name);
        }
    if (diag_errors())
        failures++;
    fprintf(stderr, "%d cases, %d failures\n", n, failures);
    return failures || !n;
}
