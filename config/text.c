// A text that grows: for rendering and for messages. Any thread. Must not lose a failure: it stays
// in `failed` until the text is taken or freed.
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

// Room for `more` bytes and a NUL. A new block is made and the old one wiped, because texts hold
// keys and realloc() would leave them behind.
static bool text_grow(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 256;
	char *data;

	if (t->failed || more > SIZE_MAX / 4 || t->len > SIZE_MAX / 4) {
		t->failed = true;
		return false;
	}
	if (t->len + more + 1 <= t->size)
		return true;
	while (size < t->len + more + 1)
		size *= 2;
	data = malloc(size);
	if (!data) {
		t->failed = true;
		return false;
	}
	if (t->data) {
		memcpy(data, t->data, t->len);
		secret_wipe(t->data, t->len);
		free(t->data);
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_put(struct text *t, const char *data, size_t len)
{
	if (!text_grow(t, len))
		return;
	if (len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !text_grow(t, (size_t)n)) {
		t->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(t->data + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

char *text_take(struct text *t)
{
	char *data;

	text_grow(t, 0);
	if (t->failed) {
		text_fini(t);
		errno = ENOMEM;
		return NULL;
	}
	data = t->data;
	data[t->len] = '\0';
	*t = (struct text){0};
	return data;
}

void text_fini(struct text *t)
{
	if (t->data) {
		secret_wipe(t->data, t->len);
		free(t->data);
	}
	*t = (struct text){0};
}
