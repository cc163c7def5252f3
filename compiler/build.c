/* build.c -- making indices, statements and tensors of the intermediate form, and going
 * through statements. */
#include "program.h"

/* ---- indices -------------------------------------------------------------------------------- */
Index *index_new(Str name, int size, Expr *limit)
{
    Index *i = NEW(Index);
    i->name = name;
    i->size = size;
    i->limit = limit;
    return i;
}

int index_among(Index *const *list, int n, const Index *i)
{
    return FIRST(k, n, list[k] == i);
}

Index *index_told(const Expr *sub)
{
    if (sub->kind == EXPR_read && sub->tensor->list) {
        double shift;
        const Expr *number = expr_split(sub->sub[0], &shift);
        sub = shift == 1 ? number : sub;
    }
    return sub->index;
}

/* ---- statements ----------------------------------------------------------------------------- */
Stmt *stmt_new(StmtKind kind, Tensor *target, Tensor *source)
{
    Stmt *s = NEW(Stmt);
    s->kind = kind;
    s->target = target;
    s->source = source;
    return s;
}

Stmt *nest_new(Tensor *target, Set set, Expr *value)
{
    Stmt *s = stmt_new(STMT_nest, target, NULL);
    s->set = set;
    s->value = value;
    return s;
}

Stmt *nest_for(const Stmt *of, Tensor *target, Set set, Expr *value)
{
    Stmt *s = nest_new(target, set, value);
    s->place = of->place;
    s->use = of->use;
    s->backward = of->backward;
    s->update = of->update;
    return s;
}

Stmt *scan_for(Stmt *each, Index *step)
{
    Stmt *s = nest_for(each, NULL, SET_is, NULL);
    s->kind = STMT_scan;
    s->step = step;
    PUSH(s->body, each);
    return s;
}

StmtList scan_leave(Stmt *scan, Stays *stays, void *with)
{
    const int n = scan->stop ? 0 : scan->body.n;
    bool *leaves = alloc((size_t) scan->body.n + 1);
    StmtList rest = { 0 }, out = { 0 };
    memset(leaves, true, (size_t) n);
    for (int pass = 0; pass < 2; pass++)
        for (bool news = true; news;) {
            news = false;
            for (int k = 0; k < n; k++)
                if (leaves[k] && stays(scan, k, leaves, pass, with)) {
                    leaves[k] = false;
                    news = true;
                }
        }
    for (int k = 0; k < scan->body.n; k++) {
        Stmt *s = scan->body.at[k];
        if (!leaves[k]) {
            PUSH(rest, s);
            continue;
        }
        memmove(&s->index[1], &s->index[0], (size_t) s->nindex * sizeof *s->index);
        s->index[0] = scan->step;
        s->nindex++;
        s->nouter++;
        PUSH(out, s);
    }
    scan->body = rest;
    return out;
}

void nest_index(Stmt *s, Index *i)
{
    if (s->nindex == 2 * MAX_RANK)
        bug("too many indices in a statement of %s", s->target->name);
    s->index[s->nindex++] = i;
    s->nouter = s->nindex;
}

void nest_used(Stmt *s, const Stmt *of)
{
    for (int k = 0; k < of->nindex; k++)
        if (expr_uses(s->value, of->index[k]) || expr_uses(s->where, of->index[k])
            || ANY(j, of->nindex, expr_uses(of->index[j]->limit, of->index[k])))
            nest_index(s, of->index[k]);
}

void nest_axis(Stmt *s, Index *i, Axis axis, bool loop)
{
    Tensor *t = s->target;
    if (t->rank == MAX_RANK)
        bug("%s needs more than %d axes", t->name, MAX_RANK);
    s->sub[t->rank] = expr_index(i);
    t->axis[t->rank++] = axis;
    if (loop)
        nest_index(s, i);
}

int target_axis(const Stmt *s, const Index *i)
{
    return FIRST(k, s->target->rank, is_index(s->sub[k], i));
}

Expr **stmt_part(Stmt *s, int k)
{
    Expr **const ends[] = { &s->where, &s->value, &s->draw, NULL };
    const int rank = s->kind == STMT_nest ? s->target->rank : 0;
    return k < rank ? &s->sub[k] : ends[k - rank];
}

void stmt_map(Stmt *s, Expr *(*image)(Expr *, void *), void *with)
{
    for (int k = 0; stmt_part(s, k); k++)
        if (*stmt_part(s, k))
            *stmt_part(s, k) = image(*stmt_part(s, k), with);
}

void stmt_replace(Stmt *s, Index **from, Expr **to, int n)
{
    for (int k = 0; stmt_part(s, k); k++)
        *stmt_part(s, k) = expr_replace(*stmt_part(s, k), from, to, n);
    for (int k = 0; k < s->nindex; k++)
        s->index[k]->limit = expr_replace(s->index[k]->limit, from, to, n);
    for (int k = 0; k < s->body.n; k++)
        stmt_replace(s->body.at[k], from, to, n);
}

static void add_all(const StmtList *list, StmtList *all)
{
    EACH(s, *list) {
        PUSH(*all, s);
        add_all(&s->body, all);
    }
}

StmtList stmts_all(const StmtList *list)
{
    StmtList all = { 0 };
    add_all(list, &all);
    return all;
}

StmtList stmts_of(Program *p)
{
    StmtList all = { 0 };
    for (int k = 0; program_part(p, k); k++)
        add_all(program_part(p, k), &all);
    return all;
}

TensorList written_by(StmtList *list)
{
    TensorList all = { 0 };
    EACH_STMT(s, list)
        if (s->target)
            PUSH(all, s->target);
    return all;
}

TensorList stmt_tensors(Stmt *s)
{
    Tensor *const own[] = { s->target, s->source, s->wrt, s->stop };
    TensorList all = { 0 };
    for (int k = 0; k < 4; k++)
        if (own[k])
            PUSH_NEW(all, own[k]);
    EACH_EXPR_OF(e, s)
        if (e->tensor)
            PUSH_NEW(all, e->tensor);
    return all;
}

StmtList *program_part(Program *p, int k)
{
    StmtList *const parts[] = {
        &p->once, &p->begin, &p->body, &p->update, &p->apart, &p->end, NULL,
    };
    return parts[k];
}

/* ---- conditions that are limits ------------------------------------------------------------- */
/* The last place of an index of s that e uses; -1: none. */
static int last_used(const Stmt *s, Expr *e)
{
    int last = -1;
    for (int k = 0; k < s->nindex; k++)
        if (expr_uses(e, s->index[k]))
            last = k;
    return last;
}

/* s with its index k bounded by limit; the index moves behind those that the limit needs. */
static void set_limit(Stmt *s, int k, Expr *limit)
{
    Index *was = s->index[k], *now = index_new(was->name, was->size, limit);
    Expr *to = expr_index(now);
    const int last = last_used(s, limit);
    for (; k < last; k++)
        s->index[k] = s->index[k + 1];
    s->index[k] = now;
    stmt_replace(s, &was, &to, 1);
}

/* The index of s that the condition i < limit can bound; -1: none. */
static int bounded_by(const Stmt *s, const Expr *c)
{
    if (c->kind != EXPR_op || c->op != OP_lt || c->arg[0]->kind != EXPR_index || !c->arg[1]->whole)
        return -1;
    const int k = index_among(s->index, s->nindex, c->arg[0]->index);
    if (k < 0 || s->index[k]->limit || expr_uses(c->arg[1], s->index[k]))
        return -1;
    return ANY(j, s->nindex, expr_uses(s->index[j]->limit, s->index[k])) ? -1 : k;
}

/* Takes one condition that bounds an index out of where; the rest is left in s->where. */
static Expr *take_bound(Stmt *s, Expr *where)
{
    if (!where)
        return NULL;
    if (where->kind == EXPR_op && where->op == OP_and) {
        for (int k = 0; k < 2; k++) {
            Expr *other = where->arg[1 - k], *found = take_bound(s, where->arg[k]);
            if (!found)
                continue;
            Expr *rest = s->where;
            s->where = !rest ? other : k ? OP2(and, other, rest) : OP2(and, rest, other);
            return found;
        }
        return NULL;
    }
    if (bounded_by(s, where) < 0)
        return NULL;
    s->where = NULL;
    return where;
}

void where_to_limits(Stmt *s)
{
    for (Expr *c; s->set <= SET_min && (c = take_bound(s, s->where)); )
        set_limit(s, bounded_by(s, c), c->arg[1]);
}

/* ---- tensors -------------------------------------------------------------------------------- */
Tensor *tensor_new(Module *m, Str name, Role role, Elem elem)
{
    Tensor *t = NEW(Tensor);
    t->name = name;
    t->cname = fresh_cname(name);
    t->role = role;
    t->elem = elem;
    t->offset = -1;
    if (role == ROLE_temp && m)
        PUSH(m->temps, t);
    return t;
}

void names_of(StrList *names, Program *p)
{
    for (int k = 0; program_part(p, k); k++)
        EACH(t, written_by(program_part(p, k)))
            PUSH(*names, t->name);
}

static Str name_fresh(StrList *names, Str base)
{
    Str name = base;
    for (int k = 2, j = 0; j < names->n; j++)
        if (names->at[j] == name) {
            name = format("%s%d", base, k++);
            j = -1;
        }
    PUSH(*names, name);
    return name;
}

Tensor *temp_named(Module *m, StrList *names, Str name, Elem elem, Place place)
{
    Tensor *t = tensor_new(m, name_fresh(names, name), ROLE_temp, elem);
    t->place = place;
    return t;
}

Tensor *temp_beside(Module *m, StrList *names, const Tensor *t, Str what, Place place)
{
    return temp_named(m, names, format("%s.%s", t->name, what), ELEM_real, place);
}

long axis_room(const Tensor *t, int k)
{
    return t->before[k] + t->axis[k].size + t->after[k];
}

Tensor *shaped(Tensor *t, const Axis *axis, int rank)
{
    t->rank = rank;
    if (rank)
        memcpy(t->axis, axis, (size_t) rank * sizeof *axis);
    return t;
}

bool stretches_meet(const Tensor *a, const Tensor *b)
{
    return a->offset < b->offset + tensor_count(b) && b->offset < a->offset + tensor_count(a);
}

long tensor_count(const Tensor *t)
{
    long n = 1;
    for (int k = 0; k < t->rank; k++)
        if (__builtin_mul_overflow(n, axis_room(t, k), &n) || n > COUNT_MOST)
            n = COUNT_MOST;
    return n;
}

/* The axis of t at which i stands alone, or `found`, one met before; an axis of
 * examples comes first. */
static Axis *alone_along(const Index *i, Tensor *t, Expr *const *sub, Axis *found)
{
    for (int k = 0; k < t->rank; k++)
        if (is_index(sub[k], i) && t->axis[k].size == i->size
            && (!found || (t->axis[k].example && !found->example)))
            found = &t->axis[k];
    return found;
}

Axis axis_along(Index *i, Stmt *s, Expr *also)
{
    Expr *const of[] = { also, s->value };
    Axis *found = NULL;
    for (int k = 0; k < 2; k++)
        EACH_EXPR(e, of[k])
            if (e->kind == EXPR_read)
                found = alone_along(i, e->tensor, e->sub, found);
    if (!found)
        found = alone_along(i, s->target, s->sub, NULL);
    Axis a = { .size = i->size, .name = i->name };
    if (found)
        a.example = found->example;
    if (i->limit && i->limit->kind == EXPR_read && i->limit->tensor->rank <= 1)
        a.length = i->limit->tensor;
    return a;
}

/* Where the length of an example stands, of which `a` may have several samples, one at `at`. */
Expr *example_at(const Tensor *length, const Axis *a, Expr *at)
{
    const int samples = a->size / length->axis[0].size;
    return samples > 1 ? OP2(idiv, at, expr_num(samples)) : at;
}

Index *index_of_axis(const Tensor *t, int k, Expr *const *sub)
{
    const Axis *a = &t->axis[k];
    Expr *limit = NULL, *at[1];
    if (a->length && a->length->rank == 0)
        limit = expr_scalar(a->length);
    for (int j = 0; a->length && a->length->rank == 1 && j < t->rank && !limit; j++)
        if (t->axis[j].example && sub[j]) {
            at[0] = example_at(a->length, &t->axis[j], sub[j]);
            limit = expr_read(a->length, at, 0, NULL);
        }
    static const char letters[MAX_RANK + 1] = "ijklmnopqr";
    return index_new(a->name ? a->name : intern_n(letters + k, 1), a->size, limit);
}
