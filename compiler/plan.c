/* plan.c -- the arena: which temporaries share memory, and which need none.
 *
 * A temporary that one nest sets and uses at the same point is a scalar there. The others live
 * from the tree of loops that first touches them to the last that does; those that never live at
 * once may share a place, a union in the arena. Threads may be anywhere between two barriers, so
 * within one stretch only tensors whose rows lie alike share: a thread then only writes over
 * rows that are its own. */
#include "emit.h"
#include <limits.h>

/* ---- scalars -------------------------------------------------------------------------------- */
typedef struct { int count, writes; bool same; } Seen;

static void see_tree(Node *n, Tensor *t, Stmt *def, Seen *seen)
{
    if (n->stmt && n->kind != NODE_scan) {
        EACH(a, stmt_accesses(n->stmt)) {
            if (a.tensor != t)
                continue;
            seen->count++;
            seen->writes += a.write;
            seen->same &= n->kind == NODE_point && a.sub
                && ALL(k, t->rank, expr_same(a.sub[k], def->sub[k]));
        }
    }
    EACH(inner, n->body)
        see_tree(inner, t, def, seen);
}

static bool may_be_scalar(Emit *e, Stmt *s)
{
    if (s->set != SET_is || !everywhere(s) || s->target->role != ROLE_temp || s->target->external)
        return false;
    const Var *v = var_of(e, s->target);
    return !v->keep && !v->alias && !FIND(other, e->vars, other->alias == v);
}

static void find_scalars(Emit *e, NodeList *list, const int *total)
{
    for (int k = 0; k < list->n; k++) {
        find_scalars(e, &list->at[k]->body, total);
        Stmt *s = list->at[k]->kind == NODE_point ? list->at[k]->stmt : NULL;
        if (!s || !may_be_scalar(e, s))
            continue;
        Seen seen = { .same = true };
        for (int j = k; j < list->n; j++)
            see_tree(list->at[j], s->target, s, &seen);
        if (seen.same && seen.count == total[s->target->mark])
            info_of(e, s->target)->scalar = seen.writes > 1 ? 2 : 1;
    }
}

static void scalars(Emit *e)
{
    TensorList touched = { 0 };
    EACH(run, e->runs)
        EACH(s, run->stmts) {
            EACH(a, stmt_accesses(s)) {
                info_of(e, a.tensor);
                PUSH(touched, a.tensor);
            }
        }
    int *total = alloc(((size_t) e->info.n + 1) * sizeof *total);
    EACH(t, touched)
        total[t->mark]++;
    EACH(run, e->runs)
        EACH(region, run->regions)
            EACH(f, region->funcs)
                find_scalars(e, &f->body, total);
}

/* ---- lives ---------------------------------------------------------------------------------- */
typedef struct { int at, epoch, region, program; } Moment;

/* A use of a variable at a moment; rows: only at the rows of the tile. */
static void touch(Var *v, Moment now, bool rows)
{
    Life *l = v->lives.n ? &v->lives.at[v->lives.n - 1] : NULL;
    if (!l || l->program != now.program) {
        const Life life = {
            .program = now.program, .born = now.at, .first = now.epoch, .last = -1,
            .first_region = now.region, .rows_first = true,
        };
        PUSH(v->lives, life);
        l = &v->lives.at[v->lives.n - 1];
    }
    if (l->last != now.epoch) {
        l->last = now.epoch;
        l->last_region = now.region;        /* the first of this epoch that uses it */
        l->rows_last = true;
    }
    l->rows_last &= rows;
    if (now.epoch == l->first)
        l->rows_first &= rows;
    l->dies = now.at;
}

static bool at_rows(Emit *e, const Access *a, const Region *r)
{
    return r->rows && a->sub && a->tensor->rank > 0 && a->sub[0]->kind == EXPR_index
        && index_info(e, a->sub[0]->index)->tile;
}

static void live_at(Emit *e, Stmt *s, Moment now, Region *r)
{
    EACH_AT(a, stmt_accesses(s)) {
        Tensor *t = a->tensor;
        if (t->role != ROLE_temp || info_of(e, t)->scalar)
            continue;
        Var *v = var_of(e, t), *root = var_root(v);
        touch(root, now, v == root && at_rows(e, a, r));
        if (t->external || v->keep)
            root->lives.at[root->lives.n - 1].stays = true;
    }
}

/* All of a tree is one moment: its statements take turns. */
static void live_in(Emit *e, Node *n, Moment now, Region *r)
{
    if (n->stmt)
        live_at(e, n->stmt, now, r);
    EACH(inner, n->body)
        live_in(e, inner, now, r);
}

static void live_through(Emit *e, Run *run, Moment *now)
{
    now->epoch++;
    EACH(r, run->regions) {
        now->epoch += r->wait;
        now->region++;
        EACH(f, r->funcs)
            EACH(n, f->body) {
                now->at++;
                live_in(e, n, *now, r);
            }
    }
}

static void find_lives(Emit *e)
{
    Moment now = { 0 };
    for (int k = 0; k < e->runs.n; k++) {
        if (k == 0 || e->runs.at[k]->program != e->runs.at[k - 1]->program)
            now.program++;
        live_through(e, e->runs.at[k], &now);
    }
    EACH(v, e->vars)
        EACH_AT(l, v->lives)
            if (l->stays) {
                l->dies = l->last = INT_MAX;
                l->rows_last = false;
            }
}

static bool rows_alike(Emit *e, Var *a, Var *b)
{
    Tensor *s = a->tensor, *t = b->tensor;
    return s->rank && t->rank && s->axis[0].example && t->axis[0].example
        && s->axis[0].size == t->axis[0].size && tensor_bytes(e, s) == tensor_bytes(e, t);
}

static bool after_another(Emit *e, Var *a, Life *x, Var *b, Life *y)
{
    if (x->dies >= y->born)
        return false;
    if (x->last < y->first)
        return true;
    return x->rows_last && y->rows_first && x->last_region == y->first_region
        && rows_alike(e, a, b);
}

static bool clash(Emit *e, Var *a, Var *b)
{
    return a->keep || b->keep
        || FIND_AT(x, a->lives,
                   FIND_AT(y, b->lives,
                           x->program == y->program && !after_another(e, a, x, b, y)
                               && !after_another(e, b, y, a, x)));
}

/* ---- places --------------------------------------------------------------------------------- */
typedef VEC(Var *) VarList;
static VEC(VarList) places;

static void place(Emit *e, Var *v)
{
    VarList *fits = FIND_AT(p, places,
                            v->tensor->rank && p->at[0]->tensor->rank
                                && !FIND(other, *p, clash(e, v, other)));
    if (!fits) {
        PUSH(places, ((VarList) { 0 }));
        fits = &places.at[places.n - 1];
    }
    PUSH(*fits, v);
}

void plan(Emit *e)
{
    VarList list = { 0 };
    scalars(e);
    find_lives(e);
    places.n = 0;
    EACH(v, e->vars)
        if (v->tensor->role == ROLE_temp && !v->alias)
            INSERT_BEFORE(list, v, other,
                          tensor_bytes(e, other->tensor) < tensor_bytes(e, v->tensor));
    EACH(v, list)
        place(e, v);
}

/* Of all places: each is as large as what is largest in it. */
double plan_bytes(Emit *e)
{
    double sum = 0;
    EACH_AT(place, places) {
        long most = 0;
        EACH(v, *place) {
            const long bytes = v->used ? tensor_bytes(e, v->tensor) : 0;
            most = bytes > most ? bytes : most;
        }
        sum += (double) most;
    }
    return sum;
}

/* ---- text ----------------------------------------------------------------------------------- */
static bool is_used(Var *v)
{
    return v->used && v->tensor->role == ROLE_temp;
}

static int members(Emit *e, VarList *place, VarList *out)
{
    EACH(root, *place)
        EACH(v, e->vars)
            if (is_used(v) && var_root(v) == root)
                PUSH(*out, v);
    return out->n;
}

void plan_print(Emit *e, Buf *b)
{
    if (!FIND(v, e->vars, is_used(v)))
        return;
    buf_add(b, "\n/* all that is computed; what shares a union is never needed at once */\n"
               "static struct {\n");
    EACH_AT(place, places) {
        VarList list = { 0 };
        const int n = members(e, place, &list);
        if (n > 1)
            buf_add(b, "    union {\n");
        for (int j = 0; j < n; j++) {
            const char *aligned = j == 0 && list.at[j]->tensor->rank ? "_Alignas(64) " : "";
            var_print(e, b, list.at[j], format("%s%s", n > 1 ? "        " : "    ", aligned));
        }
        if (n > 1)
            buf_add(b, "    };\n");
    }
    buf_add(b, "    char end[64];\n} mem;\n");
}

/* ---- the arena as a picture: `aec show --ir plan` ------------------------------------------- */
enum { DRAWN = 48 };        /* characters from the first statement to the last */

static Life *life_in(Var *v, int program)
{
    return FIND_AT(l, v->lives, l->program == program);
}

static Str bar_text(const Life *l, int from, int to)
{
    char bar[DRAWN];
    const int all = to - from + 1;
    const int first = (l->born - from) * DRAWN / all;
    const int last = l->dies == INT_MAX ? DRAWN : (l->dies - from + 1) * DRAWN / all;
    for (int k = 0; k < DRAWN; k++)
        bar[k] = k == first || (k > first && k < last) ? '#' : '.';
    return intern_n(bar, DRAWN);
}

/* Of the first program, which is the gradient of the first phase. */
void plan_draw(Emit *e, Buf *b)
{
    const int program = 1;
    double shared = 0, alone = 0;
    int from = INT_MAX, to = 0, numbers = 0;
    EACH_AT(place, places)
        EACH(v, *place) {
            const Life *l = life_in(v, program);
            from = l && l->born < from ? l->born : from;
            to = l && l->dies != INT_MAX && l->dies > to ? l->dies : to;
        }
    Buf rows = { 0 };
    EACH_AT(place, places) {
        double most = 0;
        EACH(v, *place) {
            const Life *l = life_in(v, program);
            if (!l)
                continue;
            if (v->tensor->rank == 0) {
                numbers++;
                continue;
            }
            const double kb = (double) tensor_bytes(e, v->tensor) / 1024;
            buf_add(&rows, "%13s  %s  %s\n", most ? "" : format("%10.1f KB", kb),
                    bar_text(l, from, to), v->tensor->name);
            most = kb > most ? kb : most;
            alone += kb;
        }
        shared += most;
    }
    buf_add(b, "The arena of %s: %.1f KB, where each tensor alone would make %.1f KB. From left "
               "to right: its %d\nloop nests, one after the other. What stands below a size "
               "shares its place", e->runs.at[0]->program->name, shared, alone, to - from + 1);
    if (numbers)
        buf_add(b, "; %d single numbers are left out", numbers);
    buf_add(b, ".\n\n%s", rows.at ? rows.at : "");
}
