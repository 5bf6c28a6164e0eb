// The list of findings in a configuration text. Any thread, one list at a time. Must not let a
// message get lost without a trace: out of memory counts as an error.
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "secret.h"

void diag_init(struct diag_list *d, const char *name)
{
	*d = (struct diag_list){0};
	if (name) {
		d->name = strdup(name);
		d->failed = !d->name;
	}
}

void diag_fini(struct diag_list *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		free(d->items[i].message);
		if (d->items[i].source)
			secret_wipe(d->items[i].source, strlen(d->items[i].source));
		free(d->items[i].source);
	}
	free(d->items);
	free(d->name);
	*d = (struct diag_list){0};
}

static struct diag *diag_slot(struct diag_list *d)
{
	if (d->n == d->size) {
		uint32_t size = d->size ? d->size * 2 : 16;
		struct diag *items = reallocarray(d->items, size, sizeof(*items));

		if (!items)
			return NULL;
		d->items = items;
		d->size = size;
	}
	return &d->items[d->n];
}

static void diag_count(struct diag_list *d, enum diag_severity severity)
{
	if (severity == DIAG_ERROR)
		d->errors++;
	else if (severity == DIAG_WARNING)
		d->warnings++;
	else
		d->notices++;
}

static const char blanks[] = " \t\r\n";

static bool abbreviates(const char *word, size_t len, const char *what)
{
	return len <= strlen(what) && !strncasecmp(word, what, len);
}

// Words behind which secrets stand.
static const char *const telling[] = {"key",       "secret",      "password",
                                      "community", "session-key", "psk"};

#define TELLING (sizeof(telling) / sizeof(telling[0]))

// The word has one of them in it, as `pre-shared-key` does.
static bool word_tells(const char *word, size_t len)
{
	static const char *const plain[] = {"keyring", "hidekeys", "password-encryption"};

	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (len == strlen(plain[i]) && !strncasecmp(word, plain[i], len))
			return false;
	for (unsigned i = 0; i < TELLING; i++) {
		size_t part = strlen(telling[i]);

		for (size_t at = 0; at + part <= len; at++)
			if (!strncasecmp(word + at, telling[i], part))
				return true;
	}
	return false;
}

static bool may_tell(const char *word, size_t len)
{
	for (unsigned i = 0; i < TELLING; i++)
		if (abbreviates(word, len, telling[i]))
			return true;
	return false;
}

// All that stands in front of the word are these words.
static bool is_behind(const char *line, const char *word, const char *words)
{
	while (*words && line < word) {
		size_t len = strcspn(line, blanks), want = strcspn(words, " ");

		if (len != want || strncasecmp(line, words, len) != 0)
			return false;
		line += len + strspn(line + len, blanks);
		words += want + strspn(words + want, " ");
	}
	return !*words && line == word;
}

// A word that abbreviates one of them and cannot mean it, as in `crypto isakmp profile P`, where it
// is a name, or in `set p 192.0.2.1`.
static bool is_harmless(const char *line, const char *word, size_t len)
{
	static const char *const before[] = {
		"crypto map",
		"crypto map ipv6",
		"crypto dynamic-map",
		"crypto ipsec client ezvpn",
		"crypto ipsec profile",
		"crypto ipsec transform-set",
		"crypto isakmp profile",
		"crypto keyring",
		"crypto logging",
		"interface",
		"ip access-list extended",
		"ipv6 access-list",
		"match address",
		"set transform-set",
	};

	if (is_behind(line, word, "set"))
		return !abbreviates(word, len, "session-key");
	for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		if (is_behind(line, word, before[i]))
			return true;
	return false;
}

static size_t word_length(const char *word)
{
	return strcspn(word, blanks);
}

static const char *word_next(const char *word)
{
	word += word_length(word);
	return word + strspn(word, blanks);
}

// `authentication TEXT`, as of HSRP, VRRP and NHRP; of an ISAKMP policy it names the method.
static bool authenticates(const char *line, const char *word, size_t len)
{
	static const char *const methods[] = {"pre-share", "rsa-sig", "rsa-encr", "ecdsa-sig"};
	const char *next = word_next(word);

	if (len < 2 || !abbreviates(word, len, "authentication") || is_behind(line, word, "aaa"))
		return false;
	for (unsigned i = 0; word == line && i < sizeof(methods) / sizeof(methods[0]); i++)
		if (word_length(next) >= 3 && abbreviates(next, word_length(next), methods[i]))
			return false;
	return true;
}

// `snmp-server host A [version 2c] COMMUNITY` and `snmp-server user U G v3 auth md5 TEXT`.
static bool names_community(const char *line)
{
	const char *next = word_next(line);
	size_t len = word_length(next);

	return len && word_length(line) >= 4 &&
	       abbreviates(line, word_length(line), "snmp-server") &&
	       (abbreviates(next, len, "host") || abbreviates(next, len, "user"));
}

// ftp://USER:PASSWORD@HOST/
static bool is_url_with_user(const char *word, size_t len)
{
	const char *scheme = memmem(word, len, "://", 3);

	return scheme && memchr(scheme, '@', len - (size_t)(scheme - word));
}

bool diag_is_secret(const char *line)
{
	const char *word;
	size_t len;

	line += strspn(line, blanks);
	if (!strncasecmp(line, "no", 2) && line[2] && strchr(blanks, line[2]))
		line += 2 + strspn(line + 2, blanks);
	if (names_community(line))
		return true;
	for (word = line; *word; word = word_next(word)) {
		len = word_length(word);
		if (word_tells(word, len) || authenticates(line, word, len) ||
		    is_url_with_user(word, len) ||
		    (may_tell(word, len) && !is_harmless(line, word, len)))
			return true;
	}
	return false;
}

void diag_add(struct diag_list *d, enum diag_severity severity, uint32_t line, uint32_t column,
              const char *source, const char *fmt, ...)
{
	struct diag *item = diag_slot(d);
	va_list ap;
	int n;

	if (!item) {
		d->failed = true;
		d->errors++;
		return;
	}
	*item = (struct diag){.severity = severity, .line = line, .column = column};
	va_start(ap, fmt);
	n = vasprintf(&item->message, fmt, ap);
	va_end(ap);
	if (n < 0)
		item->message = NULL;
	if (source && diag_is_secret(source))
		source = NULL;
	if (source)
		item->source = strdup(source);
	if (!item->message || (source && !item->source)) {
		free(item->message);
		free(item->source);
		d->failed = true;
		d->errors++;
		return;
	}
	diag_count(d, severity);
	d->n++;
}

const char *diag_severity_name(enum diag_severity s)
{
	static const char *const names[] = {"error", "warning", "notice"};

	return names[s];
}

// The source line as it is, and below it a caret. Tabs are kept in the caret's line, so that it
// stands right however wide they are shown.
static void diag_format_source(const struct diag *item, struct text *out)
{
	size_t len = strlen(item->source);

	text_printf(out, "    %s\n", item->source);
	if (item->column == 0)
		return;
	text_put(out, "    ", 4);
	for (uint32_t i = 0; i + 1 < item->column; i++) {
		// Only the first byte of a UTF-8 sequence takes a place on the screen.
		if (i < len && ((unsigned char)item->source[i] & 0xc0) == 0x80)
			continue;
		text_put(out, i < len && item->source[i] == '\t' ? "\t" : " ", 1);
	}
	text_put(out, "^\n", 2);
}

void diag_format(const struct diag_list *d, const struct diag *item, struct text *out)
{
	if (d->name)
		text_printf(out, "%s:", d->name);
	if (item->line)
		text_printf(out, "%u:", item->line);
	if (item->line && item->column)
		text_printf(out, "%u:", item->column);
	text_printf(out, "%s%s: %s\n", d->name || item->line ? " " : "",
	            diag_severity_name(item->severity), item->message);
	if (item->source)
		diag_format_source(item, out);
}

static int diag_compare(const void *a, const void *b)
{
	const struct diag *const *x = a, *const *y = b;

	if ((*x)->line != (*y)->line)
		return (*x)->line < (*y)->line ? -1 : 1;
	return *x < *y ? -1 : *x > *y; // the order of finding
}

void diag_format_all(const struct diag_list *d, struct text *out)
{
	const struct diag **order = calloc(d->n ? d->n : 1, sizeof(*order));

	if (!order) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < d->n; i++)
		order[i] = &d->items[i];
	qsort(order, d->n, sizeof(*order), diag_compare);
	for (uint32_t i = 0; i < d->n; i++)
		diag_format(d, order[i], out);
	free(order);
	if (d->failed)
		text_printf(out, "error: out of memory, some messages are missing\n");
}
