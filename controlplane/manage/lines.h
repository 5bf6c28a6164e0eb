// Lines of text in a bounded block of memory, oldest first. Whoever uses one locks it.
#ifndef VIGIL_MANAGE_LINES_H
#define VIGIL_MANAGE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

struct lines {
	char *data; // a ring of bytes; each line ends with a newline
	size_t size;
	size_t start;   // of the oldest line
	size_t len;     // bytes in use
	uint64_t count; // lines in it
};

// 0 or -ENOMEM.
int lines_init(struct lines *l, size_t size);
void lines_fini(struct lines *l);
// Appends a line (without newline); when there is no room, the oldest lines make room if `evict`,
// else nothing changes. False: it was not appended.
bool lines_push(struct lines *l, const char *line, bool evict);
// Takes the oldest line out, with its NUL and without newline; cut to `size`. False: none.
bool lines_pop(struct lines *l, char *out, size_t size);
// All of them, oldest first, each with its newline.
void lines_copy(const struct lines *l, struct text *out);

#endif
