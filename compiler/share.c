/* share.c -- loops that are equal but for the arrays they are about stand in
 * the emitted file once.
 *
 *     static void encoder_layernorm2(int lo, int hi)
 *     {
 *         layernorm_loops(lo, hi, mem.encoder_residual1_y, mem.encoder_layernorm2_mu, ...);
 *     }
 *
 * Takes functions whose text is printed, and where in it each loop nest begins. Loops are
 * compared by their text, the form: extents as numbers, and arrays, locals and streams of draws
 * by their order of appearance. What else a text names stays in the form, so it is the same for
 * all. Arrays become parameters that share no memory: two that do, as a reshape that is an alias,
 * and one is set, keep their loops to themselves. Leaves in each function the pieces that
 * functions_print writes. */
#include "emit.h"
#include <ctype.h>
#include <stdlib.h>

typedef struct {
    Emit *e;
    Str piece;
    VEC(Var *) arrays;
    StrList names, locals, streams;         /* names: of the arrays, in the shared function */
    Buf form, text, takes, gives;
} Reading;

/* ---- words ---------------------------------------------------------------------------------- */
static int by_text(const void *a, const void *b)
{
    const Var *const *x = a, *const *y = b;
    return ((*x)->text > (*y)->text) - ((*x)->text < (*y)->text);
}

static Var *var_called(Emit *e, Str text)
{
    Var key = { .text = text }, *at = &key;
    Var **found = bsearch(&at, e->by_text.at, (size_t) e->by_text.n, sizeof at, by_text);
    return found && (*found)->tensor->role != ROLE_clock ? *found : NULL;
}

static int number_in(StrList *list, Str word)
{
    PUSH_NEW(*list, word);
    return FIRST(k, list->n, list->at[k] == word);
}

/* The last word of the tensor's name, where nothing else is called so. */
static Str name_for(Reading *r, const Var *v)
{
    const char *last = v->tensor->name ? strrchr(v->tensor->name, '.') : NULL;
    const Str wish = names_lower(last ? last + 1 : v->name);
    Str name = wish;
    for (int k = 2; names_taken(name) || has_word(r->piece, name) || HAS(r->names, name); k++)
        name = format("%s%d", wish, k);
    return name;
}

/* An array that has not been met: a parameter, and in the form its type. */
static void add_array(Reading *r, Var *v)
{
    const Tensor *t = v->tensor;
    const Str name = name_for(r, v);
    PUSH(r->arrays, v);
    PUSH(r->names, name);
    buf_add(&r->takes, t->rank > 1 ? ", %s (*restrict %s)%s" : ", %s *restrict %s%s",
            elem_type(r->e, t), name, extents_text(v, 1));
    buf_add(&r->gives, ", %s%s", t->rank ? "" : "&", v->text);
    buf_add(&r->form, "%s%d", elem_type(r->e, t), t->rank);
    for (int k = 1; k < t->rank; k++)
        buf_add(&r->form, "[%ld]", axis_room(t, k));
}

/* Declared here: a type stands before it. */
static bool declares(const char *text, const char *word)
{
    static const char *const types[] = { "int ", "float ", "double ", "int32_t " };
    return ANY(k, COUNT(types), word - text >= (long) strlen(types[k])
               && !strncmp(word - strlen(types[k]), types[k], strlen(types[k])));
}

/* false: an array whole, which a parameter cannot stand for. */
static bool read_word(Reading *r, const char *word, size_t n)
{
    const Str name = intern_n(word, n);
    Var *v = var_called(r->e, name);
    if (v) {
        if (!HAS(r->arrays, v))
            add_array(r, v);
        const int k = FIRST(k, r->arrays.n, r->arrays.at[k] == v);
        buf_add(&r->form, "$%d", k);
        buf_add(&r->text, v->tensor->rank ? "%s" : "%s[0]", r->names.at[k]);
        return v->tensor->rank == 0 || word[n] == '[';
    }
    buf_add(&r->text, "%s", name);
    if (HAS(r->locals, name) || declares(r->piece, word))
        buf_add(&r->form, "#%d", number_in(&r->locals, name));
    else if (extent_size(name))
        buf_add(&r->form, "%d", extent_size(name));
    else
        buf_add(&r->form, "%s", name);
    return true;
}

static void read_number(Reading *r, const char *word, size_t n)
{
    if (word[n - 1] != 'u') {
        buf_put(&r->form, word, n);
        buf_put(&r->text, word, n);
        return;
    }
    const int had = r->streams.n, k = number_in(&r->streams, intern_n(word, n));
    buf_add(&r->form, "@%d", k);
    buf_add(&r->text, "stream%d", k + 1);
    if (r->streams.n > had) {
        buf_add(&r->takes, ", unsigned stream%d", k + 1);
        buf_add(&r->gives, ", %s", r->streams.at[k]);
    }
}

static bool read_piece(Reading *r)
{
    bool good = true;
    for (const char *c = r->piece; *c && good; ) {
        size_t n = 1;
        while ((isalpha((unsigned char) *c) || *c == '_')
               && (isalnum((unsigned char) c[n]) || c[n] == '_' || c[n] == '.'))
            n++;
        while (isdigit((unsigned char) *c)
               && (isalnum((unsigned char) c[n]) || c[n] == '.'
                   || (c[n - 1] == 'e' && strchr("+-", c[n]))))
            n++;
        if (isdigit((unsigned char) *c))
            read_number(r, c, n);
        else if (isalpha((unsigned char) *c) || *c == '_')
            good = read_word(r, c, n);
        else {
            buf_put(&r->form, c, 1);
            buf_put(&r->text, c, 1);
        }
        c += n;
    }
    return good && r->arrays.n;
}

/* ---- what arrays may become parameters ------------------------------------------------------ */
static void note_accesses(Node *n, AccessList *out)
{
    const AccessList list = n->stmt ? stmt_accesses(n->stmt) : (AccessList) { 0 };
    EACH(a, list)
        PUSH(*out, a);
    EACH(inner, n->body)
        note_accesses(inner, out);
}

/* No local of other loops, no part of a block without a name, nothing set that
 * has another name too. */
static bool may_share(Emit *e, NodeList *nodes, const Reading *r)
{
    AccessList all = { 0 };
    TensorList made = { 0 };
    EACH(n, *nodes)
        note_accesses(n, &all);
    EACH(a, all)
        if (a.write && a.set < 0)
            PUSH(made, a.tensor);
    EACH(a, all) {
        if (info_of(e, a.tensor)->scalar ? !HAS(made, a.tensor) : !var_of(e, a.tensor)->name)
            return false;
        for (int k = 0; k < r->arrays.n && a.write; k++)
            if (r->arrays.at[k] != var_of(e, a.tensor)
                && var_root(r->arrays.at[k]) == var_root(var_of(e, a.tensor)))
                return false;
    }
    return true;
}

/* ---- functions ------------------------------------------------------------------------------ */
static Shared *shared_of(Emit *e, const Reading *r, Func *f)
{
    const Str form = intern(r->form.at);
    Shared *s = FIND(s, e->shared, s->form == form);
    if (s)
        return s;
    s = NEW(Shared);
    s->form = form;
    s->takes = intern(r->takes.at + 2);
    s->text = intern(r->text.at);
    const Use *u = f->use;
    s->name = u && u->words ? intern_n(u->words, strcspn(u->words, "(")) : intern("");
    s->name = names_lower(format("%s%s loops", s->name, f->backward ? " back" : ""));
    PUSH(e->shared, s);
    return s;
}

static void share_piece(Emit *e, Func *f, Piece *p, size_t to)
{
    Reading r = { .e = e, .piece = intern_n(f->text.at + p->from, to - p->from) };
    if (!ANY(k, p->nodes.n,
             p->nodes.at[k]->kind == NODE_loop || p->nodes.at[k]->kind == NODE_scan))
        return;
    if (has_word(r.piece, "lo") || has_word(r.piece, "hi")) {
        buf_add(&r.takes, ", int lo, int hi");
        buf_add(&r.gives, ", lo, hi");
    }
    if (!read_piece(&r) || !may_share(e, &p->nodes, &r))
        return;
    p->shared = shared_of(e, &r, f);
    p->gives = intern(r.gives.at + 2);
    PUSH(p->shared->funcs, f);
}

/* Finds what the function has in common with those before it. */
void share_loops(Emit *e, Func *f)
{
    e->by_text.n = 0;
    EACH(v, e->vars)
        PUSH(e->by_text, v);
    qsort(e->by_text.at, (size_t) e->by_text.n, sizeof *e->by_text.at, by_text);
    for (int k = 0; k < f->pieces.n && e->how.fast; k++)
        share_piece(e, f, &f->pieces.at[k],
                    k + 1 < f->pieces.n ? f->pieces.at[k + 1].from : f->text.n);
}

/* The text of a function, with calls of what it shares. */
void shared_calls(const Func *f, Buf *b)
{
    EACH_AT(p, f->pieces) {
        const size_t to = p + 1 < f->pieces.at + f->pieces.n ? p[1].from : f->text.n;
        if (p->shared && p->shared->funcs.n > 1)
            buf_add(b, "    %s(%s);\n", p->shared->name, p->gives);
        else
            buf_put(b, f->text.at + p->from, to - p->from);
    }
}

/* ---- text ----------------------------------------------------------------------------------- */
void shared_declare(Emit *e, Buf *b)
{
    bool any = false;
    EACH(s, e->shared) {
        if (s->funcs.n < 2)
            continue;
        if (!any)
            buf_add(b, "/* Loops that several functions have in common, but for their arrays; "
                       "they stand below. */\n");
        any = true;
        s->name = names_claim(s->name);
        wrap(b, format("static void %s(%s) AE_APART;\n", s->name, s->takes));
    }
    buf_add(b, any ? "\n" : "");
}

void shared_print(Emit *e, Buf *b)
{
    EACH(s, e->shared) {
        if (s->funcs.n < 2)
            continue;
        Buf users = { 0 };
        VEC(Func *) done = { 0 };
        EACH(f, s->funcs)
            if (!HAS(done, f)) {
                buf_add(&users, "%s%s", done.n ? ", " : "", f->name);
                PUSH(done, f);
            }
        const size_t line = b->n;
        buf_add(b, "/* ");
        wrap_words(b, users.at, line, 0);
        buf_add(b, " */\n");
        wrap(b, format("static void %s(%s)\n", s->name, s->takes));
        buf_add(b, "{\n");
        wrap(b, s->text);
        buf_add(b, "}\n\n");
    }
}
