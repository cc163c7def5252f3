/* couples.c -- with --mpi: which statements make something of the batch that its parts,
 * averaged by rows, do not give.
 *
 * A rank sees a part of the rows. What it computes is followed through the forward part of a step
 * in one of these forms, each with a power of 1 / batch:
 *
 *     NONE     nothing yet, or 0
 *     SAME     the same on every rank
 *     ROWS     of each row by itself
 *     TOTAL    a sum over rows; with 1 / batch it is a mean, and the mean of the ranks' is that of
 *              the batch
 *     OWN      of the rank's rows in any other way: rows compared, a mean that comes back to rows,
 *              its square
 *
 * What makes an OWN of other forms is named, and so are a term that is a sum and a state that is
 * set from rows. Reports only. */
#include "program.h"

typedef enum { NONE, SAME, ROWS, TOTAL, OWN } Kind;
typedef struct { Kind kind; int power; } Form;
static const Form same = { SAME, 0 }, own = { OWN, 0 };

typedef struct {
    Program *p;
    Index *row;             /* of the statement at hand; NULL: none */
    bool tell;
    VEC(Form) forms;
    TensorList known;       /* whose forms these are */
    VEC(Use *) told;
} Couples;

static Form *form_of(Couples *c, Tensor *t)
{
    int k = FIRST(j, c->known.n, c->known.at[j] == t);
    if (k < 0) {
        k = c->known.n;
        PUSH(c->known, t);
        PUSH(c->forms, ((Form) { NONE, 0 }));
    }
    return &c->forms.at[k];
}

/* ---- which row a subscript means ------------------------------------------------------------ */
/* The row at hand, or one of its samples, or the row that it is a sample of. */
static bool is_own_row(const Axis *a, Expr *sub, Index *row)
{
    if (!row || is_index(sub, row))
        return row && a->size == row->size;
    if (is_op(sub, OP_idiv))
        return is_index(sub->arg[0], row) && expr_is(sub->arg[1], row->size / a->size);
    const int samples = a->size / row->size;
    if (!is_op(sub, OP_add) || !is_op(sub->arg[0], OP_mul))
        return false;
    const Span within = expr_range(sub->arg[1]);
    return is_index(sub->arg[0]->arg[0], row) && expr_is(sub->arg[0]->arg[1], samples)
        && !expr_uses(sub->arg[1], row) && within.lo >= 0 && within.hi < samples;
}

static bool own_rows(Tensor *t, Expr **sub, Index *row)
{
    return ALL(k, t->rank, !t->axis[k].example || is_own_row(&t->axis[k], sub[k], row));
}

static bool has_rows(const Tensor *t)
{
    return ANY(k, t->rank, t->axis[k].example);
}

/* ---- forms of expressions ------------------------------------------------------------------- */
/* Of a + b, or of one of the two. */
static Form join(Form a, Form b)
{
    if (a.kind == NONE || b.kind == NONE)
        return a.kind == NONE ? b : a;
    if (a.kind > b.kind)
        SWAP(a, b);
    if (a.kind == SAME && b.kind == TOTAL)
        return a.power == 0 && b.power == 1 ? b : own;      /* a mean, and what all have */
    if (a.power != b.power || (a.kind != b.kind && b.kind != ROWS))
        return own;
    return b;
}

static Form product(Form a, Form b)
{
    if (a.kind > b.kind)
        SWAP(a, b);
    if (a.kind == NONE)
        return a;
    return b.kind == OWN || (b.kind == TOTAL && a.kind != SAME)
        ? own : (Form) { b.kind, a.power + b.power };
}

/* Of a function of a and b that is not linear. */
static Form curved(Form a, Form b)
{
    const Kind kind = a.kind > b.kind ? a.kind : b.kind;
    return kind >= TOTAL || a.power || b.power ? own : (Form) { kind < SAME ? SAME : kind, 0 };
}

static Form find(Couples *c, Expr *e);

static Form read_form(Couples *c, Expr *e)
{
    Tensor *t = e->tensor;
    Form f = same;
    if (t->role == ROLE_clock)
        f.power = strncmp(t->name, "batch", 5) ? 0 : -1;
    else if (t->role == ROLE_input || t->role == ROLE_length)
        f.kind = ROWS;
    else if (t->role == ROLE_temp)
        f = *form_of(c, t);
    if (!own_rows(t, e->sub, c->row))
        return own;
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example)
            f = product(f, curved(find(c, e->sub[k]), same));
    return e->other ? join(f, find(c, e->other)) : f;
}

static Form op_form(Couples *c, Expr *e)
{
    Form arg[3] = { { 0 } };
    for (int k = 0; k < op_info[e->op].args; k++)
        arg[k] = find(c, e->arg[k]);
    switch (e->op) {
    case OP_neg:    return arg[0];
    case OP_add:
    case OP_sub:    return join(arg[0], arg[1]);
    case OP_mul:    return product(arg[0], arg[1]);
    case OP_div:
        return arg[1].kind == TOTAL ? own : product(arg[0], (Form) { arg[1].kind, -arg[1].power });
    case OP_select: return product(curved(arg[0], same), join(arg[1], arg[2]));
    default:        return curved(curved(arg[0], arg[1]), arg[2]);
    }
}

static Form find(Couples *c, Expr *e)
{
    switch (e->kind) {
    case EXPR_num:      return e->num == 0 ? (Form) { NONE, 0 } : same;
    case EXPR_index:    return e->index == c->row ? own : same;     /* its number in the part */
    case EXPR_read:     return read_form(c, e);
    case EXPR_op:       return op_form(c, e);
    case EXPR_draw:     return (Form) { e->row < 0 ? SAME : ROWS, 0 };
    case EXPR_inside:   return curved(find(c, e->arg[0]), same);
    default:            return own;
    }
}

/* ---- statements ----------------------------------------------------------------------------- */
/* Each use is named once. The formula may stand with another statement that was
 * a part of the same. */
static void tell(Couples *c, Stmt *s)
{
    if (!c->tell || !s->use || HAS(c->told, s->use))
        return;
    PUSH(c->told, s->use);
    report(s->use->place, DIAG_couples, s->use->words);
    const Stmt *told = s->formula ? s
        : FIND(o, c->p->body, o->use == s->use && o->place.line == s->place.line && o->formula);
    const Place use = s->use->place;
    if (told && (told->place.source != use.source || told->place.line != use.line))
        report_note(told->place, "in its formula");
}

/* The index along the rows; NULL: none. Of two one is taken, and what the other
 * reads is another row. */
static Index *row_index(const Stmt *s)
{
    const int k = FIRST(j, s->nindex, s->index[j]->example);
    return k < 0 ? NULL : s->index[k];
}

static Form value_form(Couples *c, Stmt *s)
{
    c->row = row_index(s);
    Form f = find(c, s->value);
    if (s->where)
        f = product(curved(find(c, s->where), same), f);
    if (s->draw)
        f = curved(f, find(c, s->draw));
    if (!own_rows(s->target, s->sub, c->row))
        return own;
    for (int k = 0; k < s->target->rank; k++)
        if (!s->target->axis[k].example)
            f = product(f, curved(find(c, s->sub[k]), same));
    if (has_rows(s->target))
        return f.kind == SAME ? (Form) { ROWS, f.power } : f;
    if (!c->row || f.kind == NONE)
        return s->set == SET_is || s->set == SET_add ? f : curved(f, same);
    if (s->set != SET_add || f.kind >= TOTAL)
        return own;
    return f.kind == SAME ? (Form) { SAME, f.power - 1 } : (Form) { TOTAL, f.power };
}

/* What is OWN has been named, and counts as what it would be on one rank, so that what follows
 * is named for itself. */
static void see(Couples *c, Stmt *s)
{
    Form *const f = form_of(c, s->target);
    Form now = own;
    if (s->kind == STMT_nest)
        now = join(*f, value_form(c, s));
    else if (s->kind == STMT_reshape && has_rows(s->source) == has_rows(s->target))
        now = s->source->role == ROLE_input ? (Form) { ROWS, 0 } : *form_of(c, s->source);
    if (now.kind == OWN) {
        if (s->target != c->p->loss)        /* what its terms are made of has been */
            tell(c, s);
        now = (Form) { has_rows(s->target) ? ROWS : SAME, 0 };
    }
    *f = now;
}

static void see_all(Couples *c)
{
    EACH_STMT(s, &c->p->body)
        if (s->target && !s->backward && s->kind != STMT_scan)
            see(c, s);
}

static bool is_read(Program *p, const Tensor *t)
{
    return FIND(s, stmts_all(&p->body), ANY_EXPR_OF(e, s, e->kind == EXPR_read && e->tensor == t));
}

static void see_updates(Couples *c)
{
    EACH_STMT(s, &c->p->update) {
        if (s->kind != STMT_nest)
            continue;
        const Form f = value_form(c, s);
        if (has_rows(s->target) ? is_read(c->p, s->target) : f.kind > SAME || f.power)
            tell(c, s);
    }
}

void couples(Module *m, Program *p)
{
    (void) m;
    Couples c = { .p = p };
    if (p->training < 0)
        return;
    for (int round = 0; round < 3; round++) {    /* a scan reads what its later statements set */
        c.tell = round == 2;
        see_all(&c);
    }
    see_updates(&c);
    EACH_AT(t, p->terms) {
        const Form f = *form_of(&c, t->value);
        if (f.kind >= SAME && f.power != (f.kind == TOTAL))
            report(t->place, DIAG_couples, t->name);
    }
}
