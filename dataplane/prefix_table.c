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
#include <string.h>

#include "secret.h"

// 16 or 32 bytes are compared: rte_hash has fast comparisons for these.
struct key {
	uint32_t set;
	uint32_t len;
	uint8_t addr[16];
	uint64_t zero;
};

#define KEY_V4 16u
_Static_assert(sizeof(struct key) == 32, "see above");

struct prefix_table {
	struct rte_hash *hash;
	uint32_t next_set;
	uint8_t bytes; // of an address
};

struct prefix_table *prefix_table_create(const char *name, uint8_t family, uint32_t entries,
                                         struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct rte_hash_parameters params = {
		.name = name,
		.entries = entries < 64 ? 64 : entries,
		.key_len = family == 4 ? KEY_V4 : sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct prefix_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->bytes = family == 4 ? 4 : 16;
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

static struct key key_make(const struct prefix_set *set, const uint8_t *addr, unsigned len)
{
	struct key key = {.set = set->id, .len = len};

	memcpy(key.addr, addr, len / 8);
	if (len % 8)
		key.addr[len / 8] = addr[len / 8] & (uint8_t)(0xff00u >> len % 8);
	return key;
}

static bool has_length(const struct prefix_table *t, uint8_t len)
{
	return len <= t->bytes * 8;
}

// Writer: control. Release: see the head of this file.
static void length_set(struct prefix_set *set, uint8_t len, bool on)
{
	uint64_t *word = &set->lengths[len / 64], bit = 1ull << len % 64;

	__atomic_store_n(word, on ? *word | bit : *word & ~bit, __ATOMIC_RELEASE);
}

int prefix_table_set(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                     uint8_t len, void *value)
{
	struct key key;
	bool there;
	int err;

	if (!has_length(t, len))
		return -EINVAL;
	key = key_make(set, addr, len);
	there = rte_hash_lookup(t->hash, &key) >= 0;
	length_set(set, len, true);
	err = rte_hash_add_key_data(t->hash, &key, value);
	if (err == 0 && !there)
		set->count[len]++;
	else if (set->count[len] == 0)
		length_set(set, len, false);
	return err;
}

int prefix_table_add(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                     uint8_t len, void *value)
{
	struct key key;

	if (!has_length(t, len))
		return -EINVAL;
	key = key_make(set, addr, len);
	if (rte_hash_lookup(t->hash, &key) >= 0)
		return -EEXIST;
	return prefix_table_set(t, set, addr, len, value);
}

void *prefix_table_del(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                       uint8_t len)
{
	struct key key;
	void *value;

	if (!has_length(t, len))
		return NULL;
	key = key_make(set, addr, len);
	if (rte_hash_lookup_data(t->hash, &key, &value) < 0 || rte_hash_del_key(t->hash, &key) < 0)
		return NULL;
	if (--set->count[len] == 0)
		length_set(set, len, false);
	return value;
}

void *prefix_table_get(const struct prefix_table *t, const struct prefix_set *set,
                       const uint8_t *addr, uint8_t len)
{
	struct key key;
	void *value;

	if (!has_length(t, len))
		return NULL;
	key = key_make(set, addr, len);
	return rte_hash_lookup_data(t->hash, &key, &value) < 0 ? NULL : value;
}

// The lengths in use within one word, longest first: at most 64, what one bulk look-up takes.
static unsigned match_word(const struct prefix_table *t, const struct prefix_set *set,
                           unsigned word, const uint8_t *addr, void **values)
{
	// Acquire pairs with the release in length_set().
	uint64_t lengths = __atomic_load_n(&set->lengths[word], __ATOMIC_ACQUIRE), hits = 0;
	struct key keys[RTE_HASH_LOOKUP_BULK_MAX];
	const void *pointers[RTE_HASH_LOOKUP_BULK_MAX];
	void *data[RTE_HASH_LOOKUP_BULK_MAX];
	unsigned n = 0, found = 0;

	for (; lengths; n++) {
		unsigned bit = 63u - (unsigned)__builtin_clzll(lengths);

		lengths &= ~(1ull << bit);
		keys[n] = key_make(set, addr, word * 64 + bit);
		pointers[n] = &keys[n];
	}
	if (n == 0 || rte_hash_lookup_bulk_data(t->hash, pointers, n, &hits, data) <= 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (hits & 1ull << i)
			values[found++] = data[i];
	return found;
}

unsigned prefix_table_match(const struct prefix_table *t, const struct prefix_set *set,
                            const uint8_t *addr, void *values[PREFIX_LENGTHS])
{
	unsigned n = 0;

	for (unsigned word = t->bytes / 8 + 1; word-- > 0;)
		n += match_word(t, set, word, addr, values + n);
	return n;
}

void *prefix_table_longest(const struct prefix_table *t, const struct prefix_set *set,
                           const uint8_t *addr)
{
	for (unsigned word = t->bytes / 8 + 1; word-- > 0;) {
		uint64_t lengths = __atomic_load_n(&set->lengths[word], __ATOMIC_ACQUIRE);

		while (lengths) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(lengths);
			struct key key = key_make(set, addr, word * 64 + bit);
			void *value;

			lengths &= ~(1ull << bit);
			if (rte_hash_lookup_data(t->hash, &key, &value) >= 0)
				return value;
		}
	}
	return NULL;
}
