// What `?` and the tab key show, IOS's error texts, and the accessors for handlers. Any thread.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command_set.h"

void node_display(const struct command_node *n, char *out, size_t size)
{
	switch (n->type) {
	case NODE_KEYWORD:
		snprintf(out, size, "%s", n->name);
		break;
	case NODE_NUMBER:
		snprintf(out, size, "<%llu-%llu>", (unsigned long long)n->lo,
		         (unsigned long long)n->hi);
		break;
	case NODE_ADDRESS:
	case NODE_MASK:
	case NODE_WILDCARD:
		snprintf(out, size, "A.B.C.D");
		break;
	case NODE_ADDRESS6:
		snprintf(out, size, "X:X:X:X::X");
		break;
	case NODE_PREFIX6:
		snprintf(out, size, "X:X:X:X::X/<0-128>");
		break;
	case NODE_IFNAME:
		snprintf(out, size, "IFNAME");
		break;
	case NODE_WORD:
		snprintf(out, size, "WORD");
		break;
	case NODE_LINE:
		snprintf(out, size, "LINE");
		break;
	}
}

static const char *find_word(const struct command_word *words, const char *name)
{
	for (; words && words->word; words++)
		if (!strcmp(words->word, name))
			return words->help;
	return NULL;
}

const char *node_help(const struct command_set *set, const struct command_node *n)
{
	const char *help = find_word(n->command->words, n->name);

	return help ? help : find_word(set->words, n->name);
}

#define HELP_ITEMS 256

struct help_item {
	char display[80];
	const char *help;
};

struct help_list {
	const struct command_set *set;
	const char *prefix; // only keywords that start so; NULL = all nodes
	size_t prefix_len;
	unsigned n;
	struct help_item items[HELP_ITEMS];
};

static void add_item(struct help_list *l, const struct help_item *item)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].display, item->display)) {
			if (!l->items[i].help)
				l->items[i].help = item->help;
			return;
		}
	if (l->n < HELP_ITEMS)
		l->items[l->n++] = *item;
}

static void collect(void *arg, const struct command_node *n)
{
	struct help_list *l = arg;
	struct help_item item;

	if (!l->prefix || node_keyword_starts(n, l->prefix, l->prefix_len)) {
		node_display(n, item.display, sizeof(item.display));
		item.help = node_help(l->set, n);
		add_item(l, &item);
	}
	if (node_also_starts(n, l->prefix ? l->prefix : "", l->prefix_len)) {
		snprintf(item.display, sizeof(item.display), "%s", n->also);
		item.help = l->set->default_help;
		add_item(l, &item);
	}
}

static int compare_items(const void *a, const void *b)
{
	const struct help_item *x = a, *y = b;

	return strcasecmp(x->display, y->display);
}

// Walks all words of `line` but an unfinished last one and collects what may come next. False when
// a word before does not match; then *status says why.
static bool list_next(const struct command_set *set, enum command_mode mode, const char *line,
                      struct help_list *l, bool *may_end, bool *unfinished)
{
	size_t len = strlen(line);
	struct walk w;

	*l = (struct help_list){.set = set};
	if (!walk_init(&w, set, mode, line) || w.more)
		return false;
	*unfinished = w.n_words && line[len - 1] != ' ' && line[len - 1] != '\t';
	if (*unfinished) {
		w.n_words--;
		l->prefix = line + w.words[w.n_words].start;
		l->prefix_len = w.words[w.n_words].len;
	}
	while (w.done < w.n_words)
		if (walk_step(&w) != COMMAND_OK)
			return false;
	walk_next(&w, collect, l);
	*may_end = walk_accepts(&w) >= 0;
	qsort(l->items, l->n, sizeof(l->items[0]), compare_items);
	return true;
}

unsigned command_complete(const struct command_set *set, enum command_mode mode, const char *line,
                          void (*cb)(void *arg, const char *word), void *arg)
{
	struct help_list *l = malloc(sizeof(*l));
	bool may_end, unfinished;
	unsigned n = 0;

	if (!l)
		return 0;
	if (list_next(set, mode, line, l, &may_end, &unfinished))
		for (unsigned i = 0; i < l->n; i++) {
			// `<1-5>`, WORD and A.B.C.D cannot be typed for the operator
			if (!unfinished &&
			    (l->items[i].display[0] == '<' ||
			     (l->items[i].display[0] >= 'A' && l->items[i].display[0] <= 'Z')))
				continue;
			cb(arg, l->items[i].display);
			n++;
		}
	free(l);
	return n;
}

static void print_items(const struct help_list *l, bool may_end, struct text *out)
{
	int width = may_end ? 4 : 0;

	for (unsigned i = 0; i < l->n; i++)
		if ((int)strlen(l->items[i].display) > width)
			width = (int)strlen(l->items[i].display);
	for (unsigned i = 0; i < l->n; i++) {
		const char *help = l->items[i].help;

		if (help)
			text_printf(out, "  %-*s  %s\n", width, l->items[i].display, help);
		else
			text_printf(out, "  %s\n", l->items[i].display);
	}
	if (may_end)
		text_printf(out, "  <cr>\n");
}

unsigned command_help(const struct command_set *set, enum command_mode mode, const char *line,
                      struct text *out)
{
	struct help_list *l = malloc(sizeof(*l));
	bool may_end = false, unfinished = false;
	unsigned n;

	if (!l)
		return 0;
	if (!list_next(set, mode, line, l, &may_end, &unfinished)) {
		text_printf(out, "%% Unrecognized command\n");
	} else if (!unfinished) {
		print_items(l, may_end, out);
	} else if (l->n == 0) {
		text_printf(out, "%% Unrecognized command\n");
	} else {
		for (unsigned i = 0; i < l->n; i++)
			text_printf(out, "%s%s", i ? "  " : "", l->items[i].display);
		text_printf(out, "\n");
	}
	n = l->n;
	free(l);
	return n;
}

void command_error(const struct command_match *m, const char *line, unsigned indent,
                   struct text *out)
{
	switch (m->status) {
	case COMMAND_OK:
	case COMMAND_EMPTY:
		break;
	case COMMAND_AMBIGUOUS:
		text_printf(out, "%% Ambiguous command:  \"%s\"\n", line);
		break;
	case COMMAND_INCOMPLETE:
		text_printf(out, "%% Incomplete command.\n");
		break;
	case COMMAND_TOO_LONG:
		text_printf(out, "%% Line too long, expected %s.\n", m->expected);
		break;
	case COMMAND_INVALID:
		text_printf(out, "%*s^\n%% Invalid input detected at '^' marker.\n",
		            (int)(indent + m->column - 1), "");
		break;
	}
}

const char *command_mode_prompt(enum command_mode mode)
{
	static const char *const prompts[MODE_COUNT] = {
		[MODE_EXEC_USER] = ">",
		[MODE_EXEC] = "#",
		[MODE_CONFIG] = "(config)#",
		[MODE_INTERFACE] = "(config-if)#",
		[MODE_ISAKMP_POLICY] = "(config-isakmp)#",
		[MODE_TRANSFORM_SET] = "(cfg-crypto-trans)#",
		[MODE_CRYPTO_MAP] = "(config-crypto-map)#",
		[MODE_ACL] = "(config-ext-nacl)#",
		[MODE_IPV6_ACL] = "(config-ipv6-acl)#",
		[MODE_EZVPN] = "(config-crypto-ezvpn)#",
		[MODE_PLATFORM] = "(config-platform)#",
		[MODE_LINE] = "(config-line)#",
		[MODE_IGNORED] = "(config-ignored)#",
	};

	return prompts[mode];
}

int command_run(const struct command_match *m, void *user, struct command_call *call)
{
	*call = (struct command_call){
		.command = m->command,
		.no = m->no,
		.is_default = m->is_default,
		.user = user,
		.args = m->args,
		.n_args = m->n_args,
	};
	return m->command->run(call);
}

const struct command_arg *command_arg_at(const struct command_call *call, const char *name,
                                         unsigned index)
{
	for (unsigned i = 0; i < call->n_args; i++)
		if (!strcmp(call->args[i].name, name) && index-- == 0)
			return &call->args[i];
	return NULL;
}

const struct command_arg *command_arg(const struct command_call *call, const char *name)
{
	return command_arg_at(call, name, 0);
}

bool command_has(const struct command_call *call, const char *name)
{
	return command_arg(call, name);
}

uint64_t command_number(const struct command_call *call, const char *name, uint64_t otherwise)
{
	const struct command_arg *a = command_arg(call, name);

	return a ? a->number : otherwise;
}

const char *command_text(const struct command_call *call, const char *name)
{
	const struct command_arg *a = command_arg(call, name);

	return a ? a->text : "";
}

int command_fail(struct command_call *call, const struct command_arg *at, const char *fmt, ...)
{
	va_list ap;

	call->error_column = at ? at->column : 0;
	va_start(ap, fmt);
	vsnprintf(call->error, sizeof(call->error), fmt, ap);
	va_end(ap);
	return -EINVAL;
}
