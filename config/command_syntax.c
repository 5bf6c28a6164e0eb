// Syntax strings -> nodes. Runs once when a table is added; afterwards the set is read only.
// A node is a token of a syntax string, and `follow` holds the tokens that may come after it
// (Glushkov's construction), so that a match needs no backtracking.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_set.h"

struct fragment {
	struct positions first, last;
	bool nullable;
};

struct compiler {
	struct command_set *set;
	const struct command *command;
	bool no;
	const char *pos;
	int error; // 0 or -errno, stays
};

static int parse_alternatives(struct compiler *c, struct fragment *out);

static void positions_add(struct compiler *c, struct positions *p, uint32_t node)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->items[i] == node)
			return;
	if (p->n == p->size) {
		uint32_t size = p->size ? p->size * 2 : 4;
		uint32_t *items = reallocarray(p->items, size, sizeof(*items));

		if (!items) {
			c->error = -ENOMEM;
			return;
		}
		p->items = items;
		p->size = size;
	}
	p->items[p->n++] = node;
}

static void positions_join(struct compiler *c, struct positions *to, const struct positions *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		positions_add(c, to, from->items[i]);
}

static void fragment_fini(struct fragment *f)
{
	free(f->first.items);
	free(f->last.items);
	*f = (struct fragment){0};
}

// Every node of `last` may be followed by every node of `first`.
static void link_nodes(struct compiler *c, const struct positions *last,
                       const struct positions *first)
{
	for (uint32_t i = 0; i < last->n; i++)
		positions_join(c, &c->set->nodes[last->items[i]].follow, first);
}

static struct command_node *node_new(struct compiler *c)
{
	struct command_set *s = c->set;

	if (s->n_nodes == s->size) {
		uint32_t size = s->size ? s->size * 2 : 256;
		struct command_node *nodes = reallocarray(s->nodes, size, sizeof(*nodes));

		if (!nodes) {
			c->error = -ENOMEM;
			return NULL;
		}
		s->nodes = nodes;
		s->size = size;
	}
	s->nodes[s->n_nodes] = (struct command_node){.command = c->command, .no = c->no};
	return &s->nodes[s->n_nodes++];
}

// "<LO-HI>" with nothing behind it.
static int parse_range(const char *text, uint64_t *lo, uint64_t *hi)
{
	char close;
	int end = 0;
	unsigned long long l, h;

	if (sscanf(text, "<%llu-%llu%c%n", &l, &h, &close, &end) != 3 || close != '>' || text[end])
		return -EINVAL;
	*lo = l;
	*hi = h;
	return 0;
}

static int parse_type(struct command_node *n, const char *type)
{
	static const struct {
		const char *text;
		enum node_type type;
	} types[] = {
		{"A.B.C.D", NODE_ADDRESS},   {"MASK", NODE_MASK},
		{"WILDCARD", NODE_WILDCARD}, {"IFNAME", NODE_IFNAME},
		{"WORD", NODE_WORD},         {"LINE", NODE_LINE},
		{"X:X::X", NODE_ADDRESS6},   {"X:X::X/LEN", NODE_PREFIX6},
	};

	n->lo = 1;
	n->hi = 63;
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i].text)) {
			n->type = types[i].type;
			return 0;
		}
	if (!strncmp(type, "WORD<", 5)) {
		n->type = NODE_WORD;
		return parse_range(type + 4, &n->lo, &n->hi);
	}
	n->type = NODE_NUMBER;
	return parse_range(type, &n->lo, &n->hi);
}

static int parse_token(struct compiler *c, struct fragment *out)
{
	size_t len = strcspn(c->pos, " []{}|");
	char token[64], *colon;
	struct command_node *n;
	uint32_t index;

	if (len == 0 || len >= sizeof(token))
		return -EINVAL;
	memcpy(token, c->pos, len);
	token[len] = '\0';
	c->pos += len;
	n = node_new(c);
	if (!n)
		return -ENOMEM;
	index = c->set->n_nodes - 1;
	colon = strchr(token, ':');
	if (colon) {
		*colon = '\0';
		if (parse_type(n, colon + 1))
			return -EINVAL;
	}
	n->name = strdup(token);
	if (!n->name)
		return -ENOMEM;
	n->name_len = strlen(n->name);
	positions_add(c, &out->first, index);
	positions_add(c, &out->last, index);
	return c->error;
}

static int parse_item(struct compiler *c, struct fragment *out)
{
	char open = *c->pos;
	int err;

	if (open != '[' && open != '{')
		return parse_token(c, out);
	c->pos++;
	err = parse_alternatives(c, out);
	if (err)
		return err;
	if (*c->pos != (open == '[' ? ']' : '}'))
		return -EINVAL;
	c->pos++;
	if (open == '[')
		out->nullable = true;
	if (*c->pos == '+') {
		c->pos++;
		link_nodes(c, &out->last, &out->first);
	}
	return c->error;
}

// *a becomes "a b"; b is used up.
static void fragment_concat(struct compiler *c, struct fragment *a, struct fragment *b)
{
	struct positions swap;

	link_nodes(c, &a->last, &b->first);
	if (a->nullable)
		positions_join(c, &a->first, &b->first);
	if (b->nullable)
		positions_join(c, &b->last, &a->last);
	swap = a->last;
	a->last = b->last;
	b->last = swap;
	a->nullable = a->nullable && b->nullable;
	fragment_fini(b);
}

static int parse_sequence(struct compiler *c, struct fragment *out)
{
	out->nullable = true;
	for (;;) {
		struct fragment item = {0};
		int err;

		while (*c->pos == ' ')
			c->pos++;
		if (!*c->pos || strchr("|]}", *c->pos))
			return c->error;
		err = parse_item(c, &item);
		if (err) {
			fragment_fini(&item);
			return err;
		}
		fragment_concat(c, out, &item);
	}
}

static int parse_alternatives(struct compiler *c, struct fragment *out)
{
	int err = parse_sequence(c, out);

	while (!err && *c->pos == '|') {
		struct fragment other = {0};

		c->pos++;
		err = parse_sequence(c, &other);
		positions_join(c, &out->first, &other.first);
		positions_join(c, &out->last, &other.last);
		out->nullable = out->nullable || other.nullable;
		fragment_fini(&other);
		if (!err)
			err = c->error;
	}
	return err;
}

// An argument with the name of a keyword of the same command could not be told from it.
static bool names_clash(const struct command_set *set, uint32_t from)
{
	for (uint32_t i = from; i < set->n_nodes; i++)
		for (uint32_t k = i + 1; k < set->n_nodes; k++)
			if ((set->nodes[i].type == NODE_KEYWORD) !=
			            (set->nodes[k].type == NODE_KEYWORD) &&
			    !strcmp(set->nodes[i].name, set->nodes[k].name))
				return true;
	return false;
}

static int compile(struct command_set *set, const struct command *cmd, const char *syntax, bool no)
{
	struct compiler c = {.set = set, .command = cmd, .no = no, .pos = syntax};
	struct fragment f = {0};
	uint32_t from = set->n_nodes;
	int err = parse_sequence(&c, &f);

	if (!err && (*c.pos || f.nullable || names_clash(set, from)))
		err = -EINVAL;
	for (uint32_t i = 0; !err && i < f.last.n; i++)
		set->nodes[f.last.items[i]].last = true;
	if (!err && no && set->default_help)
		set->nodes[from].also = "default";
	if (!err) {
		positions_join(&c, &set->start[cmd->mode], &f.first);
		err = c.error;
	}
	fragment_fini(&f);
	if (err == -EINVAL)
		fprintf(stderr, "command syntax \"%s\": error at \"%s\"\n", syntax, c.pos);
	return err;
}

static int compile_no(struct command_set *set, const struct command *cmd, const char *syntax)
{
	char *text;
	int err;

	if (asprintf(&text, "no %s", syntax) < 0)
		return -ENOMEM;
	err = compile(set, cmd, text, true);
	free(text);
	return err;
}

struct command_set *command_set_create(void)
{
	return calloc(1, sizeof(struct command_set));
}

int command_set_add(struct command_set *set, const struct command *table, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int err = compile(set, &table[i], table[i].syntax, false);

		if (!err && table[i].no)
			err = compile_no(set, &table[i], table[i].syntax);
		if (!err && table[i].no && table[i].no[0])
			err = compile_no(set, &table[i], table[i].no);
		if (err)
			return err;
	}
	return 0;
}

void command_set_default(struct command_set *set, const char *help)
{
	set->default_help = help;
}

void command_set_words(struct command_set *set, const struct command_word *words)
{
	set->words = words;
}

void command_set_free(struct command_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->n_nodes; i++) {
		free(set->nodes[i].name);
		free(set->nodes[i].follow.items);
	}
	for (unsigned m = 0; m < MODE_COUNT; m++)
		free(set->start[m].items);
	free(set->nodes);
	free(set);
}
