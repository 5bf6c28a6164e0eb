// Output of `vigil`: line by line through the filter, a page at a time on a terminal. One thread.
#include "screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define MORE " --More-- "

// ---- filters

static bool starts(const char *word, size_t len, const char *keyword, size_t least)
{
	return len >= least && len <= strlen(keyword) && !strncasecmp(word, keyword, len);
}

// Only what shows something has a filter: elsewhere a bar is part of the line.
bool filter_allowed(const char *line)
{
	line += strspn(line, " \t");
	if (!strncasecmp(line, "do ", 3))
		line += 3 + strspn(line + 3, " \t");
	return starts(line, strcspn(line, " \t"), "show", 2) ||
	       (starts(line, strcspn(line, " \t"), "write", 1) && strstr(line, " t"));
}

static const struct {
	const char *word;
	enum filter_kind kind;
	const char *help;
} filters[] = {
	{"begin", FILTER_BEGIN, "Begin with the line that matches"},
	{"count", FILTER_COUNT, "Count number of lines which match"},
	{"exclude", FILTER_EXCLUDE, "Exclude lines that match"},
	{"include", FILTER_INCLUDE, "Include lines that match"},
	{"section", FILTER_SECTION, "Lines that match, and the indented ones below them"},
};

#define FILTERS (sizeof(filters) / sizeof(filters[0]))

// Behind `section`, where one of them may stand in front of the expression.
static const struct {
	const char *word;
	enum filter_kind kind;
	const char *help;
} sections[] = {
	{"exclude", FILTER_SECTION_EXCLUDE, "All but the sections that match"},
	{"include", FILTER_SECTION, "The sections that match"},
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

// What stands behind the bar: a word, and what it is to match.
struct typed {
	const char *bar; // the blank in front of it
	const char *word;
	size_t len;
	const char *behind; // the blanks that end the word, which may be its end
	const char *re;     // the same, or behind the word that `section` has there
	enum filter_kind kind;
};

static enum filter_kind kind_of(const struct typed *t)
{
	for (unsigned i = 0; i < FILTERS; i++)
		if (starts(t->word, t->len, filters[i].word, 1))
			return filters[i].kind;
	return FILTER_NONE;
}

// `section include RE`; but where nothing stands behind such a word, it is the expression.
static void take_section(struct typed *t)
{
	size_t len = strcspn(t->re, " \t"), blanks = strspn(t->re + len, " \t");

	for (unsigned i = 0; i < SECTIONS && t->re[len + blanks]; i++)
		if (starts(t->re, len, sections[i].word, 1)) {
			t->kind = sections[i].kind;
			t->re += len + blanks;
			return;
		}
}

// False: the line has no filter.
static bool split(const char *line, struct typed *t)
{
	t->bar = filter_allowed(line) ? strstr(line, " |") : NULL;
	if (!t->bar)
		return false;
	t->word = t->bar + 2 + strspn(t->bar + 2, " \t");
	t->len = strcspn(t->word, " \t");
	t->re = t->behind = t->word + t->len + strspn(t->word + t->len, " \t");
	t->kind = kind_of(t);
	if (t->kind == FILTER_SECTION)
		take_section(t);
	return true;
}

int filter_parse(char *line, struct filter *f, char *err, size_t err_size)
{
	struct typed t;
	int code;

	*f = (struct filter){0};
	if (!split(line, &t))
		return 1;
	f->kind = t.kind;
	if (f->kind == FILTER_NONE || !*t.re) {
		snprintf(err, err_size,
		         "%% Expected '| {include|exclude|begin|section [include|exclude]|count} "
		         "RE'");
		f->kind = FILTER_NONE;
		return -EINVAL;
	}
	code = regcomp(&f->regex, t.re, REG_EXTENDED | REG_NOSUB);
	if (code) {
		snprintf(err, err_size, "%% Failed to compile regular expression: ");
		regerror(code, &f->regex, err + strlen(err), err_size - strlen(err));
		f->kind = FILTER_NONE;
		return -EINVAL;
	}
	line[t.bar - line] = '\0';
	return 0;
}

static bool is_ended(const struct typed *t)
{
	return t->re > t->word + t->len;
}

// The line ends where the word behind `section` may stand.
static bool may_be_section(const struct typed *t)
{
	return is_ended(t) && t->kind == FILTER_SECTION && t->re == t->behind &&
	       !strpbrk(t->re, " \t");
}

static void list_sections(char *out, size_t size)
{
	snprintf(out, size, "  LINE     Regular expression\n");
	for (unsigned i = 0; i < SECTIONS; i++)
		snprintf(out + strlen(out), size - strlen(out), "  %-7s  %s\n", sections[i].word,
		         sections[i].help);
}

bool filter_complete(const char *line, char *out, size_t size)
{
	struct typed t;

	out[0] = '\0';
	if (!split(line, &t))
		return false;
	for (unsigned i = 0; i < FILTERS && !is_ended(&t); i++)
		if (starts(t.word, t.len, filters[i].word, 0))
			snprintf(out + strlen(out), size - strlen(out), "%s\n", filters[i].word);
	for (unsigned i = 0; i < SECTIONS && may_be_section(&t); i++)
		if (starts(t.re, strlen(t.re), sections[i].word, 0))
			snprintf(out + strlen(out), size - strlen(out), "%s\n", sections[i].word);
	return true;
}

bool filter_help(const char *line, char *out, size_t size)
{
	struct typed t;

	if (!filter_complete(line, out, size))
		return false;
	split(line, &t);
	if (may_be_section(&t) && !*t.re)
		list_sections(out, size);
	else if (is_ended(&t) && t.kind != FILTER_NONE && !out[0])
		snprintf(out, size, "  LINE  Regular expression\n");
	else if (!out[0])
		snprintf(out, size, "%% Unrecognized command\n");
	if (t.len)
		return true;
	out[0] = '\0';
	for (unsigned i = 0; i < FILTERS; i++)
		snprintf(out + strlen(out), size - strlen(out), "  %-7s  %s\n", filters[i].word,
		         filters[i].help);
	return true;
}

bool filter_line(struct filter *f, const char *line)
{
	bool match = f->kind != FILTER_NONE && regexec(&f->regex, line, 0, NULL, 0) == 0;

	switch (f->kind) {
	case FILTER_INCLUDE:
		return match;
	case FILTER_EXCLUDE:
		return !match;
	case FILTER_BEGIN:
		f->begun = f->begun || match;
		return f->begun;
	case FILTER_SECTION:
	case FILTER_SECTION_EXCLUDE:
		f->begun = match || (f->begun && line[0] == ' ');
		return f->begun == (f->kind == FILTER_SECTION);
	case FILTER_COUNT:
		f->count += match;
		return false;
	default:
		return true;
	}
}

void filter_end(struct filter *f, char *out, size_t size)
{
	out[0] = '\0';
	if (f->kind == FILTER_COUNT)
		snprintf(out, size, "Number of lines which match regexp = %u\n", f->count);
	if (f->kind != FILTER_NONE)
		regfree(&f->regex);
	f->kind = FILTER_NONE;
}

// ---- pages

void screen_start(struct screen *s, unsigned rows, unsigned columns)
{
	s->rows = rows;
	s->columns = columns ? columns : 80;
	s->row = 0;
	s->len = s->shown = 0;
	s->quit = s->error = false;
}

// One key, without waiting for the end of a line.
static int read_key(void)
{
	struct termios old, raw;
	unsigned char key = 'q';

	if (tcgetattr(STDIN_FILENO, &old) < 0)
		return 'q';
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	if (read(STDIN_FILENO, &key, 1) != 1)
		key = 'q';
	tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	return key;
}

// Waits at the bottom of a page: a blank goes on a page, return a line, anything else ends it.
static void more(struct screen *s)
{
	int key;

	fputs(MORE, stdout);
	fflush(stdout);
	key = read_key();
	printf("\r%*s\r", (int)strlen(MORE), "");
	if (key == '\r' || key == '\n')
		s->row = s->rows - 1;
	else if (key == ' ')
		s->row = 0;
	else
		s->quit = true;
}

// Prints what there is of the line and is not on the screen yet. False: nobody wants to see it.
static bool print_rest(struct screen *s)
{
	unsigned rows = (unsigned)(s->len / s->columns) + 1;

	if (!s->shown && s->rows && s->row && s->row + rows > s->rows)
		more(s);
	if (s->quit)
		return false;
	fwrite(s->line + s->shown, 1, s->len - s->shown, stdout);
	s->shown = s->len;
	return true;
}

static void finish_line(struct screen *s, struct filter *f)
{
	s->line[s->len] = '\0';
	if (!s->quit && filter_line(f, s->line) && print_rest(s)) {
		s->row += (unsigned)(s->len / s->columns) + 1;
		putchar('\n');
	}
	s->len = s->shown = 0;
}

void screen_put(struct screen *s, struct filter *f, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || s->len == sizeof(s->line) - 1)
			finish_line(s, f);
		if (text[i] != '\n')
			s->line[s->len++] = text[i];
	}
	// The signs of `ping` come one by one.
	if (f->kind == FILTER_NONE && s->len && !s->quit)
		print_rest(s);
}

void screen_error(struct screen *s, struct filter *f, const char *text, size_t len)
{
	struct filter none = {0};

	if (s->len && !s->error)
		finish_line(s, f);
	s->error = true;
	screen_put(s, &none, text, len);
}

void screen_end(struct screen *s, struct filter *f)
{
	struct filter none = {0};
	char result[80];

	if (s->shown && s->quit)
		putchar('\n');
	if (s->len)
		finish_line(s, s->error ? &none : f);
	filter_end(f, result, sizeof(result));
	if (!s->quit && !s->error)
		fputs(result, stdout);
	fflush(stdout);
}
