// What `?` and the tab key show on a terminal: the command tables' words, and the names of the
// interfaces that there are. Helper thread.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec.h"
#include "session.h"

// The table that a line belongs to; *line moves behind "do ".
static const struct command_set *set_of(const struct session *s, const char **line,
                                        enum command_mode *mode)
{
	unsigned offset = session_do_prefix(s, *line);

	*line += offset;
	*mode = offset ? MODE_EXEC : s->mode;
	return *mode < MODE_CONFIG ? exec_commands() : config_commands();
}

static void add_word(void *arg, const char *word)
{
	text_printf(arg, "%s\n", word);
}

// A sub-mode understands global commands too.
static void add_keywords(const struct command_set *set, enum command_mode mode, const char *line,
                         struct text *out)
{
	if (!command_complete(set, mode, line, add_word, out) && mode > MODE_CONFIG)
		command_complete(set, MODE_CONFIG, line, add_word, out);
}

static void add_help(const struct command_set *set, enum command_mode mode, const char *line,
                     struct text *out)
{
	struct text own = {0}, global = {0}, *best = &own;

	if (!command_help(set, mode, line, &own) && mode > MODE_CONFIG &&
	    command_help(set, MODE_CONFIG, line, &global))
		best = &global;
	if (best->data)
		text_put(out, best->data, best->len);
	text_fini(&own);
	text_fini(&global);
}

// ---- interfaces

// Where the help's list has the place of an interface's name, behind its line. NULL: it has none.
static const char *name_place(const struct text *help)
{
	static const char place[] = "  IFNAME";
	const char *at = help->data;

	while (at && strncmp(at, place, sizeof(place) - 1) != 0) {
		at = strchr(at, '\n');
		at = at && at[1] ? at + 1 : NULL;
	}
	return at ? at + strcspn(at, "\n") + 1 : NULL;
}

static size_t last_word(const char *line)
{
	size_t at = strlen(line);

	while (at && line[at - 1] != ' ' && line[at - 1] != '\t')
		at--;
	return at;
}

// May the word at the end of the line, which begins at `at`, be an interface's name?
static bool may_be_name(const struct command_set *set, enum command_mode mode, const char *line,
                        size_t at)
{
	char *before = strndup(line, at);
	struct text t = {0};
	bool may;

	if (before)
		add_help(set, mode, before, &t);
	may = name_place(&t);
	text_fini(&t);
	free(before);
	return may;
}

static void add_name(const char *name, const char *start, const char *indent, struct text *out)
{
	if (!strncasecmp(name, start, strlen(start)))
		text_printf(out, "%s%s\n", indent, name);
}

// Ports and subinterfaces whose names start so, one a line.
static void add_names(struct session *s, const char *start, const char *indent, struct text *out)
{
	struct running *r = state_get(s->m);
	const struct config *c = s->edit.work ? s->edit.work : r->config;

	for (uint32_t i = 0; i < c->platform.n_ports; i++)
		add_name(c->platform.ports[i].name, start, indent, out);
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (!config_find_port(c, c->interfaces[i].name))
			add_name(c->interfaces[i].name, start, indent, out);
	state_put(s->m, r);
}

// ---- answers

void session_complete(struct session *s, const char *line, struct text *out)
{
	enum command_mode mode;
	const struct command_set *set = set_of(s, &line, &mode);
	size_t at = last_word(line);

	add_keywords(set, mode, line, out);
	if (may_be_name(set, mode, line, at))
		add_names(s, line + at, "", out);
}

// Directly behind a word: those that start so, side by side.
static bool help_on_word(struct session *s, const struct command_set *set, enum command_mode mode,
                         const char *line, struct text *out)
{
	size_t at = last_word(line);
	struct text words = {0};

	if (!line[at] || !may_be_name(set, mode, line, at))
		return false;
	add_names(s, line + at, "", &words);
	if (!words.len)
		return false;
	add_keywords(set, mode, line, &words);
	for (size_t i = 0; i < words.len; i++)
		if (words.data[i] != '\n')
			text_put(out, &words.data[i], 1);
		else
			text_printf(out, i + 1 < words.len ? "  " : "\n");
	text_fini(&words);
	return true;
}

void session_help(struct session *s, const char *line, struct text *out)
{
	enum command_mode mode;
	const struct command_set *set = set_of(s, &line, &mode);
	struct text t = {0};
	const char *place;

	if (help_on_word(s, set, mode, line, out))
		return;
	add_help(set, mode, line, &t);
	place = name_place(&t);
	if (place) {
		text_put(out, t.data, (size_t)(place - t.data));
		add_names(s, "", "  ", out);
		text_put(out, place, t.len - (size_t)(place - t.data));
	} else if (t.data) {
		text_put(out, t.data, t.len);
	}
	text_fini(&t);
}
