// See share.h: a count of owners beside each list. Any thread; of one configuration, one at a time.
#include "share.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

int share_prepare(struct config *c, enum config_kind kind)
{
	struct sorted s = config_sorted(c, kind);

	if (c->shares[kind] || *s.n == 0)
		return 0;
	c->shares[kind] = malloc(sizeof(*c->shares[kind]));
	if (!c->shares[kind])
		return -ENOMEM;
	atomic_init(c->shares[kind], 1);
	return 0;
}

// `to` has no such list. Its pointer and counts are set here as items are copied.
static int copy_list(struct config *to, const struct config *from, enum config_kind kind)
{
	const struct config_list *l = &config_lists[kind];
	struct sorted s = config_sorted((struct config *)from, kind); // only read
	struct sorted t = config_sorted(to, kind);
	char *items = array_copy(array_get(s.items), *s.n, s.size);
	int err = 0;

	if (*s.n && !items)
		return -ENOMEM;
	memcpy(t.items, &items, sizeof(items));
	*t.tail = *s.tail;
	for (uint32_t i = 0; i < *s.n && !err; i++) {
		if (l->copy)
			err = l->copy(items + i * l->size);
		*t.n = i + 1;
	}
	return err;
}

int share_list(struct config *to, const struct config *from, enum config_kind kind)
{
	struct sorted s = config_sorted((struct config *)from, kind); // only read
	struct sorted t = config_sorted(to, kind);

	if (!from->shares[kind])
		return copy_list(to, from, kind);
	// Relaxed: `from` is an owner, so nobody can be the last one meanwhile.
	atomic_fetch_add_explicit(from->shares[kind], 1, memory_order_relaxed);
	to->shares[kind] = from->shares[kind];
	memcpy(t.items, s.items, sizeof(void *));
	*t.n = *s.n;
	*t.tail = *s.tail;
	return 0;
}

static void free_items(struct config *c, enum config_kind kind)
{
	const struct config_list *l = &config_lists[kind];
	struct sorted s = config_sorted(c, kind);
	char *items = array_get(s.items);

	for (uint32_t i = 0; l->clean && i < *s.n; i++)
		l->clean(items + i * l->size);
	array_free(s.items, s.n, s.size);
	*s.tail = 0;
}

static void forget(struct config *c, enum config_kind kind)
{
	struct sorted s = config_sorted(c, kind);

	memset(s.items, 0, sizeof(void *));
	*s.n = *s.tail = 0;
	c->shares[kind] = NULL;
}

void share_leave(struct config *c, enum config_kind kind)
{
	_Atomic uint32_t *count = c->shares[kind];

	// Acquire and release: what the other owners have read they have read before it is freed.
	if (count && atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) > 1) {
		forget(c, kind);
		return;
	}
	free_items(c, kind);
	free(count);
	c->shares[kind] = NULL;
}

int share_own(struct config *c, enum config_kind kind)
{
	struct config *copy;
	struct sorted s = config_sorted(c, kind), t;
	int err;

	// Acquire: the owners that have left have read what is changed now. Nobody else can come to
	// have this list: it would be copied from c.
	if (!c->shares[kind] || atomic_load_explicit(c->shares[kind], memory_order_acquire) == 1)
		return 0;
	copy = calloc(1, sizeof(*copy)); // holds the one list alone
	err = copy ? copy_list(copy, c, kind) : -ENOMEM;
	if (!err)
		err = share_prepare(copy, kind);
	if (err) {
		if (copy)
			share_leave(copy, kind);
		free(copy);
		return err;
	}
	share_leave(c, kind);
	t = config_sorted(copy, kind);
	memcpy(s.items, t.items, sizeof(void *));
	*s.n = *t.n;
	*s.tail = *t.tail;
	c->shares[kind] = copy->shares[kind];
	free(copy);
	return 0;
}
