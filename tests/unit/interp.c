/* interp.c -- evaluates statements point by point. The value of an index is kept in its mark. */
#include "interp.h"
#include <math.h>

enum { FAR = -(1 << 30) - 1 };

static double eval(Machine *m, Expr *e);

/* ---- storage -------------------------------------------------------------------------------------- */
double *interp_at(Machine *m, Tensor *t)
{
    for (int k = 0; k < m->store.n; k++)
        if (m->store.at[k].t == t)
            return m->store.at[k].at;
    Store s = { t, alloc((size_t) tensor_count(t) * sizeof(double)) };
    for (long k = 0; k < tensor_count(t); k++)
        s.at[k] = NAN;
    PUSH(m->store, s);
    return s.at;
}

void interp_forget(Machine *m, Role role)
{
    for (int k = 0; k < m->store.n; k++)
        if (m->store.at[k].t->role == role)
            for (long j = 0; j < tensor_count(m->store.at[k].t); j++)
                m->store.at[k].at[j] = NAN;
}

/* How far axis k goes, given the subscripts of the same place. */
static long reach(Machine *m, Tensor *t, int k, const long *at)
{
    Tensor *length = t->axis[k].length;
    if (!length)
        return t->axis[k].size;
    if (length->rank == 0)
        return (long) *interp_at(m, length);
    for (int j = 0; j < t->rank; j++)
        if (t->axis[j].example) {
            if (at[j] < 0 || at[j] >= length->axis[0].size)
                return 0;
            return (long) interp_at(m, length)[at[j]];
        }
    return t->axis[k].size;
}

static long whole(Machine *m, Expr *e, const Tensor *t)
{
    if (e->kind == EXPR_index)
        return e->index->mark;
    const double v = eval(m, e);
    if (v != v || v != floor(v))
        bug("interp: a subscript of %s is %g", t->name, v);
    return fabs(v) > 1073741824.0 ? FAR : (long) v;
}

/* The number of an element, or -1 outside, which must then be checked. */
static long place(Machine *m, Tensor *t, Expr *const *sub, unsigned check)
{
    long at[MAX_RANK], n = 0;
    for (int k = 0; k < t->rank; k++)
        at[k] = whole(m, sub[k], t);
    for (int k = 0; k < t->rank; k++) {
        if (at[k] < 0 || at[k] >= t->axis[k].size || at[k] >= reach(m, t, k, at)) {
            if (!(check >> k & 1))
                bug("interp: subscript %d of %s is %ld, outside and not checked", k, t->name, at[k]);
            n = -1;
        }
        if (n >= 0)
            n = n * t->axis[k].size + at[k];
    }
    return n;
}

/* ---- points --------------------------------------------------------------------------------------- */
static long range(Machine *m, Index *i)
{
    if (!i->limit)
        return i->size;
    const double v = eval(m, i->limit);
    if (v != v)
        bug("interp: the limit of %s is not known", i->name);
    return v < i->size ? (long) v : i->size;
}

typedef void Visit(Machine *m, void *with, long number);

static void visit(Machine *m, Index **index, int n, Expr *where, long number, Visit *see, void *with)
{
    if (n == 0) {
        if (!where || eval(m, where))
            see(m, with, number);
        return;
    }
    const long end = range(m, *index);
    for (long v = 0; v < end; v++) {
        (*index)->mark = (int) v;
        visit(m, index + 1, n - 1, where, number * (*index)->size + v, see, with);
    }
}

/* ---- reductions ----------------------------------------------------------------------------------- */
typedef struct {
    Expr *value;
    double sum, prod, max, min, largest, smallest, drawn;
    long count, first_max, first_min, choice, before, mine;
    bool any, all, done;
    double reference;
} Acc;

static void see_point(Machine *m, void *with, long number)
{
    Acc *a = with;
    const double v = eval(m, a->value);
    a->sum += v;
    a->prod *= v;
    a->max = a->max >= v ? a->max : v;
    a->min = a->min <= v ? a->min : v;
    if (a->count == 0 || v > a->largest) {
        a->largest = v;
        a->first_max = number;
    }
    if (a->count == 0 || v < a->smallest) {
        a->smallest = v;
        a->first_min = number;
    }
    a->any = a->any || v != 0;
    a->all = a->all && v != 0;
    a->before += v > a->reference || (v == a->reference && number < a->mine);
    a->count++;
}

static void see_choice(Machine *m, void *with, long number)
{
    Acc *a = with;
    const double v = eval(m, a->value);
    a->sum += v;
    if (!a->done && v > 0)
        a->choice = number;
    a->done = a->done || a->drawn < a->sum;
}

static Acc gather(Machine *m, Index **index, int n, Expr *where, Expr *value)
{
    Acc a = { .value = value, .prod = 1, .max = -INFINITY, .min = INFINITY, .all = true,
              .first_max = -1, .first_min = -1, .choice = -1 };
    visit(m, index, n, where, 0, see_point, &a);
    return a;
}

static long choose(Machine *m, Index **index, int n, Expr *where, Expr *value, double u)
{
    const double all = gather(m, index, n, where, value).sum;
    Acc a = { .value = value, .drawn = u * all, .choice = -1 };
    visit(m, index, n, where, 0, see_choice, &a);
    return a.choice;
}

static double rank(Machine *m, Expr *e)
{
    Expr *value = e->where ? expr_op(OP_select, e->where, e->arg[0], expr_real(-INFINITY)) : e->arg[0];
    Acc a = { .value = value };
    int keep[MAX_RANK];
    for (int k = 0; k < e->nindex; k++) {
        e->bound[k]->mark = keep[k] = e->rank_of[k]->mark;
        a.mine = a.mine * e->bound[k]->size + keep[k];
    }
    a.reference = eval(m, value);
    visit(m, e->bound, e->nindex, NULL, 0, see_point, &a);
    return (double) a.before;
}

static double reduce(Machine *m, Expr *e)
{
    if (e->reduce == REDUCE_rank)
        return rank(m, e);
    if (e->reduce == REDUCE_choice)
        return (double) choose(m, e->bound, e->nindex, e->where, e->arg[0], eval(m, e->arg[1]));
    const Acc a = gather(m, e->bound, e->nindex, e->where, e->arg[0]);
    switch (e->reduce) {
    case REDUCE_sum:    return a.sum;
    case REDUCE_mean:   return a.count ? a.sum / (double) a.count : 0;
    case REDUCE_prod:   return a.prod;
    case REDUCE_max:    return e->whole && !a.count ? -2147483647 : a.max;
    case REDUCE_min:    return e->whole && !a.count ? 2147483647 : a.min;
    case REDUCE_argmax: return (double) a.first_max;
    case REDUCE_argmin: return (double) a.first_min;
    case REDUCE_any:    return a.any;
    default:            return a.all;
    }
}

/* ---- expressions ---------------------------------------------------------------------------------- */
static double digamma(double x)
{
    double v = 0;
    for (; x < 12; x++)
        v -= 1 / x;
    const double r = 1 / (x * x);
    return v + log(x) - 0.5 / x - r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r / 132))));
}

/* log of the sum over k of (x/2)^(2k+v) / (k! gamma(k+v+1)) */
static double log_bessel(double v, double x)
{
    double max = -INFINITY, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < 200; k++) {
            const double t = (2 * k + v) * log(x / 2) - lgamma(k + 1) - lgamma(k + v + 1);
            if (pass)
                sum += exp(t - max);
            else if (t > max)
                max = t;
        }
    return max + log(sum);
}

static double limited(double v)
{
    return v >= -1073741824.0 && v <= 1073741824.0 ? v : FAR;
}

static double op(Op o, double a, double b)
{
    switch (o) {
    case OP_add:    return a + b;
    case OP_sub:    return a - b;
    case OP_mul:    return a * b;
    case OP_div:    return a / b;
    case OP_idiv:   return b == 0 ? 0 : floor(a / b);
    case OP_mod:    return b == 0 ? 0 : a - fabs(b) * floor(a / fabs(b));
    case OP_pow:    return pow(a, b);
    case OP_neg:    return -a;
    case OP_lt:     return a < b;
    case OP_le:     return a <= b;
    case OP_eq:     return a == b;
    case OP_ne:     return a != b;
    case OP_not:    return !a;
    case OP_max:    return a >= b ? a : b;
    case OP_min:    return a <= b ? a : b;
    case OP_exp:    return exp(a);
    case OP_log:    return log(a);
    case OP_sqrt:   return sqrt(a);
    case OP_rsqrt0: return a == 0 ? 0 : 1 / sqrt(a);
    case OP_abs:    return fabs(a);
    case OP_sign:   return (a > 0) - (a < 0);
    case OP_sin:    return sin(a);
    case OP_cos:    return cos(a);
    case OP_acos:   return acos(a);
    case OP_tanh:   return tanh(a);
    case OP_sigmoid:    return 1 / (1 + exp(-a));
    case OP_softplus:   return (a > 0 ? a : 0) + log1p(exp(-fabs(a)));
    case OP_erf:    return erf(a);
    case OP_floor:  return limited(floor(a));
    case OP_round:  return limited(rint(a));
    case OP_lgamma: return lgamma(a);
    case OP_digamma:    return digamma(a);
    case OP_trigamma:   return (digamma(a + 1e-4) - digamma(a - 1e-4)) / 2e-4;
    case OP_bessel_ratio:   return exp(log_bessel(a + 1, b) - log_bessel(a, b));
    case OP_bessel_slope: {
        const double r = exp(log_bessel(a + 1, b) - log_bessel(a, b));
        return 1 - r * r - (2 * a + 1) * r / b;
    }
    case OP_log_bessel: return log_bessel(a, b);
    default:        bug("interp: operation %d", o);
    }
}

static double hashed(bool normal, unsigned stream, uint64_t element)
{
    double u[2];
    for (int k = 0; k < 2; k++) {
        uint64_t h = (element * 2 + (uint64_t) k + 1) * 0x9E3779B97F4A7C15u ^ stream * 0xD6E8FEB86659FD93u;
        h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
        h = (h ^ h >> 29) * 0x94D049BB133111EBu;
        u[k] = ((double) (h >> 12) + 0.5) / 4503599627370496.0;
    }
    return normal ? sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]) : u[0];
}

static double draw(Machine *m, Expr *e)
{
    uint64_t element = 0;
    for (int k = 0; k < e->nkey; k++)
        element = element * (uint64_t) e->key_size[k] + (uint64_t) eval(m, e->key[k]);
    return (m->draw ? m->draw : hashed)(e->normal, e->stream, element);
}

static double eval(Machine *m, Expr *e)
{
    switch (e->kind) {
    case EXPR_num:      return e->num;
    case EXPR_index:    return e->index->mark;
    case EXPR_draw:     return draw(m, e);
    case EXPR_stop: case EXPR_byhand:   return eval(m, e->arg[0]);
    case EXPR_reduce:   return reduce(m, e);
    case EXPR_inside:   return place(m, e->arg[0]->tensor, e->arg[0]->sub, e->arg[0]->check) >= 0;
    case EXPR_read: {
        const long at = place(m, e->tensor, e->sub, e->check);
        return at >= 0 ? interp_at(m, e->tensor)[at] : e->other ? eval(m, e->other) : 0;
    }
    case EXPR_op:
        if (e->op == OP_select)
            return eval(m, e->arg[0]) ? eval(m, e->arg[1]) : eval(m, e->arg[2]);
        if (e->op == OP_and)
            return eval(m, e->arg[0]) && eval(m, e->arg[1]);
        if (e->op == OP_or)
            return eval(m, e->arg[0]) || eval(m, e->arg[1]);
        return op(e->op, eval(m, e->arg[0]), e->arg[1] ? eval(m, e->arg[1]) : 0);
    }
    return NAN;
}

/* ---- statements ----------------------------------------------------------------------------------- */
static void set_point(Machine *m, void *with, long number)
{
    (void) number;
    Stmt *s = with;
    const long at = place(m, s->target, s->sub, s->check);
    if (at < 0)
        return;
    const double v = eval(m, s->value);
    double *y = &interp_at(m, s->target)[at];
    switch (s->set) {
    case SET_is:    *y = v; break;
    case SET_add:   *y += v; break;
    case SET_mul:   *y *= v; break;
    case SET_max:   *y = *y >= v ? *y : v; break;
    default:        *y = *y <= v ? *y : v; break;
    }
}

static void see_rank(Machine *m, void *with, long number)
{
    Stmt *s = with;
    Index **inner = s->index + s->nouter;
    const int n = s->nindex - s->nouter;
    const long at = place(m, s->target, s->sub, s->check);
    Acc a = { .value = s->value, .reference = eval(m, s->value), .mine = number };
    int keep[MAX_RANK];
    for (int k = 0; k < n; k++)
        keep[k] = inner[k]->mark;
    visit(m, inner, n, NULL, 0, see_point, &a);
    for (int k = 0; k < n; k++)
        inner[k]->mark = keep[k];
    interp_at(m, s->target)[at] = (double) a.before;
}

static void set_whole(Machine *m, void *with, long number)
{
    (void) number;
    Stmt *s = with;
    Index **inner = s->index + s->nouter;
    const int n = s->nindex - s->nouter;
    if (s->set == SET_rank) {
        visit(m, inner, n, NULL, 0, see_rank, s);
        return;
    }
    const long at = place(m, s->target, s->sub, s->check);
    double v;
    if (s->set == SET_search) {
        inner[0]->mark = inner[0]->size - 1;
        const double level = eval(m, s->value) * eval(m, s->draw);
        inner[0]->mark = 0;
        while (inner[0]->mark < inner[0]->size && !(eval(m, s->value) > level))
            inner[0]->mark++;
        v = inner[0]->mark < inner[0]->size && (!s->where || eval(m, s->where)) ? inner[0]->mark : -1;
    } else if (s->set == SET_choice) {
        v = (double) choose(m, inner, n, s->where, s->value, eval(m, s->draw));
    } else {
        const Acc a = gather(m, inner, n, s->where, s->value);
        v = (double) (s->set == SET_argmax ? a.first_max : a.first_min);
    }
    if (at >= 0)
        interp_at(m, s->target)[at] = v;
}

static bool all_stopped(Machine *m, Tensor *stop, long step)
{
    for (long k = 0; k < tensor_count(stop); k++) {
        long at = k;
        if (stop->rank && k >= reach(m, stop, 0, &at))
            break;
        if (interp_at(m, stop)[k] > (double) step + 1)
            return false;
    }
    return true;
}

static void scan(Machine *m, Stmt *s)
{
    const long n = range(m, s->step);
    for (long k = 0; k < n; k++) {
        s->step->mark = (int) (s->down ? n - 1 - k : k);
        interp_run(m, &s->body);
        if (s->stop && all_stopped(m, s->stop, k))
            return;
    }
}

static void run(Machine *m, Stmt *s)
{
    if (m->hold && s->held)
        return;
    switch (s->kind) {
    case STMT_scan:
        scan(m, s);
        break;
    case STMT_reshape:
        memcpy(interp_at(m, s->target), interp_at(m, s->source), (size_t) tensor_count(s->target) * sizeof(double));
        break;
    case STMT_nest:
        if (s->set >= SET_argmax)
            visit(m, s->index, s->nouter, NULL, 0, set_whole, s);
        else
            visit(m, s->index, s->nindex, s->where, 0, set_point, s);
        break;
    default:
        bug("interp: a statement of kind %d", s->kind);
    }
}

void interp_run(Machine *m, StmtList *list)
{
    for (int k = 0; k < list->n; k++)
        run(m, list->at[k]);
}

/* ---- for checks ----------------------------------------------------------------------------------------- */
bool interp_near(double a, double b, double tolerance)
{
    return a == b || fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

bool interp_beyond(Machine *m, Tensor *t, long element)
{
    long at[MAX_RANK];
    for (int k = t->rank; k-- > 0; element /= t->axis[k].size)
        at[k] = element % t->axis[k].size;
    long example = 0;
    for (int k = t->rank; k-- > 0;)
        if (t->axis[k].example)
            example = at[k];
    for (int k = 0; k < t->rank; k++) {
        Tensor *length = t->axis[k].length;
        if (length && at[k] >= interp_at(m, length)[length->rank ? example : 0])
            return true;
    }
    return false;
}

double interp_slope(Machine *m, Program *p, double *at, double h)
{
    const double keep = *at;
    double loss[2];
    for (int side = 0; side < 2; side++) {
        *at = side ? keep + h : keep - h;
        if (!m->hold)
            interp_forget(m, ROLE_temp);
        interp_run(m, &p->body);
        loss[side] = *interp_at(m, p->loss);
    }
    *at = keep;
    return (loss[1] - loss[0]) / (2 * h);
}
