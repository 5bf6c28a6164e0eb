// All SAs, inbound and outbound, by slot. [C] takes and frees slots; [W] finds SAs by SPI and by
// handle. A slot's life: free -> reserved -> live -> dying -> free, each step control's; the worker
// that owns the SA only confirms that it has let go of a dying one. An outbound SA, which nobody
// finds before dp_tunnel_use(), is not reserved first.
#ifndef VIGIL_DATAPLANE_SA_TABLE_H
#define VIGIL_DATAPLANE_SA_TABLE_H

#include "activity.h"
#include "chunks.h"
#include "sa.h"
#include "spi.h"

enum sa_state {
	SA_FREE,
	SA_RESERVED, // inbound, SPI given out, no keys yet
	SA_LIVE,
	SA_DYING, // SA_DEL is on its way to the worker, or will be
};

// Control's own record of a slot.
struct sa_slot {
	uint32_t generation; // of the current use, or of the last
	union {
		uint32_t next_free;   // free: slot + 1, 0 = none
		uint32_t foreign;     // position of its foreign SPI, 0 = it has none; see foreign.h
		uint32_t next_untold; // dying, and nobody could be told: as next_free
	};
	uint8_t state; // enum sa_state
	uint8_t direction;
	uint8_t owner;
	bool known; // dying: a worker knows it
};

_Static_assert(sizeof(struct sa_slot) == 12, "a slot of every SA");

struct sa_table {
	// Constant while workers run.
	uint32_t max;
	struct spi_layout layout;
	struct chunks sas;         // struct sa
	struct chunks keys;        // struct sa_keys
	struct activity *activity; // [max]; see activity.h
	// Control alone.
	struct chunks more; // struct sa_more, where an SA needs it
	struct sa_slot *slots;
	uint32_t inbound[UINT8_MAX + 1]; // how many each worker owns
	uint32_t free, unused, base;     // free: slot + 1; unused: first slot that was never taken
	uint32_t untold; // slot + 1 of the newest whose end is still to be told; 0 = none
	uint32_t used;
	// Expanded keys of AES-GCM: made by control, gone. Those of workers: crypto_warmed().
	uint64_t warmed, wiped;
};

// Room for `max` SAs of `owners` workers. 0, -ENOMEM, -ERANGE (too many for an SPI).
int sa_table_init(struct sa_table *t, uint32_t max, uint32_t owners);
// Wipes all keys.
void sa_table_fini(struct sa_table *t);

// [C] Takes a free slot with its memory and a new generation. 0, -ENOSPC, -ENOMEM.
int sa_table_take(struct sa_table *t, enum sa_direction direction, unsigned owner,
                  struct handle *sa);
// [C] Wipes the keys and frees the slot.
void sa_table_put(struct sa_table *t, uint32_t slot);
// [C] Control's record, or NULL if the handle is stale or null.
struct sa_slot *sa_table_slot(const struct sa_table *t, struct handle sa);

// [any] The SA in a slot, or NULL; its fields belong to whom sa.h says. Does not touch the SA, so
// that a burst can prefetch first. On arrival it is the right one if it is live and has the SPI.
static inline struct sa *sa_table_at(const struct sa_table *t, uint32_t slot)
{
	return chunks_at_size(&t->sas, slot, sizeof(struct sa));
}

// The keys of the SA in a slot, or of none.
static inline struct sa_keys *sa_table_keys(const struct sa_table *t, uint32_t slot)
{
	return chunks_at_size(&t->keys, slot, sizeof(struct sa_keys));
}

// [C] What a slot's SA needs beside, made if it is not there. NULL: no memory.
static inline struct sa_more *sa_table_more(struct sa_table *t, uint32_t slot)
{
	return chunks_need(&t->more, slot);
}

#endif
