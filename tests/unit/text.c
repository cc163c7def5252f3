/* text.c -- a recursive-descent reader of text.h's notation; anything it does not know ends the test. */
#include "text.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

typedef struct {
    const char *at;
    Text *t;
    Index *bound[64];
    int nbound;
    unsigned stream;
    Stmt *stmt;                 /* the statement whose free indices are being found */
    const char *start;          /* where it begins */
    int nstep;                  /* indices of the scans around come first in bound */
} Reader;

static void space(Reader *r)
{
    for (;;) {
        if (*r->at == '#')
            while (*r->at && *r->at != '\n')
                r->at++;
        if (!isspace((unsigned char) *r->at))
            return;
        r->at++;
    }
}

static bool peek(Reader *r, const char *what)
{
    space(r);
    const size_t n = strlen(what);
    return !strncmp(r->at, what, n) && !(isalpha((unsigned char) *what) && (isalnum((unsigned char) r->at[n]) || r->at[n] == '_'));
}

static bool take(Reader *r, const char *what)
{
    if (!peek(r, what))
        return false;
    r->at += strlen(what);
    return true;
}

static void want(Reader *r, const char *what)
{
    if (!take(r, what))
        bug("text: %s expected at: %.30s", what, r->at);
}

static Str word(Reader *r)
{
    space(r);
    const char *from = r->at;
    while (isalnum((unsigned char) *r->at) || *r->at == '_')
        r->at++;
    if (r->at == from)
        bug("text: a name expected at: %.30s", from);
    return intern_n(from, (size_t) (r->at - from));
}

static Tensor *find(Text *t, Str name)
{
    for (int k = 0; k < t->names.n; k++)
        if (t->names.at[k].name == name)
            return t->names.at[k].tensor;
    return NULL;
}

Tensor *text_tensor(Text *t, const char *name)
{
    Tensor *f = find(t, intern(name));
    if (!f)
        bug("text: no tensor %s", name);
    return f;
}

/* ---- ranges ------------------------------------------------------------------------------------------ */
/* Looks ahead in the text of the statement for the first axis at which the name stands alone. */
static bool range_of(Reader *r, Str name, int *size, Tensor **length)
{
    const char *c = r->at;
    int depth = 0;
    for (; *c && (depth > 0 || (*c != '\n' && *c != '}')); c++) {
        if (*c == '(' || *c == '[')
            depth++;
        if (*c == ')' || *c == ']')
            depth--;
        if (!isalpha((unsigned char) *c))
            continue;
        const char *from = c;
        while (isalnum((unsigned char) *c) || *c == '_')
            c++;
        Tensor *t = find(r->t, intern_n(from, (size_t) (c - from)));
        const char *p = c--;
        if (!t || *p != '[')
            continue;
        int axis = 0, level = 0;
        const char *sub = p + 1;
        for (p++; level >= 0; p++) {
            if (*p == '[' || *p == '(')
                level++;
            if (level == 0 && (*p == ',' || *p == ']' || !strncmp(p, " else", 5))) {
                const char *a = sub, *b = p;
                while (*a == ' ')
                    a++;
                while (b > a && b[-1] == ' ')
                    b--;
                if (axis < t->rank && intern_n(a, (size_t) (b - a)) == name) {
                    *size = t->axis[axis].size;
                    *length = t->axis[axis].length;
                    return true;
                }
                axis++;
                sub = p + 1;
                if (*p == ' ')
                    break;
            }
            if (*p == ']' || *p == ')')
                level--;
        }
    }
    return false;
}

static Index *bound(Reader *r, Str name)
{
    for (int k = r->nbound; k-- > 0;)
        if (r->bound[k]->name == name)
            return r->bound[k];
    return NULL;
}

static Expr *limit_of(Reader *r, Tensor *length)
{
    if (!length || length->rank == 0)
        return length ? expr_scalar(length) : NULL;
    Index *n = bound(r, intern("n"));
    if (!n)
        bug("text: a length without n");
    Expr *sub[1] = { expr_index(n) };
    return expr_read(length, sub, 0, NULL);
}

static Index *bind(Reader *r, Str name, const char *from)
{
    int size = 0;
    Tensor *length = NULL;
    Reader ahead = *r;
    ahead.at = from;
    if (!range_of(&ahead, name, &size, &length))
        bug("text: %s has no range at: %.40s", name, from);
    Index *i = index_new(name, size, limit_of(r, length));
    r->bound[r->nbound++] = i;
    return i;
}

/* ---- expressions -------------------------------------------------------------------------------------- */
static Expr *expr(Reader *r);
static Expr *product(Reader *r, bool subscript);
static Expr *whole_expr(Reader *r);

static Expr *negated(Expr *e)
{
    return expr_op(OP_neg, e, NULL, NULL);
}

static Expr *draw(Reader *r, bool normal)
{
    Expr *e = NEW(Expr);
    e->kind = EXPR_draw;
    e->normal = normal;
    e->stream = ++r->stream;
    for (int k = 0; k < r->nbound && e->nkey < MAX_RANK; k++) {
        e->key[e->nkey] = expr_index(r->bound[k]);
        e->key_size[e->nkey++] = r->bound[k]->size;
    }
    return e;
}

static bool covers_axis(Expr *e, const Axis *a)
{
    return e->kind == EXPR_index && e->index->size == a->size && (e->index->limit || !a->length);
}

static Expr *read_tensor(Reader *r, Tensor *t)
{
    Expr *sub[MAX_RANK], *other = NULL;
    unsigned check = 0;
    int n = 0;
    if (t->rank) {
        want(r, "[");
        do {
            sub[n] = whole_expr(r);
            check |= covers_axis(sub[n], &t->axis[n]) ? 0 : 1u << n;
            n++;
        } while (take(r, ","));
        if (take(r, "else"))
            other = expr(r);
        want(r, "]");
    }
    if (n != t->rank)
        bug("text: %s has %d axes", t->name, t->rank);
    return expr_read(t, sub, check, other);
}

static Expr *reduction(Reader *r, int which)
{
    Expr *e = NEW(Expr);
    e->kind = EXPR_reduce;
    e->reduce = (Reduce) which;
    const int was = r->nbound;
    Index *outer[MAX_RANK];
    do {
        const char *from = r->at;
        Str name = word(r);
        outer[e->nindex] = bound(r, name);
        if (take(r, "<")) {
            Index *i = index_new(name, (int) strtol(r->at, (char **) &r->at, 10), NULL);
            r->bound[r->nbound++] = i;
            e->bound[e->nindex++] = i;
        } else {
            e->bound[e->nindex++] = bind(r, name, from);
        }
    } while (take(r, ","));
    for (int k = 0; k < e->nindex && which == REDUCE_rank; k++)
        e->rank_of[k] = outer[k];
    if (take(r, "where"))
        e->where = expr(r);
    want(r, ")");
    e->arg[0] = product(r, false);
    r->nbound = was;
    if (which == REDUCE_choice)
        e->arg[1] = draw(r, false);
    e->whole = which >= REDUCE_argmax || (which != REDUCE_mean && e->arg[0]->whole);
    return e;
}

static Expr *call(Reader *r, Str name)
{
    static const char *const reduce[] = { "sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice" };
    static const struct { const char *name; int n; Op op; } ops[] = {
        { "exp", 1, OP_exp }, { "log", 1, OP_log }, { "sqrt", 1, OP_sqrt }, { "abs", 1, OP_abs }, { "sin", 1, OP_sin },
        { "cos", 1, OP_cos }, { "acos", 1, OP_acos }, { "tanh", 1, OP_tanh }, { "sigmoid", 1, OP_sigmoid },
        { "softplus", 1, OP_softplus }, { "erf", 1, OP_erf }, { "floor", 1, OP_floor }, { "round", 1, OP_round },
        { "lgamma", 1, OP_lgamma }, { "rsqrt0", 1, OP_rsqrt0 }, { "max", 2, OP_max }, { "min", 2, OP_min },
        { "bessel_ratio", 2, OP_bessel_ratio }, { "bessel_slope", 2, OP_bessel_slope }, { "log_bessel", 2, OP_log_bessel },
    };
    /* A reduction has an operand behind its parentheses. */
    const char *c = r->at;
    int depth = 1;
    for (; *c && depth > 0; c++)
        depth += (*c == '(') - (*c == ')');
    while (*c == ' ')
        c++;
    static const char *const kept[] = { "where", "else", "and", "or", "until" };
    bool operand = isalnum((unsigned char) *c) || *c == '(';
    for (int k = 0; k < 5; k++)
        operand = operand && !(!strncmp(c, kept[k], strlen(kept[k])) && !isalnum((unsigned char) c[strlen(kept[k])]));
    for (int k = 0; operand && k < 11; k++)
        if (!strcmp(name, reduce[k]))
            return reduction(r, k);
    if (!strcmp(name, "normal") || !strcmp(name, "uniform")) {
        want(r, ")");
        return draw(r, *name == 'n');
    }
    Expr *a = expr(r), *b = take(r, ",") ? expr(r) : NULL, *third = take(r, ",") ? expr(r) : NULL;
    want(r, ")");
    if (!strcmp(name, "stop"))
        return expr_stop(a);
    if (!strcmp(name, "byhand"))
        return expr_byhand(a, b, third);
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (!strcmp(name, ops[k].name))
            return expr_op(ops[k].op, a, b, NULL);
    bug("text: no function %s", name);
}

static Expr *atom(Reader *r)
{
    space(r);
    if (isdigit((unsigned char) *r->at)) {
        char *end;
        const double v = strtod(r->at, &end);
        r->at = end;
        return expr_num(v);
    }
    if (take(r, "(")) {
        Expr *e = expr(r);
        want(r, ")");
        return e;
    }
    Str name = word(r);
    if (name == intern("inf"))
        return expr_real(INFINITY);
    if (take(r, "("))
        return call(r, name);
    Tensor *t = find(r->t, name);
    if (t && (t->rank == 0 || peek(r, "[")))
        return read_tensor(r, t);
    Index *i = bound(r, name);
    if (!i && r->stmt) {
        i = bind(r, name, r->start);
        r->stmt->index[r->stmt->nindex++] = i;
        r->stmt->nouter = r->stmt->nindex;
    }
    if (!i)
        bug("text: what is %s", name);
    return expr_index(i);
}

static Expr *sign(Reader *r)
{
    if (take(r, "-"))
        return negated(sign(r));
    Expr *e = atom(r);
    return take(r, "^") ? expr_op(OP_pow, e, sign(r), NULL) : e;
}

static Expr *product(Reader *r, bool subscript)
{
    Expr *e = sign(r);
    for (;;) {
        if (take(r, "*"))
            e = expr_op(OP_mul, e, sign(r), NULL);
        else if (take(r, "/"))
            e = expr_op(subscript ? OP_idiv : OP_div, e, sign(r), NULL);
        else if (take(r, "%"))
            e = expr_op(OP_mod, e, sign(r), NULL);
        else
            return e;
    }
}

static Expr *sum(Reader *r, bool subscript)
{
    Expr *e = product(r, subscript);
    for (;;) {
        if (peek(r, "+="))
            return e;
        if (take(r, "+"))
            e = expr_op(OP_add, e, product(r, subscript), NULL);
        else if (take(r, "-"))
            e = expr_op(OP_sub, e, product(r, subscript), NULL);
        else
            return e;
    }
}

static Expr *whole_expr(Reader *r)
{
    return sum(r, true);
}

static Expr *compare(Reader *r)
{
    Expr *e = sum(r, false);
    if (take(r, "<="))
        return expr_op(OP_le, e, sum(r, false), NULL);
    if (take(r, ">="))
        return expr_op(OP_le, sum(r, false), e, NULL);
    if (take(r, "<"))
        return expr_op(OP_lt, e, sum(r, false), NULL);
    if (take(r, ">"))
        return expr_op(OP_lt, sum(r, false), e, NULL);
    if (take(r, "=="))
        return expr_op(OP_eq, e, sum(r, false), NULL);
    if (take(r, "!="))
        return expr_op(OP_ne, e, sum(r, false), NULL);
    return e;
}

static Expr *negation(Reader *r)
{
    return take(r, "not") ? expr_op(OP_not, negation(r), NULL, NULL) : compare(r);
}

static Expr *conjunction(Reader *r)
{
    Expr *e = negation(r);
    while (take(r, "and"))
        e = expr_op(OP_and, e, negation(r), NULL);
    return e;
}

static Expr *expr(Reader *r)
{
    Expr *e = conjunction(r);
    while (take(r, "or"))
        e = expr_op(OP_or, e, conjunction(r), NULL);
    if (!take(r, "?"))
        return e;
    Expr *a = expr(r);
    want(r, ":");
    return expr_op(OP_select, e, a, expr(r));
}

/* ---- declarations and statements ----------------------------------------------------------------------- */
static void declare(Reader *r, Role role, Elem elem)
{
    Str name = word(r);
    Tensor *t = tensor_new(r->t->module, name, role, elem);
    Named n = { name, t };
    if (take(r, "["))
        do {
            Axis *a = &t->axis[t->rank++];
            if (take(r, ".."))
                a->length = text_tensor(r->t, "len");
            a->size = (int) strtol((space(r), r->at), (char **) &r->at, 10);
            if (take(r, "n")) {
                a->example = true;
                a->length = r->t->batch;
            }
        } while (take(r, ","));
    if (t->rank)
        want(r, "]");
    if (take(r, "of"))
        t->of = (int) strtol((space(r), r->at), (char **) &r->at, 10);
    PUSH(r->t->names, n);
    if (role == ROLE_param) {
        t->offset = r->t->module->nparams;
        r->t->module->nparams += tensor_count(t);
        PUSH(r->t->module->params, t);
        PUSH(r->t->program->trained, t);
    }
    if (role == ROLE_input || role == ROLE_length)
        PUSH(r->t->program->inputs, t);
}

static void statements(Reader *r, StmtList *list);

static void scan(Reader *r, StmtList *list)
{
    Stmt *s = NEW(Stmt);
    s->kind = STMT_scan;
    Str name = word(r);
    want(r, "<");
    s->step = index_new(name, (int) strtol((space(r), r->at), (char **) &r->at, 10), NULL);
    s->down = take(r, "down");
    want(r, "{");
    r->bound[r->nbound++] = s->step;
    r->nstep++;
    statements(r, &s->body);
    r->nstep--;
    r->nbound--;
    want(r, "}");
    if (take(r, "until"))
        s->stop = text_tensor(r->t, word(r));
    PUSH(*list, s);
}

static void assign(Reader *r, StmtList *list)
{
    r->start = r->at;
    Tensor *t = text_tensor(r->t, word(r));
    Stmt *s = nest_new(t, SET_is, NULL);
    r->stmt = s;
    r->nbound = r->nstep;
    if (t->rank && peek(r, "[")) {
        want(r, "[");
        for (int k = 0; k < t->rank; k++) {
            r->at = (space(r), r->at);
            /* a bare index of the left side has the range of the target's axis */
            const char *was = r->at;
            if (isalpha((unsigned char) *r->at)) {
                Str w = word(r);
                if ((peek(r, ",") || peek(r, "]")) && !find(r->t, w) && !bound(r, w)) {
                    Index *i = index_new(w, t->axis[k].size, limit_of(r, t->axis[k].length));
                    r->bound[r->nbound++] = i;
                    s->index[s->nindex++] = i;
                }
                r->at = was;
            }
            s->sub[k] = whole_expr(r);
            s->check |= covers_axis(s->sub[k], &t->axis[k]) ? 0 : 1u << k;
            if (k < t->rank - 1)
                want(r, ",");
        }
        want(r, "]");
    }
    s->nouter = s->nindex;
    s->set = take(r, "+=") ? SET_add : take(r, "max=") ? SET_max : take(r, "min=") ? SET_min : take(r, "*=") ? SET_mul : SET_is;
    if (s->set == SET_is)
        want(r, "=");
    if (peek(r, "gradient") || peek(r, "reshape")) {
        s->kind = peek(r, "gradient") ? STMT_gradient : STMT_reshape;
        word(r);
        want(r, "(");
        s->source = text_tensor(r->t, word(r));
        if (take(r, ","))
            s->wrt = text_tensor(r->t, word(r));
        want(r, ")");
    } else {
        s->value = expr(r);
        if (take(r, "where"))
            s->where = expr(r);
    }
    s->nouter = s->nindex;
    r->stmt = NULL;
    r->nbound = r->nstep;
    PUSH(*list, s);
}

static void statements(Reader *r, StmtList *list)
{
    for (space(r); *r->at && *r->at != '}'; space(r)) {
        if (take(r, "in"))
            declare(r, ROLE_input, ELEM_real);
        else if (take(r, "int"))
            declare(r, ROLE_input, ELEM_int);
        else if (take(r, "param"))
            declare(r, ROLE_param, ELEM_real);
        else if (take(r, "state"))
            declare(r, ROLE_state, ELEM_real);
        else if (take(r, "length"))
            declare(r, ROLE_length, ELEM_int);
        else if (take(r, "temp"))
            declare(r, ROLE_temp, ELEM_real);
        else if (take(r, "whole"))
            declare(r, ROLE_temp, ELEM_int);
        else if (take(r, "scan"))
            scan(r, list);
        else
            assign(r, list);
    }
}

Text *text_read(const char *text)
{
    Text *t = NEW(Text);
    t->module = NEW(Module);
    t->program = NEW(Program);
    t->program->name = intern("test");
    t->program->training = -1;
    t->batch = tensor_new(t->module, intern("batch"), ROLE_clock, ELEM_int);
    Reader r = { .at = text, .t = t };
    statements(&r, &t->program->body);
    if (*r.at)
        bug("text: %.30s", r.at);
    t->program->loss = find(t, intern("loss"));
    return t;
}
