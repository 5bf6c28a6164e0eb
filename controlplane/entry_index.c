// See entry_index.h: a sorted array of pointers. Control core only.
#include "entry_index.h"

#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "flow.h"

static int compare(const struct crypto_entry *e, const struct entry_key *key)
{
	uint32_t place = flow_place(e->sequence, e->dynamic);

	if (e->iface != key->iface)
		return e->iface < key->iface ? -1 : 1;
	if (e->ipv6 != key->ipv6)
		return e->ipv6 ? 1 : -1;
	return place < key->place ? -1 : place > key->place;
}

// The first place whose entry is not before the key.
static uint32_t lower_bound(const struct entry_index *x, const struct entry_key *key)
{
	uint32_t lo = 0, hi = x->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (compare(x->items[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool reserve(struct entry_index *x, uint32_t n)
{
	uint32_t room = x->room ? x->room : 16;
	struct crypto_entry **items;

	while (room < n)
		room *= 2;
	if (room == x->room)
		return true;
	items = reallocarray(x->items, room, sizeof(struct crypto_entry *));
	if (!items)
		return false;
	x->items = items;
	x->room = room;
	return true;
}

void entry_index_start(struct control *c)
{
	c->entry_index.n = 0;
	c->entry_index.valid = c->entry_index.failed = false;
}

void entry_index_append(struct control *c, struct crypto_entry *e)
{
	struct entry_index *x = &c->entry_index;

	x->failed = x->failed || !reserve(x, x->n + 1);
	if (!x->failed)
		x->items[x->n++] = e;
}

void entry_index_end(struct control *c)
{
	c->entry_index.valid = !c->entry_index.failed;
}

void entry_index_fini(struct control *c)
{
	free(c->entry_index.items);
	c->entry_index = (struct entry_index){0};
}

struct crypto_entry *entry_index_find(const struct control *c, const struct entry_key *key,
                                      struct crypto_entry **before)
{
	const struct entry_index *x = &c->entry_index;
	uint32_t at = lower_bound(x, key);

	*before = at ? x->items[at - 1] : NULL;
	return at < x->n && compare(x->items[at], key) == 0 ? x->items[at] : NULL;
}

static struct entry_key key_of(const struct crypto_entry *e)
{
	return (struct entry_key){e->iface, e->ipv6, flow_place(e->sequence, e->dynamic)};
}

void entry_index_add(struct control *c, struct crypto_entry *e)
{
	struct entry_index *x = &c->entry_index;
	struct entry_key key = key_of(e);
	uint32_t at;

	if (!x->valid)
		return;
	x->valid = reserve(x, x->n + 1);
	if (!x->valid)
		return;
	at = lower_bound(x, &key);
	memmove(x->items + at + 1, x->items + at, (x->n - at) * sizeof(*x->items));
	x->items[at] = e;
	x->n++;
}

void entry_index_del(struct control *c, const struct crypto_entry *e)
{
	struct entry_index *x = &c->entry_index;
	struct entry_key key = key_of(e);
	uint32_t at;

	if (!x->valid)
		return;
	at = lower_bound(x, &key);
	x->n--;
	memmove(x->items + at, x->items + at + 1, (x->n - at) * sizeof(*x->items));
}
