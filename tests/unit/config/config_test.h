// What the tests of the configuration layer share.
#ifndef VIGIL_TESTS_CONFIG_TEST_H
#define VIGIL_TESTS_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "config.h"
#include "cursor.h"
#include "diff.h"
#include "load.h"
#include "render.h"

// The configuration of a text that must load; *d is for the caller to look at and free.
static inline struct config *load_ok(const char *text, struct diag_list *d)
{
	struct config *c = NULL;

	if (load_text("test", text, strlen(text), &c, d)) {
		struct text out = {0};

		diag_format_all(d, &out);
		print_error("%s", out.data);
		text_fini(&out);
		fail();
	}
	assert_non_null(c);
	return c;
}

static inline struct config *load(const char *text)
{
	struct diag_list d;
	struct config *c = load_ok(text, &d);

	diag_fini(&d);
	return c;
}

// Whether there is a finding of this severity, at this line (0 = any), with these words.
static inline bool has_diag(const struct diag_list *d, enum diag_severity severity, uint32_t line,
                            const char *words)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->items[i].severity == severity && (!line || d->items[i].line == line) &&
		    strstr(d->items[i].message, words))
			return true;
	return false;
}

// The text must be refused, with these words at this place.
static inline void assert_refused(const char *text, uint32_t line, uint32_t column,
                                  const char *words)
{
	struct config *c = (struct config *)&c; // must become NULL
	struct diag_list d;
	bool found = false;

	assert_int_equal(load_text("test", text, strlen(text), &c, &d), -EINVAL);
	assert_null(c);
	for (uint32_t i = 0; i < d.n; i++) {
		const struct diag *item = &d.items[i];

		if (item->severity == DIAG_ERROR && item->line == line && item->column == column &&
		    strstr(item->message, words))
			found = true;
		else if (item->severity == DIAG_ERROR)
			print_message("found %u:%u: %s\n", item->line, item->column, item->message);
	}
	assert_true(found);
	diag_fini(&d);
}

// Types one line; 0 or -errno.
static inline int enter(struct config *c, struct config_cursor *cur, const char *line)
{
	struct diag_list d;
	int err;

	diag_init(&d, NULL);
	err = cursor_enter(c, cur, line, 0, &d);
	assert_true(err ? d.errors > 0 : d.errors == 0);
	diag_fini(&d);
	return err;
}

// An erroneous line must change neither the configuration nor the cursor.
static inline void assert_line_refused(struct config *c, struct config_cursor *cur,
                                       const char *line)
{
	struct config *before = config_clone(c);
	struct config_cursor cur_before = *cur;

	assert_non_null(before);
	assert_true(enter(c, cur, line) < 0);
	assert_true(config_equal(c, before));
	cur_before.refused = cur->refused; // what belongs to the line that was refused
	assert_memory_equal(cur, &cur_before, sizeof(*cur));
	config_free(before);
}

static inline char *render(const struct config *c)
{
	struct text out = {0};
	char *text;

	assert_int_equal(render_config(c, &out), 0);
	text = text_take(&out);
	assert_non_null(text);
	return text;
}

// Loading what was rendered gives the same configuration again.
static inline void assert_round_trip(const struct config *c)
{
	char *text = render(c), *again_text;
	struct config *again = load(text);

	assert_true(config_equal(c, again));
	again_text = render(again);
	assert_string_equal(text, again_text);
	config_free(again);
	free(again_text);
	free(text);
}

// A line of the rendered text, without its indentation, equals `line`.
static inline bool shows(const struct config *c, const char *line)
{
	char *text = render(c), *save = NULL;
	bool found = false;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		found = found || !strcmp(l + strspn(l, " "), line);
	free(text);
	return found;
}

#endif
