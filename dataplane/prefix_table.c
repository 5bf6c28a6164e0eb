// Prefix look-up by one hash probe for each length in use. [C] adds and deletes, [W] matches.
// Ordering: a length's bit is set before its first prefix is inserted and cleared after the last is
// gone, so that a reader that sees a prefix's neighbours never misses the prefix for the bit.
// Readers must not keep a value past their next quiescent state.
#include "prefix_table.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <stdlib.h>

#include "secret.h"

struct key {
	uint32_t set;
	uint32_t addr;
	uint32_t len;
};

struct prefix_table {
	struct rte_hash *hash;
	uint32_t next_set;
};

void reclaim_init(struct reclaim *r, struct rte_rcu_qsbr *qsbr)
{
	r->qsbr = qsbr;
	r->head = NULL;
	r->tail = &r->head;
}

void reclaim_defer(struct reclaim *r, struct reclaim_item *item)
{
	item->token = rte_rcu_qsbr_start(r->qsbr);
	item->next = NULL;
	*r->tail = item;
	r->tail = &item->next;
}

void reclaim_run(struct reclaim *r, bool all)
{
	while (r->head && (all || rte_rcu_qsbr_check(r->qsbr, r->head->token, false))) {
		struct reclaim_item *item = r->head;

		r->head = item->next;
		free(item);
	}
	if (!r->head)
		r->tail = &r->head;
}

struct prefix_table *prefix_table_create(const char *name, uint32_t entries,
                                         struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct rte_hash_parameters params = {
		.name = name,
		.entries = entries < 64 ? 64 : entries,
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct prefix_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	// Peers propose what ends up in here: they must not be able to aim at one bucket.
	secret_random(&params.hash_func_init_val, sizeof(params.hash_func_init_val));
	t->hash = rte_hash_create(&params);
	if (!t->hash) {
		errno = rte_errno;
		free(t);
		return NULL;
	}
	if (rte_hash_rcu_qsbr_add(t->hash, &rcu)) {
		errno = rte_errno;
		prefix_table_destroy(t);
		return NULL;
	}
	return t;
}

void prefix_table_destroy(struct prefix_table *t)
{
	if (!t)
		return;
	rte_hash_free(t->hash);
	free(t);
}

void prefix_table_set_init(struct prefix_table *t, struct prefix_set *set)
{
	*set = (struct prefix_set){.id = t->next_set++};
}

static struct key key_make(const struct prefix_set *set, uint32_t addr, uint8_t len)
{
	return (struct key){.set = set->id, .addr = addr & prefix_mask_bits(len), .len = len};
}

int prefix_table_add(struct prefix_table *t, struct prefix_set *set, uint32_t addr, uint8_t len,
                     void *value)
{
	struct key key = key_make(set, addr, len);
	int err;

	if (rte_hash_lookup(t->hash, &key) >= 0)
		return -EEXIST;
	// Writer: control. Release: see the head of this file.
	__atomic_store_n(&set->lengths, set->lengths | 1ull << len, __ATOMIC_RELEASE);
	err = rte_hash_add_key_data(t->hash, &key, value);
	if (err == 0)
		set->count[len]++;
	else if (set->count[len] == 0)
		__atomic_store_n(&set->lengths, set->lengths & ~(1ull << len), __ATOMIC_RELEASE);
	return err;
}

void *prefix_table_del(struct prefix_table *t, struct prefix_set *set, uint32_t addr, uint8_t len)
{
	struct key key = key_make(set, addr, len);
	void *value;

	if (rte_hash_lookup_data(t->hash, &key, &value) < 0 || rte_hash_del_key(t->hash, &key) < 0)
		return NULL;
	if (--set->count[len] == 0)
		__atomic_store_n(&set->lengths, set->lengths & ~(1ull << len), __ATOMIC_RELEASE);
	return value;
}

void *prefix_table_get(const struct prefix_table *t, const struct prefix_set *set, uint32_t addr,
                       uint8_t len)
{
	struct key key = key_make(set, addr, len);
	void *value;

	return rte_hash_lookup_data(t->hash, &key, &value) < 0 ? NULL : value;
}

unsigned prefix_table_match(const struct prefix_table *t, const struct prefix_set *set,
                            uint32_t addr, void *values[PREFIX_LENGTHS])
{
	// Acquire pairs with the release in prefix_table_add().
	uint64_t lengths = __atomic_load_n(&set->lengths, __ATOMIC_ACQUIRE), hits = 0;
	struct key keys[PREFIX_LENGTHS];
	const void *pointers[PREFIX_LENGTHS];
	unsigned n = 0, found = 0;

	for (; lengths; n++) {
		uint8_t len = (uint8_t)(63 - __builtin_clzll(lengths));

		lengths &= ~(1ull << len);
		keys[n] = key_make(set, addr, len);
		pointers[n] = &keys[n];
	}
	if (n == 0 || rte_hash_lookup_bulk_data(t->hash, pointers, n, &hits, values) <= 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (hits & 1ull << i)
			values[found++] = values[i];
	return found;
}

void *prefix_table_longest(const struct prefix_table *t, const struct prefix_set *set,
                           uint32_t addr)
{
	uint64_t lengths = __atomic_load_n(&set->lengths, __ATOMIC_ACQUIRE);
	void *value;

	while (lengths) {
		uint8_t len = (uint8_t)(63 - __builtin_clzll(lengths));
		struct key key = key_make(set, addr, len);

		lengths &= ~(1ull << len);
		if (rte_hash_lookup_data(t->hash, &key, &value) >= 0)
			return value;
	}
	return NULL;
}
