// One line after the other into a configuration. Any thread, one configuration and cursor at a
// time. Must not change anything for a line that has an error: handlers check before they act.
#include "cursor.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "commands.h"
#include "secret.h"
#include "share.h"

static struct command_set *all_commands; // written once under commands_once, then read only
static pthread_once_t commands_once = PTHREAD_ONCE_INIT;

// Only words that mean the same wherever they stand: they are looked up by name alone.
static const struct command_word shared_words[] = {
	{"no", "Negate a command or set its defaults"},
	{"exit", "Exit from the current mode"},
	{"end", "Exit from configure mode"},
	{"crypto", "Encryption module"},
	{"ip", "IP configuration subcommands"},
	{"ipv6", "IPv6 configuration subcommands"},
	{"set", "Set values for encryption/decryption"},
	{"match", "Match values"},
	{"description", "Description of this object"},
	{"lifetime", "Security association lifetime"},
	{"seconds", "Time-based key duration"},
	{"kilobytes", "Volume-based key duration"},
	{"permit", "Specify packets to forward"},
	{"deny", "Specify packets to reject"},
	{"remark", "Access list entry comment"},
	{"any", "Any host"},
	{"eq", "Match only packets on a given port number"},
	{"gt", "Match only packets with a greater port number"},
	{"lt", "Match only packets with a lower port number"},
	{"neq", "Match only packets not on a given port number"},
	{"range", "Match only packets in the range of port numbers"},
	{NULL, NULL},
};

// In a file `exit` closes blocks, and one too many must not cut off what follows: `end` ends a
// file.
static int leave(struct command_call *call)
{
	struct config_cursor *cur = edit_of(call)->cursor;

	if (cur->mode == MODE_CONFIG && edit_of(call)->line) {
		edit_notice(call, "'exit' is ignored: there is nothing to leave here, and only "
		                  "'end' ends a file");
		return 0;
	}
	cur->mode = cur->mode == MODE_CONFIG ? MODE_EXEC : MODE_CONFIG;
	return 0;
}

static int leave_all(struct command_call *call)
{
	edit_of(call)->cursor->mode = MODE_EXEC;
	return 0;
}

static const struct command leave_commands[] = {
	{MODE_CONFIG, "exit", NULL, leave, NULL},
	{MODE_CONFIG, "end", NULL, leave_all, NULL},
	{MODE_INTERFACE, "exit", NULL, leave, NULL},
	{MODE_ISAKMP_POLICY, "exit", NULL, leave, NULL},
	{MODE_TRANSFORM_SET, "exit", NULL, leave, NULL},
	{MODE_CRYPTO_MAP, "exit", NULL, leave, NULL},
	{MODE_ACL, "exit", NULL, leave, NULL},
	{MODE_IPV6_ACL, "exit", NULL, leave, NULL},
	{MODE_EZVPN, "exit", NULL, leave, NULL},
	{MODE_PLATFORM, "exit", NULL, leave, NULL},
	{MODE_LINE, "exit", NULL, leave, NULL},
	{MODE_IGNORED, "exit", NULL, leave, NULL},
};

static const struct command_table *const tables[] = {
	&commands_global,  &commands_banner, &commands_platform, &commands_interface,
	&commands_isakmp,  &commands_ipsec,  &commands_ipv6,     &commands_map,
	&commands_dynamic, &commands_manual, &commands_advert,   &commands_dummy,
	&commands_replay,  &commands_mtu,    &commands_acl,      &commands_ezvpn,
	&commands_ignored,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void commands_compile(void)
{
	const unsigned n_leave = sizeof(leave_commands) / sizeof(leave_commands[0]);
	struct command_set *set = command_set_create();
	int err = set ? command_set_add(set, leave_commands, n_leave) : -ENOMEM;

	if (!err)
		command_set_default(set, "Set a command to its defaults");
	for (unsigned i = 0; !err && i < TABLES; i++)
		err = command_set_add(set, tables[i]->commands, tables[i]->n);
	if (err) {
		fprintf(stderr, "vigil: the configuration commands: %s\n", strerror(-err));
		abort();
	}
	command_set_words(set, shared_words);
	all_commands = set;
}

const struct command_set *config_commands(void)
{
	pthread_once(&commands_once, commands_compile);
	return all_commands;
}

void cursor_init(struct config_cursor *cur)
{
	*cur = (struct config_cursor){.mode = MODE_CONFIG};
}

// What is wrong with a line that did not match, as one sentence.
static void describe(const struct command_match *m, char *out, size_t size)
{
	switch (m->status) {
	case COMMAND_AMBIGUOUS:
		snprintf(out, size, "ambiguous command: this may mean %s", m->expected);
		break;
	case COMMAND_INCOMPLETE:
		snprintf(out, size, "incomplete command: expected %s", m->expected);
		break;
	case COMMAND_TOO_LONG:
		snprintf(out, size, "line too long: expected %s", m->expected);
		break;
	default:
		snprintf(out, size,
		         m->matched ? "invalid input: expected %s" : "unknown command%.0s",
		         m->expected);
		break;
	}
}

// Columns in front of it.
static uint32_t indentation(const char *line)
{
	uint32_t n = 0;

	for (; *line == ' ' || *line == '\t'; line++)
		n = *line == '\t' ? (n | 7) + 1 : n + 1;
	return n;
}

// A line that stands further right than the one that opened the block.
static bool is_below(const struct config_cursor *cur, const char *line)
{
	return indentation(line) > cur->indent;
}

// With a word of which no such block has lines.
static bool begins_like_ours(const char *line)
{
	static const char *const words[] = {"crypto", "interface", "ip", "ipv6", "access-list"};
	const char *word = line + strspn(line, " \t");

	if (strncmp(word, "no ", 3) == 0)
		word += 3;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcspn(word, " \t\r\n") == strlen(words[i]) &&
		    strncmp(word, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

// In `line vty` blocks, indented lines that mean nothing elsewhere belong to the block. A line that
// is not indented does not: a misspelt command must not vanish. Typed into an ignored block, where
// nobody indents, one does if it begins like none of ours.
static bool passed_over(const struct config_cursor *cur, const struct edit *e)
{
	if (cur->mode == MODE_IGNORED)
		return !e->line && !begins_like_ours(e->source);
	return cur->mode == MODE_LINE && is_below(cur, e->source);
}

// The first words of a line are these, in full.
static bool begins_with(const char *line, const char *words)
{
	size_t len, want;

	do {
		line += strspn(line, " \t");
		words += strspn(words, " ");
		len = strcspn(line, " \t\r\n");
		want = strcspn(words, " ");
		if (len != want || strncasecmp(line, words, len) != 0)
			return false;
		line += len;
		words += want;
	} while (*words);
	return true;
}

// IOS writes `no X` of much that is on by default there and does not exist here: where no command
// begins so, there is nothing to take away. But not of what has to do with packets and protection,
// nor of what is typed: there it may be a slip.
static bool no_of_nothing(const struct config_cursor *cur, const struct edit *e,
                          const struct command_match *m)
{
	static const char *const families[] = {"no crypto", "no ip", "no ipv6"};
	static const char *const ours[] = {
		"no access-list", "no crypto dynamic-map", "no crypto ipsec", "no crypto isakmp",
		"no crypto map",  "no ip access-list",     "no ip address",   "no ip route",
		"no ip routing",  "no ipv6 access-list",   "no ipv6 address", "no ipv6 route",
	};
	bool in_block = cur->mode != MODE_CONFIG && cur->mode != MODE_INTERFACE;
	unsigned known = 1;

	if (!e->line || m->status != COMMAND_INVALID || !begins_with(e->source, "no") ||
	    (in_block && is_below(cur, e->source)))
		return false;
	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (begins_with(e->source, ours[i]))
			return false;
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (begins_with(e->source, families[i]))
			known = 2;
	return m->matched <= known;
}

// Matches in the current mode, or else in global mode; apply() then leaves the sub-mode, unless the
// command does nothing.
static bool does_nothing(const struct command *command)
{
	return command->run == command_ignored || command->run == command_banner ||
	       command->run == command_ignored_block;
}

// Words in front that are exact, whatever the command: 0 or 1.
static unsigned takes_away(const char *line)
{
	return begins_with(line, "no") || begins_with(line, "default");
}

static void match_line(const struct config_cursor *cur, const char *line, struct command_match *m,
                       struct command_match *other)
{
	command_parse(config_commands(), cur->mode, line, m);
	if (m->status == COMMAND_OK || m->status == COMMAND_EMPTY || cur->mode == MODE_CONFIG)
		return;
	command_parse(config_commands(), MODE_CONFIG, line, other);
	// `memory 63` is a bad `memory` of the platform, not an abbreviation of `memory-size`, and
	// `g 22` a bad `group` of a policy, not a `gatekeeper`.
	if (other->exact < m->exact ||
	    (other->exact == takes_away(line) && m->matched > takes_away(line) && other->command &&
	     does_nothing(other->command)))
		return;
	// Both failed: the reading that understood more is what was meant.
	if (other->status == COMMAND_OK || other->matched > m->matched ||
	    (other->matched == m->matched && other->column > m->column))
		*m = *other;
}

// The lists that a command may change become this configuration's own.
static int own_lists(struct config *c, const struct command *command)
{
	uint32_t lists = 0;
	int err = 0;

	for (unsigned i = 0; i < TABLES; i++)
		if (command >= tables[i]->commands && command < tables[i]->commands + tables[i]->n)
			lists = tables[i]->lists ? tables[i]->lists : UINT32_MAX;
	for (unsigned k = 0; k < CONFIG_LISTS && !err; k++)
		if (lists & 1u << k)
			err = share_own(c, k);
	return err;
}

// `snmp trap link-status` of an interface reads as an `snmp-server`, which is ignored. To leave the
// interface for that would give the lines behind it another meaning: `no crypto map M` removes the
// binding there, and all of the map outside. A block within a block stays as well: its lines could
// not be told from those behind it. But a line that is not indented belongs to no block, unless it
// was typed and is global mode's only if a word of it is an abbreviation.
static bool stays(const struct edit *e, const struct command_match *m)
{
	const struct command *command = m->command;
	bool nothing = command->run == command_ignored || command->run == command_banner;
	bool below = is_below(e->cursor, e->source);

	return (nothing && (below || (!e->line && m->exact == takes_away(e->source)))) ||
	       (command->run == command_ignored_block && e->cursor->mode != MODE_CONFIG && below);
}

static int apply(struct edit *e, const struct command_match *m)
{
	struct config_cursor before = *e->cursor;
	bool within = stays(e, m) && is_below(e->cursor, e->source);
	struct command_call call;
	int err;

	if (own_lists(e->config, m->command)) {
		diag_add(e->diags, DIAG_ERROR, e->line, 0, NULL, "out of memory");
		return -ENOMEM;
	}
	if (m->command->mode == MODE_CONFIG && !stays(e, m)) {
		e->cursor->mode = MODE_CONFIG;
		e->cursor->indent = indentation(e->source);
	}
	err = command_run(m, e, &call);
	if (!err && within)
		e->cursor->ignored = indentation(e->source) + 1;
	if (!err)
		return 0;
	*e->cursor = before;
	diag_add(e->diags, DIAG_ERROR, e->line, call.error_column, e->source, "%s",
	         call.error[0] ? call.error : strerror(-err));
	return err;
}

static bool has_control(const char *line, uint32_t *column)
{
	for (size_t i = 0; line[i]; i++) {
		unsigned char ch = (unsigned char)line[i];

		if ((ch < ' ' && ch != '\t' && ch != '\r' && ch != '\n') || ch == 0x7f) {
			*column = (uint32_t)i + 1;
			return true;
		}
	}
	return false;
}

static int pass_over(struct edit *e)
{
	diag_add(e->diags, DIAG_NOTICE, e->line, 0, NULL, "ignored"); // it may name a secret
	return 0;
}

static int apply_checked(struct edit *e, struct command_match m[2])
{
	struct config_cursor *cur = e->cursor;
	char why[COMMAND_ERROR + 64];
	uint32_t column;

	// What such blocks have in them may look like something else, `exit` from a nested one too.
	if (cur->mode == MODE_IGNORED && is_below(cur, e->source))
		return pass_over(e);
	match_line(cur, e->source, &m[0], &m[1]);
	// The text of a banner may have any, and often the first one's end is a Ctrl-C.
	if (has_control(e->source, &column) && !(m->command && m->command->run == command_banner)) {
		diag_add(e->diags, DIAG_ERROR, e->line, column, NULL, "unprintable character");
		return -EINVAL;
	}
	if (m->status == COMMAND_EMPTY || m->command)
		return m->command ? apply(e, m) : 0;
	if (passed_over(cur, e))
		return pass_over(e);
	if (no_of_nothing(cur, e, m)) {
		diag_add(e->diags, DIAG_NOTICE, e->line, 0, e->source, "ignored");
		return 0;
	}
	describe(m, why, sizeof(why));
	diag_add(e->diags, DIAG_ERROR, e->line, m->column, e->source, "%s", why);
	return -EINVAL;
}

void cursor_refuse(struct config_cursor *cur, const char *line)
{
	uint32_t below = indentation(line) + 1;

	if (!cur->refused || below < cur->refused)
		cur->refused = below;
}

// The lines of a block whose head was refused would change the block before it, which is what a
// cursor that stays where it was points to. In a file the head is an error already.
static int below_refused(struct edit *e)
{
	if (e->line)
		return 0;
	diag_add(e->diags, DIAG_ERROR, 0, 0, NULL,
	         "not applied: the line that it stands below was refused");
	return -EINVAL;
}

int cursor_apply(struct config *c, struct config_cursor *cur, const char *line,
                 uint32_t line_number, struct diag_list *d, struct command_match scratch[2])
{
	struct edit e = {c, cur, d, line_number, line};
	const char *first = line + strspn(line, " \t");
	int err;

	if (cursor_text(cur, line) || *first == '!' || *first == '\0')
		return 0;
	if (cur->refused && indentation(line) >= cur->refused)
		return below_refused(&e);
	cur->refused = 0;
	if (cur->ignored && indentation(line) >= cur->ignored)
		return pass_over(&e);
	cur->ignored = 0;
	err = apply_checked(&e, scratch);
	if (err)
		cursor_refuse(cur, line);
	return err;
}

int cursor_enter(struct config *c, struct config_cursor *cur, const char *line,
                 uint32_t line_number, struct diag_list *d)
{
	struct command_match *scratch = malloc(2 * sizeof(*scratch));
	struct config_cursor before = *cur;
	int err;

	if (!scratch) {
		diag_add(d, DIAG_ERROR, line_number, 0, NULL, "out of memory");
		cursor_refuse(cur, line);
		return -ENOMEM;
	}
	err = cursor_apply(c, cur, line, line_number, d, scratch);
	secret_wipe(scratch, 2 * sizeof(*scratch));
	free(scratch);
	if (!err && config_seal(c)) {
		diag_add(d, DIAG_ERROR, line_number, 0, NULL, "out of memory");
		err = -ENOMEM;
	}
	if (err) {
		*cur = before;
		cursor_refuse(cur, line);
	}
	return err;
}

// Helpers of the handlers (commands.h)

void edit_enter(struct command_call *call, enum command_mode mode, const char *name,
                uint32_t number)
{
	struct config_cursor *cur = edit_of(call)->cursor;

	cur->mode = mode;
	cur->number = number;
	snprintf(cur->name, sizeof(cur->name), "%s", name);
}

int edit_mask(struct command_call *call, const char *arg, uint8_t *len)
{
	const struct command_arg *a = command_arg(call, arg);
	int n = prefix_len_from_mask(&a->addr);

	if (n < 0)
		return command_fail(call, a,
		                    "%s is not a contiguous mask: expected one such as "
		                    "255.255.255.0",
		                    a->text);
	*len = (uint8_t)n;
	return 0;
}

int edit_copy(struct command_call *call, const char *arg, char *out, size_t size)
{
	const struct command_arg *a = command_arg(call, arg);

	if (strlen(a->text) >= size)
		return command_fail(call, a, "too long: expected at most %zu bytes", size - 1);
	snprintf(out, size, "%s", a->text);
	return 0;
}

int edit_is_set(struct command_call *call, const char *arg, const char *now)
{
	const struct command_arg *a = command_arg(call, arg);

	if (a && strcmp(a->text, now) != 0)
		return command_fail(call, a, "%s is not set here", a->text);
	return 0;
}

int edit_peer(struct command_call *call, struct config_peer *out)
{
	const struct command_arg *peer = command_arg(call, "addr"),
				 *host = command_arg(call, "host");

	*out = (struct config_peer){
		.dynamic = command_has(call, "dynamic"),
		.is_default = command_has(call, "default"),
	};
	if (peer) {
		if (!addr_is_host(&peer->addr))
			return command_fail(call, peer, "%s is no address of a peer", peer->text);
		if (addr_is_link_local(&peer->addr))
			return command_fail(call, peer,
			                    "%s is a link-local address: a peer needs one that "
			                    "is routed",
			                    peer->text);
		out->address = peer->addr;
		return 0;
	}
	if (strspn(host->text, "0123456789.") == strlen(host->text))
		return command_fail(call, host, "%s is no IPv4 address", host->text);
	if (strchr(host->text, ':'))
		return command_fail(call, host, "%s is no IPv6 address that fits here", host->text);
	return edit_copy(call, "host", out->hostname, sizeof(out->hostname));
}

uint32_t edit_find_peer(const struct config_peer *peers, uint32_t n, const struct config_peer *p)
{
	for (uint32_t i = 0; i < n; i++)
		if (addr_equal(&peers[i].address, &p->address) &&
		    !strcasecmp(peers[i].hostname, p->hostname))
			return i;
	return n;
}

static void tell(struct command_call *call, enum diag_severity severity, const char *fmt,
                 va_list ap)
{
	struct edit *e = edit_of(call);
	char text[COMMAND_ERROR];

	vsnprintf(text, sizeof(text), fmt, ap);
	diag_add(e->diags, severity, e->line, 0, e->source, "%s", text);
}

void edit_notice(struct command_call *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(call, DIAG_NOTICE, fmt, ap);
	va_end(ap);
}

void edit_warning(struct command_call *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(call, DIAG_WARNING, fmt, ap);
	va_end(ap);
}

int edit_no_memory(struct command_call *call)
{
	command_fail(call, NULL, "out of memory");
	return -ENOMEM;
}

int command_ignored(struct command_call *call)
{
	edit_notice(call, "ignored");
	return 0;
}

int command_ignored_block(struct command_call *call)
{
	struct edit *e = edit_of(call);

	// Within another block it stays what it is, see stays().
	if (!call->no && e->cursor->mode == MODE_CONFIG)
		edit_enter(call, MODE_IGNORED, "", 0);
	return command_ignored(call);
}

// What is not there can be taken away without a word: IOS writes some of it as `no`.
int command_inactive(struct command_call *call)
{
	if (call->no)
		return 0;
	return command_fail(call, &call->args[0], "not active in this version");
}
