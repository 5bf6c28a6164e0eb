// What `vigil` prints: filters behind `|`, and pages with --More--. One thread.
#ifndef VIGIL_MANAGE_SCREEN_H
#define VIGIL_MANAGE_SCREEN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_kind {
	FILTER_NONE,
	FILTER_INCLUDE,
	FILTER_EXCLUDE,
	FILTER_BEGIN,
	FILTER_SECTION,         // matching lines, and the indented ones below them
	FILTER_SECTION_EXCLUDE, // all but these
	FILTER_COUNT,
};

#define FILTER_HELP 512 // bytes of what filter_help() and filter_complete() write

struct filter {
	enum filter_kind kind;
	regex_t regex;
	bool begun;     // begin: from here on; section: inside one
	unsigned count; // of lines that matched
};

// Does a line print what can be long, and have a filter? All `show` commands do.
bool filter_allowed(const char *line);
// Splits a show command at its ` | `: cuts `line` there and sets the filter. 0; 1 = there is none;
// -EINVAL and a text for a person in err.
int filter_parse(char *line, struct filter *f, char *err, size_t err_size);
// The words that complete the filter at the end of `line`, one a line; what `?` prints there.
// False: it has no bar.
bool filter_complete(const char *line, char *out, size_t size);
bool filter_help(const char *line, char *out, size_t size);
// Whether this line, without newline, is shown.
bool filter_line(struct filter *f, const char *line);
// For count: its result in `out`. Frees.
void filter_end(struct filter *f, char *out, size_t size);

struct screen {
	unsigned rows; // lines between two --More--, 0 = none
	unsigned columns;
	unsigned row;    // lines since the last one
	bool quit;       // the person does not want to see more
	char line[8192]; // an unfinished line
	size_t len;
	size_t shown; // bytes of it that are printed already
	bool error;   // the command has failed
};

// A command begins.
void screen_start(struct screen *s, unsigned rows, unsigned columns);
// Prints text through the filter, page by page; without a filter half a line at once, too.
void screen_put(struct screen *s, struct filter *f, const char *text, size_t len);
// The same without the filter, whose count means nothing then.
void screen_error(struct screen *s, struct filter *f, const char *text, size_t len);
// The command ends: prints the unfinished line.
void screen_end(struct screen *s, struct filter *f);

#endif
