// A table of slots of one size that grows by chunks, in EAL's memory (huge pages where there are
// any). [C] makes chunks, [any] finds slots; a slot never moves.
#ifndef VIGIL_DATAPLANE_CHUNKS_H
#define VIGIL_DATAPLANE_CHUNKS_H

#include <errno.h>
#include <rte_malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "secret.h"

#define CHUNK_SLOTS 64u // a chunk of SAs takes the control core 0.2 ms in small pages

struct chunks {
	void **chunk; // atomic: control publishes, workers read
	uint32_t n;
	uint32_t size; // bytes of a slot
};

// Room for `slots` slots of `size` bytes. 0 or -ENOMEM.
static inline int chunks_init(struct chunks *c, uint32_t slots, uint32_t size)
{
	c->n = (slots + CHUNK_SLOTS - 1) / CHUNK_SLOTS;
	c->size = size;
	c->chunk = calloc(c->n ? c->n : 1, sizeof(*c->chunk));
	return c->chunk ? 0 : -ENOMEM;
}

// Wipes what it frees: some slots are keys.
static inline void chunks_fini(struct chunks *c)
{
	for (uint32_t i = 0; c->chunk && i < c->n; i++) {
		if (c->chunk[i])
			secret_wipe(c->chunk[i], (size_t)c->size * CHUNK_SLOTS);
		rte_free(c->chunk[i]);
	}
	free(c->chunk);
	c->chunk = NULL;
}

// The same, but leaves the memory to EAL's end, untouched: rte_free() clears what it frees, and
// with it pages that were never needed. The caller has wiped what is secret.
static inline void chunks_leave(struct chunks *c)
{
	free(c->chunk);
	c->chunk = NULL;
}

// The slot, or NULL: beyond the table, or in a chunk that was never needed. `size` is the table's,
// where the compiler may know it.
static inline void *chunks_at_size(const struct chunks *c, uint32_t slot, uint32_t size)
{
	char *chunk;

	if (slot / CHUNK_SLOTS >= c->n)
		return NULL;
	// Acquire: pairs with the release below, so that a new chunk is seen zeroed.
	chunk = __atomic_load_n(&c->chunk[slot / CHUNK_SLOTS], __ATOMIC_ACQUIRE);
	return chunk ? chunk + (size_t)(slot % CHUNK_SLOTS) * size : NULL;
}

static inline void *chunks_at(const struct chunks *c, uint32_t slot)
{
	return chunks_at_size(c, slot, c->size);
}

// [C] Makes the slot's chunk if it is not there; zeroed. NULL: no memory.
static inline void *chunks_need(struct chunks *c, uint32_t slot)
{
	uint32_t i = slot / CHUNK_SLOTS;

	if (i < c->n && !c->chunk[i]) {
		void *chunk = rte_zmalloc(NULL, (size_t)c->size * CHUNK_SLOTS, 64);

		__atomic_store_n(&c->chunk[i], chunk, __ATOMIC_RELEASE);
	}
	return chunks_at(c, slot);
}

#endif
