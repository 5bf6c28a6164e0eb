// Slabs: items in chunks that never move. Control core only. Must not hand out a slot under a
// generation that it had before.
#include "slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

// An item that was never in use takes no memory but for its page. Each chunk takes one page more:
// the allocator begins it at another line than the one before.
#define CHUNK_ITEMS 4096u

// While an item is free its bytes behind the header hold the link of the free list.
static uint32_t *slab_link(void *item)
{
	return (uint32_t *)((struct slab_item *)item + 1);
}

// Tells AddressSanitizer, in builds with it, whether memory may be touched.
static void guard(void *from, size_t len, bool is_closed)
{
#ifdef __SANITIZE_ADDRESS__
	if (is_closed)
		__asan_poison_memory_region(from, len);
	else
		__asan_unpoison_memory_region(from, len);
#else
	(void)from;
	(void)len;
	(void)is_closed;
#endif
}

// What lies behind a free item's link: else use after slab_free() would go unseen.
static void slab_guard(const struct slab *s, void *item, bool is_free)
{
	guard(slab_link(item) + 1, s->item_size - sizeof(struct slab_item) - sizeof(uint32_t),
	      is_free);
}

int slab_init(struct slab *s, size_t item_size, uint32_t limit)
{
	uint32_t n_chunks = (limit + CHUNK_ITEMS - 1) / CHUNK_ITEMS;

	memset(s, 0, sizeof(*s));
	s->item_size = item_size;
	s->limit = limit;
	s->next_generation = 1;
	s->chunks = calloc(n_chunks ? n_chunks : 1, sizeof(*s->chunks));
	return s->chunks ? 0 : -ENOMEM;
}

static void *slab_item_at(const struct slab *s, uint32_t index)
{
	return (char *)s->chunks[index / CHUNK_ITEMS] + (index % CHUNK_ITEMS) * s->item_size;
}

void slab_fini(struct slab *s)
{
	for (uint32_t i = 0; i < s->made; i++) {
		slab_guard(s, slab_item_at(s, i), false);
		secret_wipe(slab_item_at(s, i), s->item_size);
	}
	for (uint32_t i = 0; i < s->made; i += CHUNK_ITEMS)
		free(s->chunks[i / CHUNK_ITEMS]);
	free(s->chunks);
	memset(s, 0, sizeof(*s));
}

// An item that was never in use. Nothing else of its chunk is touched: fresh pages are slow, and
// all at once they would make a turn long.
static struct slab_item *slab_make(struct slab *s)
{
	void **chunk = &s->chunks[s->made / CHUNK_ITEMS];
	struct slab_item *item;

	if (s->made >= s->limit) {
		errno = ENOSPC;
		return NULL;
	}
	if (s->made % CHUNK_ITEMS == 0) {
		*chunk = malloc(CHUNK_ITEMS * s->item_size);
		if (*chunk)
			guard(*chunk, CHUNK_ITEMS * s->item_size, true);
	}
	if (!*chunk) {
		errno = ENOMEM;
		return NULL;
	}
	item = slab_item_at(s, s->made);
	guard(item, s->item_size, false);
	memset(item, 0, s->item_size);
	item->index = s->made++;
	return item;
}

static struct slab_item *slab_reuse(struct slab *s)
{
	struct slab_item *item = slab_item_at(s, s->free_head - 1);

	s->free_head = *slab_link(item);
	*slab_link(item) = 0;
	slab_guard(s, item, false);
	return item;
}

void *slab_alloc(struct slab *s)
{
	struct slab_item *item = s->free_head ? slab_reuse(s) : slab_make(s);

	if (!item)
		return NULL;
	item->generation = s->next_generation++;
	if (!s->next_generation)
		s->next_generation = 1;
	s->used++;
	return item;
}

void slab_free(struct slab *s, void *p)
{
	struct slab_item *item = p;

	secret_wipe(item + 1, s->item_size - sizeof(*item));
	item->generation = 0;
	*slab_link(item) = s->free_head;
	s->free_head = item->index + 1;
	slab_guard(s, item, true);
	s->used--;
}

void *slab_place(const struct slab *s, uint32_t index)
{
	return index < s->made ? slab_item_at(s, index) : NULL;
}

void *slab_at(const struct slab *s, uint32_t index)
{
	struct slab_item *item;

	if (index >= s->made)
		return NULL;
	item = slab_item_at(s, index);
	return item->generation ? item : NULL;
}

void *slab_get(const struct slab *s, struct handle h)
{
	struct slab_item *item = slab_at(s, h.index);

	return item && item->generation == h.generation ? item : NULL;
}

struct handle slab_handle(const void *item)
{
	const struct slab_item *i = item;

	return (struct handle){.index = i->index, .generation = i->generation};
}
