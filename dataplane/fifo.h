// A queue of fixed-size values that grows. [C] One thread; for lists that are usually empty.
#ifndef VIGIL_DATAPLANE_FIFO_H
#define VIGIL_DATAPLANE_FIFO_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fifo {
	uint8_t *items;
	size_t head, count, room; // room is a power of two
};

static inline int fifo_grow(struct fifo *f, size_t size)
{
	size_t room = f->room ? f->room * 2 : 64;
	uint8_t *items = calloc(room, size);

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < f->count; i++)
		memcpy(items + i * size, f->items + ((f->head + i) & (f->room - 1)) * size, size);
	free(f->items);
	f->items = items;
	f->head = 0;
	f->room = room;
	return 0;
}

// 0 or -ENOMEM. `size` is the same at every call.
static inline int fifo_push(struct fifo *f, const void *item, size_t size)
{
	if (f->count == f->room && fifo_grow(f, size))
		return -ENOMEM;
	memcpy(f->items + ((f->head + f->count) & (f->room - 1)) * size, item, size);
	f->count++;
	return 0;
}

// The oldest, or NULL.
static inline void *fifo_peek(struct fifo *f, size_t size)
{
	return f->count ? f->items + f->head * size : NULL;
}

static inline void fifo_pop(struct fifo *f)
{
	f->head = (f->head + 1) & (f->room - 1);
	f->count--;
}

static inline void fifo_fini(struct fifo *f)
{
	free(f->items);
	memset(f, 0, sizeof(*f));
}

#endif
