// A table of equal items that grows by chunks: items never move, an index names an item, and a
// generation tells one use of a slot from the next. Control core only.
#ifndef VIGIL_SLAB_H
#define VIGIL_SLAB_H

#include "types.h"

// Each item begins with this.
struct slab_item {
	uint32_t index;
	uint32_t generation; // 0 while free
};

struct slab {
	size_t item_size;
	uint32_t limit; // most items
	uint32_t made;  // items that have been in use so far
	uint32_t used;
	uint32_t free_head; // index + 1; the link lies behind the item's header
	uint32_t next_generation;
	void **chunks;
};

int slab_init(struct slab *s, size_t item_size, uint32_t limit);
void slab_fini(struct slab *s);
// A zeroed item, or NULL with errno ENOSPC or ENOMEM.
void *slab_alloc(struct slab *s);
// Wipes the item: it may have held keys.
void slab_free(struct slab *s, void *item);
// The item at an index, NULL if that is free or out of range.
void *slab_at(const struct slab *s, uint32_t index);
// Where the item of an index lies, whether it is in use or not, NULL out of range: to load it
// ahead. Of one that is free only the header may be read.
void *slab_place(const struct slab *s, uint32_t index);
// The item that a handle names, NULL if that use of the slot is over.
void *slab_get(const struct slab *s, struct handle h);
struct handle slab_handle(const void *item);

#endif
