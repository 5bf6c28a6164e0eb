// `configure terminal`. Helper threads only; the running configuration is never changed in place.
#include "configure.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "log.h"
#include "log_writer.h"
#include "session.h"

static void print_message(struct session *s, const char *prefix, const char *message)
{
	session_printf(s, "%% %s%c%s\n", prefix, toupper((unsigned char)message[0]),
	               message[0] ? message + 1 : "");
}

// What stands behind `start` in a message, or NULL.
static const char *behind(const char *message, const char *start)
{
	size_t len = strlen(start);

	return strncmp(message, start, len) ? NULL : message + len;
}

// The reading of cursor_enter() in the words of IOS, and what it expected below. As in EXEC a caret
// stands where a word is wrong, not where one is missing or has several meanings.
static void print_error(struct session *s, const char *line, const struct diag *d)
{
	const char *m = d->message, *expected = behind(m, "invalid input: "),
		   *missing = behind(m, "incomplete command: "),
		   *meanings = behind(m, "ambiguous command: ");

	session_fail(s);
	session_point(s, line, missing || meanings ? 0 : d->column);
	if (behind(m, "unknown command"))
		session_printf(s, "%% Invalid input detected at '^' marker.\n");
	else if (expected)
		session_printf(s, "%% Invalid input detected at '^' marker.\n%% %s\n", expected);
	else if (missing)
		session_printf(s, "%% Incomplete command.\n%% %s\n", missing);
	else if (meanings)
		session_printf(s, "%% Ambiguous command:  \"%s\"\n%% %s\n", line, meanings);
	else
		print_message(s, "", m);
}

static int compare_findings(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;

	return x->severity != y->severity ? (x->severity < y->severity ? -1 : 1)
	                                  : strcmp(x->message, y->message);
}

// Its findings in an order in which one is found fast. NULL: there are none, or no memory.
static const struct diag **sort_findings(const struct diag_list *d)
{
	const struct diag **order = d && d->n ? calloc(d->n, sizeof(*order)) : NULL;

	for (uint32_t i = 0; order && i < d->n; i++)
		order[i] = &d->items[i];
	if (order)
		qsort(order, d->n, sizeof(*order), compare_findings);
	return order;
}

// What a line brought up that was not there before.
static void print_news(struct session *s, const struct diag_list *d, const struct diag_list *known)
{
	const struct diag **order = d->n ? sort_findings(known) : NULL;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct diag *item = &d->items[i];

		if (item->severity != DIAG_ERROR &&
		    !(order && bsearch(&item, order, known->n, sizeof(*order), compare_findings)))
			print_message(s, item->severity == DIAG_WARNING ? "Warning: " : "",
			              item->message);
	}
	free(order);
}

void configure_enter(struct session *s)
{
	struct configure *e = &s->edit;
	struct running *r;
	char who[SESSION_USER + 64];

	if (!state_take_writer(s->m, s, who, sizeof(who))) {
		session_error(s, "Configuration mode is locked by %s", who);
		return;
	}
	*e = (struct configure){0};
	r = state_get(s->m);
	e->work = config_clone(r->config);
	diag_init(&e->known, NULL);
	check_config(r->config, &e->known);
	state_put(s->m, r);
	if (!e->work) {
		configure_leave(s);
		session_error(s, "Out of memory");
		return;
	}
	cursor_init(&e->cursor);
	s->mode = MODE_CONFIG;
	session_printf(s, "Enter configuration commands, one per line.  End with CNTL/Z.\n");
}

bool configure_waits(const struct session *s)
{
	const struct configure *e = &s->edit;
	struct running *r;
	bool waits;

	if (!e->work || e->cursor.mode != MODE_CRYPTO_MAP)
		return false;
	r = state_get(s->m);
	waits = !config_equal(r->config, e->work);
	state_put(s->m, r);
	return waits;
}

bool configure_takes_text(const struct session *s)
{
	return s->edit.work && cursor_text_end(&s->edit.cursor)[0];
}

void configure_end_text(struct session *s)
{
	s->edit.cursor.text_end[0] = '\0';
}

void configure_leave(struct session *s)
{
	struct configure *e = &s->edit;

	if (configure_waits(s))
		log_msg(s->m->log, LOG_WARNING, "SYS", "CONFIG_DROPPED",
		        "What %s typed on vty%u in crypto map %s %u was not applied", s->user,
		        s->vty, e->cursor.name, e->cursor.number % CONFIG_DYNAMIC);
	config_free(e->work);
	diag_fini(&e->known);
	state_drop_writer(s->m, s);
	if (e->changed)
		log_msg(s->m->log, LOG_NOTICE, "SYS", "CONFIG_I", "Configured from vty%u by %s",
		        s->vty, s->user);
	*e = (struct configure){0};
}

// What a line has just asked of the log and cannot be had: a file that cannot be written, a buffer
// for which there is no memory.
static void print_log_news(struct session *s, const struct config_logging *wanted)
{
	struct log_writer_stats l;

	log_writer_stats(s->m->log, &l);
	if (l.logging.buffered != wanted->buffered)
		session_printf(s, "%% Warning: No memory for a log buffer of %u bytes\n",
		               wanted->buffered);
	if (l.file_error[0])
		session_printf(s, "%% Warning: Cannot write log file %s: %s\n", l.logging.file,
		               l.file_error);
}

// Hands a copy to the control core, unless it is what runs. 0 or -errno.
static int hand_over(struct session *s, const struct config *c, struct diag_list *found)
{
	struct running *r = state_get(s->m);
	bool same = config_equal(r->config, c);
	bool log_changes = r->config->logging.on != c->logging.on ||
	                   r->config->logging.buffered != c->logging.buffered ||
	                   strcmp(r->config->logging.file, c->logging.file) != 0;
	struct config *next;
	int err;

	state_put(s->m, r);
	if (same)
		return 0;
	next = config_clone(c);
	err = next ? state_apply(s->m, s->slot, s->request, next) : -ENOMEM;
	if (err) {
		session_error(s, "Not changed: %s", strerror(-err));
		return err;
	}
	s->edit.changed = true;
	if (log_changes)
		print_log_news(s, &c->logging);
	print_news(s, found, &s->edit.known);
	diag_fini(&s->edit.known);
	s->edit.known = *found;
	diag_init(found, NULL);
	return 0;
}

static bool same_map(const struct config_cursor *a, const struct config_cursor *b)
{
	return a->mode == MODE_CRYPTO_MAP && b->mode == MODE_CRYPTO_MAP && a->number == b->number &&
	       !strcmp(a->name, b->name);
}

// A crypto map whose sub-mode is left for another one's.
static int hand_over_map(struct session *s)
{
	struct diag_list found;
	int err;

	diag_init(&found, NULL);
	check_config(s->edit.work, &found);
	err = hand_over(s, s->edit.work, &found);
	diag_fini(&found);
	return err;
}

// `next` and `cursor` are what the line makes of the configuration. 0: they may take over.
static int accept(struct session *s, const char *line, const struct config *next,
                  const struct config_cursor *cursor)
{
	struct configure *e = &s->edit;
	bool was_map = e->cursor.mode == MODE_CRYPTO_MAP, is_map = cursor->mode == MODE_CRYPTO_MAP;
	struct diag_list found;
	int err = 0;

	diag_init(&found, NULL);
	if (check_config(next, &found)) {
		for (uint32_t i = 0; i < found.n; i++)
			if (found.items[i].severity == DIAG_ERROR)
				print_error(s, line, &found.items[i]);
		err = -EINVAL;
	} else if (was_map && is_map && !same_map(&e->cursor, cursor)) {
		err = hand_over_map(s);
	} else if (!is_map) {
		err = hand_over(s, next, &found);
	}
	diag_fini(&found);
	return err;
}

static int try_line(struct session *s, const char *line, struct config *next,
                    struct config_cursor *cursor)
{
	struct diag_list d;
	int err;

	diag_init(&d, NULL);
	err = cursor_enter(next, cursor, line, 0, &d);
	if (err && !d.n)
		session_error(s, "%s", strerror(-err));
	for (uint32_t i = 0; err && i < d.n; i++)
		if (d.items[i].severity == DIAG_ERROR)
			print_error(s, line, &d.items[i]);
	if (!err)
		err = accept(s, line, next, cursor);
	if (!err)
		print_news(s, &d, NULL);
	diag_fini(&d);
	return err;
}

void configure_line(struct session *s, const char *line)
{
	struct configure *e = &s->edit;
	struct config_cursor cursor = e->cursor;
	struct config *next = config_clone(e->work), *unused = next;

	if (!next) {
		session_error(s, "Out of memory");
		cursor_refuse(&e->cursor, line);
		return;
	}
	if (try_line(s, line, next, &cursor)) {
		cursor_refuse(&e->cursor, line);
	} else {
		if (cursor_text_end(&cursor)[0] && !configure_takes_text(s))
			session_printf(s, "Enter TEXT message.  End with the character '%s'.\n",
			               cursor_text_end(&cursor));
		unused = e->work;
		e->work = next;
		e->cursor = cursor;
		s->mode = cursor.mode;
	}
	config_free(unused);
	if (s->mode < MODE_CONFIG) {
		s->mode = MODE_EXEC;
		configure_leave(s);
	}
}
