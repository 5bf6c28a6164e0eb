// What was found in a configuration text: errors, warnings and notices with their place.
#ifndef VIGIL_CONFIG_DIAG_H
#define VIGIL_CONFIG_DIAG_H

#include <stdint.h>

#include "text.h"

enum diag_severity {
	DIAG_ERROR,   // nothing of the text is used
	DIAG_WARNING, // works, but somebody should look: weak algorithms, incomplete crypto maps
	DIAG_NOTICE,  // accepted and without effect: "not active in this version", "ignored"
};

struct diag {
	enum diag_severity severity;
	uint32_t line;   // from 1; 0 = the text as a whole, or a typed line
	uint32_t column; // from 1, in bytes; 0 = the whole line
	char *message;   // one sentence without a full stop
	char *source;    // the line, or NULL; never one that may hold a secret
};

struct diag_list {
	char *name; // file name for messages, or NULL
	struct diag *items;
	uint32_t n, size;
	uint32_t errors, warnings, notices;
	bool failed; // out of memory: something is missing; counted as an error
};

void diag_init(struct diag_list *d, const char *name);
void diag_fini(struct diag_list *d);
// Whether a configuration line may hold a key or a password: such a line is not repeated, since
// findings are printed where others read them. Rather one too many than one too few.
bool diag_is_secret(const char *line);
// `source` may be NULL, and is left out if it may hold a secret.
void diag_add(struct diag_list *d, enum diag_severity severity, uint32_t line, uint32_t column,
              const char *source, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
// "name:line:column: error: message", then the source line and a caret below the column.
void diag_format(const struct diag_list *d, const struct diag *item, struct text *out);
// All of them, in order of line, each as diag_format() gives it.
void diag_format_all(const struct diag_list *d, struct text *out);
// "error", "warning", "notice"
const char *diag_severity_name(enum diag_severity s);

#endif
