// Matches a line against a compiled set: all readings of the words so far advance together, one
// word at a time. Any thread. Must not read behind the line: words are offsets and lengths that
// walk_init() found.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "command_set.h"
#include "config.h"

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

bool walk_init(struct walk *w, const struct command_set *set, enum command_mode mode,
               const char *line)
{
	size_t len = strnlen(line, COMMAND_LINE), i = 0;

	w->set = set;
	w->mode = mode;
	w->line = line;
	w->n_words = w->done = w->exact = w->begin = w->end = 0;
	w->more = false;
	if (len >= COMMAND_LINE)
		return false;
	while (len && is_blank(line[len - 1]))
		len--;
	w->len = (uint16_t)len;
	for (;;) {
		size_t start;

		while (i < len && is_blank(line[i]))
			i++;
		if (i == len)
			return true;
		if (w->n_words == COMMAND_WORDS) {
			w->more = true;
			return true;
		}
		for (start = i; i < len && !is_blank(line[i]); i++)
			;
		w->words[w->n_words++] =
			(struct walk_word){.start = (uint16_t)start, .len = (uint16_t)(i - start)};
	}
}

void walk_next(const struct walk *w, void (*visit)(void *arg, const struct command_node *n),
               void *arg)
{
	const struct command_set *s = w->set;

	if (w->done == 0) {
		for (uint32_t i = 0; i < s->start[w->mode].n; i++)
			visit(arg, &s->nodes[s->start[w->mode].items[i]]);
		return;
	}
	for (unsigned t = w->begin; t < w->end; t++) {
		const struct positions *p = &s->nodes[w->threads[t].node].follow;

		for (uint32_t i = 0; i < p->n; i++)
			visit(arg, &s->nodes[p->items[i]]);
	}
}

int walk_accepts(const struct walk *w)
{
	if (w->done == 0)
		return -1;
	for (unsigned t = w->begin; t < w->end; t++)
		if (w->set->nodes[w->threads[t].node].last)
			return (int)t;
	return -1;
}

// Most keywords differ in their first letter: startup files have a million of words.
static bool same_letter(char a, char b)
{
	return ((a ^ b) & ~0x20) == 0;
}

bool node_keyword_starts(const struct command_node *n, const char *text, size_t len)
{
	return n->type == NODE_KEYWORD && n->name_len >= len &&
	       (!len || same_letter(n->name[0], text[0])) && !strncasecmp(n->name, text, len);
}

bool node_also_starts(const struct command_node *n, const char *text, size_t len)
{
	return n->also && (!len || same_letter(n->also[0], text[0])) && strlen(n->also) >= len &&
	       !strncasecmp(n->also, text, len);
}

// Digits only; false when it is none or does not fit.
static bool parse_number(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return true;
}

static bool parse_v4(const char *text, size_t len, struct ip_addr *out)
{
	char buf[16];

	if (len == 0 || len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return !addr_parse(buf, out) && out->family == 4;
}

static bool parse_v6(const char *text, size_t len, struct ip_addr *out)
{
	char buf[ADDR_TEXT];

	if (len == 0 || len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return !addr_parse(buf, out) && out->family == 6;
}

// "2001:db8::/32"; the host bits stay as they were typed.
static bool parse_prefix6(const char *text, size_t len, struct ip_addr *out, uint64_t *bits)
{
	const char *slash = memchr(text, '/', len);
	size_t addr = slash ? (size_t)(slash - text) : 0;

	return slash && parse_v6(text, addr, out) &&
	       parse_number(slash + 1, len - addr - 1, bits) && *bits <= 128;
}

// The interface name at word i, joined with the next word if that holds its number. Returns the
// words used, 0 when it is no interface name.
static unsigned parse_ifname(const struct walk *w, unsigned i, char out[CONFIG_NAME])
{
	const char *text = w->line + w->words[i].start;
	size_t len = w->words[i].len;
	char name[CONFIG_NAME];
	unsigned used = 1;

	if (len >= sizeof(name))
		return 0;
	memcpy(name, text, len);
	if (i + 1 < w->n_words && config_is_interface_type(text, len) &&
	    isdigit((unsigned char)w->line[w->words[i + 1].start])) {
		size_t more = w->words[i + 1].len;

		if (len + more >= sizeof(name))
			return 0;
		memcpy(name + len, w->line + w->words[i + 1].start, more);
		len += more;
		used = 2;
	}
	name[len] = '\0';
	return config_interface_name(name, out) ? 0 : used;
}

// Smaller is better; RANK_NONE does not match.
enum { RANK_EXACT, RANK_PREFIX, RANK_TYPED, RANK_NONE = 100 };

// Of its second keyword no more is short for than of the first one, so that `de` stays `deny`.
#define ALSO_LEAST 3

static int rank_keyword(const struct command_node *n, const char *text, size_t len)
{
	if (len >= ALSO_LEAST && node_also_starts(n, text, len))
		return n->also[len] ? RANK_PREFIX : RANK_EXACT;
	if (!node_keyword_starts(n, text, len))
		return RANK_NONE;
	if (n->name_len == len)
		return RANK_EXACT;
	// "1" is no abbreviation of "128"
	return isdigit((unsigned char)n->name[0]) ? RANK_NONE : RANK_PREFIX;
}

static int rank(const struct walk *w, const struct command_node *n)
{
	const char *text = w->line + w->words[w->done].start;
	size_t len = w->words[w->done].len;
	char name[CONFIG_NAME];
	struct ip_addr addr;
	uint64_t number;
	bool ok = false;

	switch (n->type) {
	case NODE_KEYWORD:
		return rank_keyword(n, text, len);
	case NODE_NUMBER:
		ok = parse_number(text, len, &number) && number >= n->lo && number <= n->hi;
		break;
	case NODE_ADDRESS:
	case NODE_WILDCARD:
		ok = parse_v4(text, len, &addr);
		break;
	case NODE_ADDRESS6:
		ok = parse_v6(text, len, &addr);
		break;
	case NODE_PREFIX6:
		ok = parse_prefix6(text, len, &addr, &number);
		break;
	case NODE_MASK:
		ok = parse_v4(text, len, &addr) && prefix_len_from_mask(&addr) >= 0;
		break;
	case NODE_IFNAME:
		ok = parse_ifname(w, w->done, name) > 0;
		break;
	case NODE_WORD:
		ok = len >= n->lo && len <= n->hi;
		break;
	case NODE_LINE:
		ok = true;
		break;
	}
	return ok ? RANK_TYPED + (int)n->type : RANK_NONE;
}

struct choice {
	const struct walk *walk;
	int best;
	const char *keyword; // the one that `best` means
	bool ambiguous;
};

static void choose(void *arg, const struct command_node *n)
{
	struct choice *c = arg;
	int r = rank(c->walk, n);

	if (r == RANK_NONE || r > c->best)
		return;
	if (r < c->best) {
		c->best = r;
		c->keyword = n->name;
		c->ambiguous = false;
	} else if (r == RANK_PREFIX && strcasecmp(c->keyword, n->name)) {
		c->ambiguous = true;
	}
}

static bool chosen(const struct choice *c, const struct command_node *n)
{
	if (rank(c->walk, n) != c->best)
		return false;
	return n->type != NODE_KEYWORD || !strcasecmp(n->name, c->keyword);
}

// Adds the chosen ones among `p`; a node that two readings reach is taken once.
static void advance(struct walk *w, const struct choice *c, const struct positions *p, int parent,
                    unsigned *n)
{
	unsigned from = w->end;

	for (uint32_t i = 0; i < p->n && *n < WALK_THREADS; i++) {
		bool seen = false;

		if (!chosen(c, &w->set->nodes[p->items[i]]))
			continue;
		for (unsigned t = from; t < *n && !seen; t++)
			seen = w->threads[t].node == p->items[i];
		if (!seen)
			w->threads[(*n)++] =
				(struct walk_thread){p->items[i], parent, (uint16_t)w->done};
	}
}

enum command_status walk_step(struct walk *w)
{
	struct choice c = {.walk = w, .best = RANK_NONE};
	unsigned n = w->end, used = 1;
	char name[CONFIG_NAME];

	if (w->done >= w->n_words)
		return COMMAND_INCOMPLETE;
	walk_next(w, choose, &c);
	if (c.best == RANK_NONE)
		return COMMAND_INVALID;
	if (c.ambiguous)
		return COMMAND_AMBIGUOUS;
	if (w->done == 0)
		advance(w, &c, &w->set->start[w->mode], -1, &n);
	for (unsigned t = w->begin; w->done && t < w->end; t++)
		advance(w, &c, &w->set->nodes[w->threads[t].node].follow, (int)t, &n);
	if (c.best == RANK_TYPED + (int)NODE_IFNAME)
		used = parse_ifname(w, w->done, name);
	else if (c.best == RANK_TYPED + (int)NODE_LINE) {
		used = w->n_words - w->done;
		w->more = false;
	}
	if (c.best == RANK_EXACT && w->exact == w->done)
		w->exact++;
	w->begin = w->end;
	w->end = n;
	w->done += used;
	return n > w->begin ? COMMAND_OK : COMMAND_TOO_LONG;
}

// Copies `len` bytes and a NUL into m->text; NULL when it is full.
static const char *keep(struct command_match *m, size_t *used, const char *text, size_t len)
{
	char *out = m->text + *used;

	if (len + 1 > sizeof(m->text) - *used)
		return NULL;
	memcpy(out, text, len);
	out[len] = '\0';
	*used += len + 1;
	return out;
}

static bool fill_arg(const struct walk *w, const struct walk_thread *t, struct command_match *m,
                     size_t *used, struct command_arg *arg)
{
	const struct command_node *n = &w->set->nodes[t->node];
	const struct walk_word *word = &w->words[t->word];
	const char *text = w->line + word->start;
	size_t len = word->len;
	char name[CONFIG_NAME];

	*arg = (struct command_arg){.name = n->name, .column = word->start + 1u};
	switch (n->type) {
	case NODE_KEYWORD:
		arg->text = n->name;
		return true;
	case NODE_NUMBER:
		parse_number(text, len, &arg->number);
		break;
	case NODE_MASK:
		parse_v4(text, len, &arg->addr);
		arg->number = (uint64_t)prefix_len_from_mask(&arg->addr);
		break;
	case NODE_ADDRESS:
	case NODE_WILDCARD:
		parse_v4(text, len, &arg->addr);
		break;
	case NODE_ADDRESS6:
		parse_v6(text, len, &arg->addr);
		break;
	case NODE_PREFIX6:
		parse_prefix6(text, len, &arg->addr, &arg->number);
		break;
	case NODE_IFNAME:
		parse_ifname(w, t->word, name);
		text = name;
		len = strlen(name);
		break;
	case NODE_WORD:
		break;
	case NODE_LINE:
		// up to the end of the last word: blanks at the end are not meant
		len = (size_t)w->len - word->start;
		break;
	}
	arg->text = keep(m, used, text, len);
	return arg->text;
}

// The line begins with `default`, which is read as `no`.
static bool begins_with_default(const struct walk *w, const struct command_node *first)
{
	return node_also_starts(first, w->line + w->words[0].start, w->words[0].len);
}

static enum command_status fill_match(const struct walk *w, int thread, struct command_match *m)
{
	unsigned n = 0;
	size_t used = 0;

	for (int t = thread; t >= 0; t = w->threads[t].parent)
		n++;
	m->n_args = n;
	for (int t = thread; t >= 0; t = w->threads[t].parent)
		if (!fill_arg(w, &w->threads[t], m, &used, &m->args[--n]))
			return COMMAND_TOO_LONG;
	m->command = w->set->nodes[w->threads[thread].node].command;
	m->no = w->set->nodes[w->threads[thread].node].no;
	while (w->threads[thread].parent >= 0)
		thread = w->threads[thread].parent;
	m->is_default = begins_with_default(w, &w->set->nodes[w->threads[thread].node]);
	return COMMAND_OK;
}

struct expected {
	const struct command_set *set;
	const char *word; // only keywords that start so; NULL = all nodes
	size_t word_len;
	char *out;
	size_t len, size;
	unsigned n;
	const struct command_node *only;
};

static void expect_text(struct expected *e, const char *text)
{
	size_t len = strlen(text), sep = e->n ? 2 : 0;

	if (len + sep + 6 > e->size - e->len) { // leaves room for ", ..."
		if (e->n && strcmp(e->out + e->len - 3, "..."))
			e->len += (size_t)snprintf(e->out + e->len, e->size - e->len, ", ...");
		return;
	}
	e->len +=
		(size_t)snprintf(e->out + e->len, e->size - e->len, "%s%s", e->n ? ", " : "", text);
	e->n++;
}

// Whether `text` is already an item of the list.
static bool expect_has(const struct expected *e, const char *text)
{
	size_t len = strlen(text);
	const char *p = e->out;

	while ((p = strstr(p, text))) {
		bool starts = p == e->out || p[-1] == ' ';

		if (starts && (p[len] == '\0' || p[len] == ','))
			return true;
		p += len;
	}
	return false;
}

static void expect(void *arg, const struct command_node *n)
{
	struct expected *e = arg;
	char text[80];

	if (e->word && !node_keyword_starts(n, e->word, e->word_len))
		return;
	node_display(n, text, sizeof(text));
	if (expect_has(e, text))
		return;
	e->only = n;
	expect_text(e, text);
}

// The words that the ambiguous one may be short for.
static void fill_meanings(const struct walk *w, struct command_match *m)
{
	struct expected e = {
		.set = w->set,
		.word = w->line + w->words[w->done].start,
		.word_len = w->words[w->done].len,
		.out = m->expected,
		.size = sizeof(m->expected),
	};

	walk_next(w, expect, &e);
}

// What could have stood where the line went wrong.
static void fill_expected(const struct walk *w, struct command_match *m)
{
	struct expected e = {.set = w->set, .out = m->expected, .size = sizeof(m->expected)};
	const char *help;

	m->expected[0] = '\0';
	if (m->status == COMMAND_AMBIGUOUS) {
		fill_meanings(w, m);
		return;
	}
	if (w->done == 0) {
		snprintf(m->expected, sizeof(m->expected), "a command of this mode");
		return;
	}
	if (w->done == 1 && w->set->nodes[w->threads[w->begin].node].no) {
		const struct command_node *n = &w->set->nodes[w->threads[w->begin].node];

		snprintf(m->expected, sizeof(m->expected), "a command of this mode behind '%s'",
		         begins_with_default(w, n) ? n->also : n->name);
		return;
	}
	walk_next(w, expect, &e);
	if (walk_accepts(w) >= 0)
		expect_text(&e, "end of line");
	help = e.n == 1 && e.only ? node_help(w->set, e.only) : NULL;
	if (help)
		snprintf(m->expected + e.len, sizeof(m->expected) - e.len, " (%s)", help);
}

static void too_long(struct command_match *m)
{
	m->status = COMMAND_TOO_LONG;
	snprintf(m->expected, sizeof(m->expected), "a line of at most %d bytes and %d words",
	         COMMAND_LINE - 1, COMMAND_WORDS);
}

static void parse(struct walk *w, struct command_match *m)
{
	int thread;

	while (w->done < w->n_words) {
		m->status = walk_step(w);
		if (m->status != COMMAND_OK)
			break;
		m->matched = w->done;
		m->exact = w->exact;
	}
	if (w->more) {
		too_long(m);
		return;
	}
	if (m->status == COMMAND_OK) {
		thread = walk_accepts(w);
		m->status = thread < 0 ? COMMAND_INCOMPLETE : fill_match(w, thread, m);
	}
	if (m->status == COMMAND_OK)
		return;
	if (w->done < w->n_words)
		m->column = w->words[w->done].start + 1u;
	else
		m->column = w->words[w->n_words - 1].start + w->words[w->n_words - 1].len + 1u;
	fill_expected(w, m);
}

void command_parse(const struct command_set *set, enum command_mode mode, const char *line,
                   struct command_match *m)
{
	struct walk w;

	m->status = COMMAND_OK;
	m->command = NULL;
	m->no = m->is_default = false;
	m->column = 0;
	m->matched = m->exact = m->n_args = 0;
	m->expected[0] = '\0';
	if (!walk_init(&w, set, mode, line)) {
		too_long(m);
	} else if (w.n_words == 0) {
		m->status = COMMAND_EMPTY;
	} else {
		parse(&w, m);
	}
}
