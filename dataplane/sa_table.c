// Slots of SAs. [C] Everything here runs on the control core; a slot that a worker may still use
// is never put back.
#include "sa_table.h"

#include <stddef.h>
#include <string.h>

#include "secret.h"

int sa_table_init(struct sa_table *t, uint32_t max, uint32_t owners)
{
	int err;

	memset(t, 0, sizeof(*t));
	t->max = max;
	err = spi_layout_init(&t->layout, owners, max);
	if (err)
		return err;
	// The pages of these tables are not touched before they are needed.
	t->activity = calloc(max, sizeof(*t->activity));
	t->slots = calloc(max, sizeof(*t->slots));
	err = chunks_init(&t->sas, max, sizeof(struct sa));
	if (err == 0)
		err = chunks_init(&t->keys, max, sizeof(struct sa_keys));
	if (err == 0)
		err = chunks_init(&t->more, max, sizeof(struct sa_more));
	if (err || !t->activity || !t->slots) {
		sa_table_fini(t);
		return -ENOMEM;
	}
	// SPIs of another run of the program must miss; see spi.h.
	secret_random(&t->base, sizeof(t->base));
	return 0;
}

static void wipe_keys(struct sa_table *t, struct sa *sa)
{
	if (!sa->keys || sa_is_cold(sa))
		return; // their pages may never have been touched
	secret_wipe(sa->keys, sizeof(struct sa_keys));
	t->wiped += sa_is_warm(sa);
}

void sa_table_fini(struct sa_table *t)
{
	for (uint32_t i = 0; i < t->unused; i++) {
		free(sa_ring(sa_table_at(t, i)));
		wipe_keys(t, sa_table_at(t, i));
	}
	chunks_fini(&t->more);
	chunks_leave(&t->keys);
	chunks_fini(&t->sas);
	free(t->slots);
	free(t->activity);
	memset(t, 0, sizeof(*t));
}

// A generation has its top bit set, so it is no other number that stands in an SA in its place (see
// sa.current), nor 0, which no handle has.
static uint32_t next_generation(const struct sa_table *t, const struct sa_slot *slot)
{
	uint32_t g = slot->generation ? slot->generation + 1 : t->base;

	return g | 1u << 31;
}

int sa_table_take(struct sa_table *t, enum sa_direction direction, unsigned owner,
                  struct handle *sa)
{
	uint32_t i = t->free ? t->free - 1 : t->unused;
	struct sa_slot *slot;

	if (i >= t->max)
		return -ENOSPC;
	if (!chunks_need(&t->sas, i) || !chunks_need(&t->keys, i))
		return -ENOMEM;
	slot = &t->slots[i];
	if (t->free)
		t->free = slot->next_free;
	else
		t->unused++;
	slot->generation = next_generation(t, slot);
	slot->state = direction == SA_IN ? SA_RESERVED : SA_LIVE;
	slot->direction = (uint8_t)direction;
	slot->owner = (uint8_t)owner;
	slot->foreign = 0;
	t->inbound[owner] += direction == SA_IN;
	t->used++;
	activity_store(&t->activity[i].last_in, 0);
	activity_store(&t->activity[i].generation, slot->generation);
	*sa = (struct handle){.index = i, .generation = slot->generation};
	return 0;
}

void sa_table_put(struct sa_table *t, uint32_t i)
{
	struct sa *sa = sa_table_at(t, i);

	free(sa_ring(sa));
	wipe_keys(t, sa);
	// `live` is the worker's, and 0 by now.
	secret_wipe((char *)sa + sizeof(sa->live), sizeof(*sa) - sizeof(sa->live));
	activity_store(&t->activity[i].generation, 0);
	t->inbound[t->slots[i].owner] -= t->slots[i].direction == SA_IN;
	t->slots[i].state = SA_FREE;
	t->used--;
	t->slots[i].next_free = t->free;
	t->free = i + 1;
}

struct sa_slot *sa_table_slot(const struct sa_table *t, struct handle sa)
{
	struct sa_slot *slot;

	if (handle_is_null(sa) || sa.index >= t->unused)
		return NULL;
	slot = &t->slots[sa.index];
	return slot->state != SA_FREE && slot->generation == sa.generation ? slot : NULL;
}
