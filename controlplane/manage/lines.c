// A ring of lines: the log buffer and what waits for a terminal. Helper threads only, under the
// lock of their owner. Must not allocate after lines_init().
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

int lines_init(struct lines *l, size_t size)
{
	*l = (struct lines){.data = malloc(size), .size = size};
	return l->data ? 0 : -ENOMEM;
}

void lines_fini(struct lines *l)
{
	free(l->data);
	*l = (struct lines){0};
}

static size_t at(const struct lines *l, size_t offset)
{
	return (l->start + offset) % l->size;
}

static void put(struct lines *l, const char *data, size_t n)
{
	size_t from = at(l, l->len);
	size_t first = n < l->size - from ? n : l->size - from;

	memcpy(l->data + from, data, first);
	memcpy(l->data, data + first, n - first);
	l->len += n;
}

// Bytes of the oldest line, its newline included.
static size_t oldest(const struct lines *l)
{
	size_t n = 0;

	while (n < l->len && l->data[at(l, n)] != '\n')
		n++;
	return n + 1;
}

static void drop_oldest(struct lines *l)
{
	size_t n = oldest(l);

	l->start = at(l, n);
	l->len -= n;
	l->count--;
}

bool lines_push(struct lines *l, const char *line, bool evict)
{
	size_t n = strlen(line);

	if (n + 1 > l->size)
		return false;
	while (l->len + n + 1 > l->size) {
		if (!evict)
			return false;
		drop_oldest(l);
	}
	put(l, line, n);
	put(l, "\n", 1);
	l->count++;
	return true;
}

bool lines_pop(struct lines *l, char *out, size_t size)
{
	size_t n;

	if (!l->count)
		return false;
	n = oldest(l) - 1;
	if (n > size - 1)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = l->data[at(l, i)];
	out[n] = '\0';
	drop_oldest(l);
	return true;
}

void lines_copy(const struct lines *l, struct text *out)
{
	size_t first;

	if (!l->len)
		return;
	first = l->len < l->size - l->start ? l->len : l->size - l->start;
	text_put(out, l->data + l->start, first);
	text_put(out, l->data, l->len - first);
}
