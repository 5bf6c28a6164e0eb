// A text that grows. Any thread. A failed allocation is remembered: check once at the end.
#ifndef VIGIL_CONFIG_TEXT_H
#define VIGIL_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; // NUL-terminated, or NULL while empty
	size_t len;
	size_t size;
	bool failed;
};

void text_put(struct text *t, const char *data, size_t len);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// The text, for the caller to free(), or NULL with errno ENOMEM; *t is empty afterwards.
char *text_take(struct text *t);
// Wipes and frees.
void text_fini(struct text *t);

#endif
